"""The demonstration's pages: they need no sign-in, so they exist in the demonstration and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client, override_settings
from django.urls import clear_url_caches

from campaigns.delivery.sandbox.mailbox import Mailbox
from marketing import urls
from marketing.demo import people
from marketing.demo.urls import urlpatterns as demo
from tests import cast

PAGES = (
    "/demo/",
    "/demo/code/",
    "/demo/codes/",
    "/demo/inbox/",
    "/demo/inbox/rows/",
    "/demo/inbox/1/",
    "/demo/inbox/1/body/",
    "/demo/patient/u/token/",
)
POSTED = ("/demo/continue/dana/", "/demo/inbox/1/one-click/")
MAIL = (
    b"From: news@northfield.example\r\nSubject: Autumn\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\nWalk with us\r\n"
    b"--x\r\nContent-Type: text/html\r\n\r\n<html><head></head><body><script>1</script>Walk</body></html>\r\n--x--\r\n"
)


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_outside_the_demo_there_is_no_such_page(page: str) -> None:
    answer = Client().get(page)
    assert answer.status_code in {302, 404}
    assert answer.status_code == 404 or answer["Location"].startswith("/account/login/")


def test_outside_the_demo_no_route_leads_there() -> None:
    assert not {str(route.pattern) for route in demo} & {str(route.pattern) for route in urls.urlpatterns}


@pytest.mark.django_db
@pytest.mark.parametrize("page", POSTED)
def test_outside_the_demo_nobody_signs_in_by_one_press(page: str) -> None:
    cast.dana()
    client = Client()
    answer = client.post(page)
    assert answer.status_code == 404 or answer["Location"].startswith("/account/login/")
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db
def test_outside_the_demo_the_sign_in_page_offers_nobody() -> None:
    page = Client().get("/account/login/").content.decode()
    assert "demo" not in page.lower()


@pytest.mark.parametrize("demo_flag", ["", "1"])
def test_what_the_demo_adds_to_the_settings_is_added_there_alone(demo_flag: str) -> None:
    program = (
        "import django; django.setup(); from django.conf import settings; from marketing import urls;"
        "print(int(any('marketing.demo' in name for name in settings.MIDDLEWARE)),"
        " int(any('marketing.demo' in name for name in settings.TEMPLATES[0]['OPTIONS']['context_processors'])),"
        " int(settings.ALLOWED_HOSTS == ['*']), int(settings.USE_X_FORWARDED_HOST),"
        " int(any(route.name == 'demo_continue' for route in urls.urlpatterns)))"
    )
    environment = {**os.environ, "WELLSENT_DEMO": demo_flag, "DJANGO_SETTINGS_MODULE": "marketing.settings"}
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert set(said.stdout.split()) == {demo_flag or "0"}


@pytest.mark.django_db
def test_in_the_demo_people_and_mail_are_shown_and_no_script_of_a_mail_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.clinic()
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, *demo])
    clear_url_caches()
    received = Mailbox(tmp_path / "mail").deposit(
        MAIL,
        sender="b@northfield.example",
        recipient="ana@riverbend.example",
        peer="127.0.1.11",
        helo="out.northfield.example",
        mx_host="mx.riverbend.example",
        tls_version="TLSv1.3",
        tls_cipher="TLS_AES_256_GCM_SHA384",
    )
    with override_settings(DEMO=True, STATE_DIR=tmp_path, SANDBOX_DIR=tmp_path, DELIVERY_DNS="127.0.0.1:9"):
        [dana, *_others] = people.create()
        client = Client()
        assert dana.password in client.get("/demo/").content.decode()
        assert "Autumn" in client.get("/demo/inbox/").content.decode()
        assert "Autumn" in client.get(f"/demo/inbox/{received.id}/").content.decode()
        body = client.get(f"/demo/inbox/{received.id}/body/")
        assert "script-src 'none'" in body["Content-Security-Policy"]
        assert "sandbox" in body["Content-Security-Policy"]
        for view in ("phone", "dark", "pictures-off", "text", "source"):
            assert client.get(f"/demo/inbox/{received.id}/?view={view}").status_code == 200
        assert "Walk with us" in client.get(f"/demo/inbox/{received.id}/?view=text").content.decode()
        assert client.get(f"/demo/inbox/{received.id}/?view=other").status_code == 404
        assert "Autumn" in client.get("/demo/inbox/rows/?q=ANA@").content.decode()
        assert "No mail for such an address" in client.get("/demo/inbox/?q=nobody").content.decode()
        assert client.get("/demo/inbox/../etc/").status_code == 404
        assert client.get("/demo/inbox/nothing/").status_code == 404
    clear_url_caches()
