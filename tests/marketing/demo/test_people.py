"""One press types the password; the code stands beside its field, works once, and is the real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import clear_url_caches

from marketing import urls
from marketing.demo import people
from marketing.demo.urls import urlpatterns as demo
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The demonstration's pages and people, in this process."""
    cast.clinic()
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, *demo])
    clear_url_caches()
    engine: dict[str, Any] = dict(settings.TEMPLATES[0])
    options = engine["OPTIONS"]
    processors = [*options["context_processors"], "marketing.demo.context.players"]
    middleware = list(settings.MIDDLEWARE)
    middleware.insert(
        middleware.index("accounts.middleware.Hosts") + 1, "marketing.demo.middleware.PatientsPages"
    )
    with override_settings(
        DEMO=True,
        STATE_DIR=tmp_path,
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=middleware,
        TEMPLATES=[{**engine, "OPTIONS": {**options, "context_processors": processors}}],
    ):
        people.create()
        yield
    clear_url_caches()


def offered(client: Client, page: str = "/account/factor/", name: str = "code") -> str:
    """The code on the button, if one is offered."""
    shown = client.get(page).content.decode().partition('class="demo-code"')[2]
    return shown.partition(f'name="{name}"\n')[2].partition('value="')[2][:6]


def signs_in(client: Client, short: str) -> None:
    answer = client.post(f"/demo/continue/{short}/")
    assert answer["Location"].startswith("/account/factor/")
    # As the browser posts it: the empty field, then the button.
    answer = client.post("/account/factor/", {"code": ["", offered(client)]})
    assert answer["Location"] == "/"


def name_of(client: Client) -> str:
    return client.get("/").content.decode().partition("Signed in as ")[2].partition("</p>")[0]


def test_the_sign_in_page_offers_each_of_them() -> None:
    page = Client().get("/account/login/").content.decode()
    for player in people.players():
        assert player.name in page
        assert player.password not in page


def test_one_press_and_the_code_lead_in_and_to_another() -> None:
    client = Client()
    signs_in(client, "dana")
    assert name_of(client) == "Dana Kim"
    signs_in(client, "marcus")
    assert name_of(client) == "Marcus Ruiz"


def test_a_press_alone_leads_nowhere_past_the_factor() -> None:
    client = Client()
    client.post("/demo/continue/dana/")
    assert client.get("/contacts/")["Location"].startswith("/account/login/")


def test_a_code_is_offered_twice_a_minute_and_then_waited_for() -> None:
    client = Client()
    signs_in(client, "dana")
    signs_in(client, "dana")
    client.post("/demo/continue/dana/")
    page = client.get("/account/factor/").content.decode()
    # A half minute may just have begun, in which case one more is good.
    assert "The next comes in" in page or offered(client)


def test_the_code_stands_at_step_up_too() -> None:
    client = Client()
    signs_in(client, "ada")
    session = client.session
    session["factor_at"] -= 301
    session.save()
    assert len(offered(client, "/account/factor/again/", "step_up_code")) == 6


def test_nobody_else_is_signed_in_by_a_press() -> None:
    cast.person("Nell Quist", "marketer")
    assert Client().post("/demo/continue/nell/").status_code == 404


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "demo.clinic.example:9443"]
)
def test_it_is_seen_by_whatever_address_leads_to_it(host: str) -> None:
    client = Client(headers={"host": host}, enforce_csrf_checks=True)
    token = client.get("/account/login/").content.decode().partition('csrfmiddlewaretoken" value="')[2][:64]
    answer = client.post(
        "/demo/continue/dana/", {"csrfmiddlewaretoken": token}, headers={"origin": f"http://{host}"}
    )
    assert answer["Location"].startswith("/account/factor/")
    assert "Strict-Transport-Security" not in answer
    assert not answer.cookies[settings.SESSION_COOKIE_NAME]["secure"]


def test_patients_pages_are_seen_through_the_staffs_port() -> None:
    answer = Client(headers={"host": "localhost:9000"}).get("/demo/patient/u/never-ours/")
    assert answer.status_code == 404
    assert "555-0100" in answer.content.decode()
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert Client(headers={"host": "localhost:9000"}).get("/demo/patient/contacts/").status_code == 404
