"""The patients' own pages, as mailbox providers, scanners and people on old phones meet them (BEHAVIOURS C5-C8, H)."""

import base64
import re
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from accounts import access
from accounts.middleware import CSP
from accounts.organization.models import Brand
from contacts.consent import actions
from contacts.consent.models import Confirmation, ConsentRecord, Suppression
from contacts.consent.queries import history
from contacts.consent.rules import Standing
from contacts.models import Contact
from safeguards import tokens
from safeguards.models import AuditEvent
from tests import cast, factories
from tests.contacts.consent.people import EMAIL, actor, ask, link, page, phone, reach, topic

pytestmark = pytest.mark.django_db
ONE_CLICK = "List-Unsubscribe=One-Click"


@pytest.fixture
def ana(db: None) -> Contact:
    """Ana, who agreed to every topic."""
    cast.clinic()
    return factories.contact(EMAIL, first_name="Anabel", conditions=["E11.9"])


def one_click(path: str, client: Client | None = None) -> HttpResponse:
    """What a mailbox provider posts (RFC 8058 section 3.1)."""
    answer = (client or phone()).post(path, ONE_CLICK, content_type="application/x-www-form-urlencoded")
    assert isinstance(answer, HttpResponse)
    return answer


def everything_recorded() -> tuple[int, ...]:
    tables = (ConsentRecord, Suppression, AuditEvent)
    return *(table.objects.count() for table in tables), Suppression.objects.filter(lifted_at=None).count()


# One-click


def test_one_click_needs_nothing_but_the_link(ana: Contact) -> None:
    answer = one_click(page("u", ana))
    assert (answer.status_code, answer.content) == (200, b"OK")
    assert not answer.cookies
    assert "Location" not in answer
    assert reach(ana) is Standing.SUPPRESSED
    stop = Suppression.objects.get()
    assert (stop.scope, stop.source, stop.mailing_id, stop.message_id) == ("brand", "one-click", 41, 977)


def test_one_click_as_a_form_of_parts_is_understood(ana: Contact) -> None:
    answer = phone().post(page("u", ana), {"List-Unsubscribe": "One-Click"})  # multipart/form-data
    assert (answer.status_code, answer.content) == (200, b"OK")
    assert reach(ana) is Standing.SUPPRESSED


def test_one_click_twice_is_once(ana: Contact) -> None:
    one_click(page("u", ana))
    before = everything_recorded()
    assert one_click(page("u", ana)).status_code == 200
    assert everything_recorded() == before


def test_a_post_that_says_nothing_changes_nothing(ana: Contact) -> None:
    before = everything_recorded()
    for kind in ("u", "p"):
        for said in ({}, {"do": "dance"}, {"topic": "1"}):
            assert phone().post(page(kind, ana), said).status_code == 404
    assert everything_recorded() == before


# GET changes nothing


def test_looking_changes_nothing_anywhere(ana: Contact) -> None:
    paths = [page("u", ana), page("p", ana), f"/f/confirm/{ask(ana)}/"]
    before = everything_recorded()
    for path in paths:
        for look in (phone().get, phone().head):
            assert look(f"{path}?do=stop&List-Unsubscribe=One-Click&topic=1").status_code == 200
    assert everything_recorded() == before
    assert Confirmation.objects.get().used_at is None
    assert reach(ana) is Standing.REACHABLE


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_are_refused(ana: Contact, method: str) -> None:
    for path in (page("u", ana), page("p", ana)):
        assert getattr(phone(), method)(path).status_code == 405


# Unsubscribe, undo, choose


def test_stop_and_undo(ana: Contact) -> None:
    path = page("u", ana)
    assert "Stop these emails?" in phone().get(path).content.decode()
    done = phone().post(path, {"do": "stop"}).content.decode()
    assert "You will get no more of these emails" in done
    assert 'value="undo"' in done
    assert "/p/" in done
    assert reach(ana) is Standing.SUPPRESSED
    assert "You will keep getting our emails" in phone().post(path, {"do": "undo"}).content.decode()
    assert reach(ana) is Standing.REACHABLE


def test_undo_says_the_truth_where_something_wider_stands(ana: Contact) -> None:
    Suppression.objects.create(
        address_hash=bytes(ana.address_hash), scope="marketing", source="telephone", at=timezone.now()
    )
    phone().post(page("u", ana), {"do": "stop"})
    answer = phone().post(f"{page('u', ana)}?l=es", {"do": "undo"}, follow=True)
    assert answer.redirect_chain[0][0].startswith("/p/")
    assert "Usted dejó de recibir todos los correos" in answer.content.decode()


def checked(text: str) -> list[bool]:
    return ["checked" in box for box in re.findall(r"<input type=\"checkbox\"[^>]*>", text)]


def test_choosing_topics(ana: Contact) -> None:
    path = page("p", ana)
    assert checked(phone().get(path).content.decode()) == [True, True, True]
    answer = phone().post(path, {"do": "save", "topic": [topic("new-services").pk]}).content.decode()
    assert "Saved." in answer
    assert checked(answer) == [False, True, False]
    assert (reach(ana), reach(ana, "new-services")) == (Standing.SUPPRESSED, Standing.REACHABLE)


def test_coming_back_after_a_full_stop(ana: Contact) -> None:
    one_click(page("u", ana))
    path = page("p", ana)
    assert "You stopped all emails. Choose a topic" in phone().get(path).content.decode()
    answer = phone().post(path, {"do": "save", "topic": [topic().pk]}).content.decode()
    assert "Saved." in answer
    assert reach(ana) is Standing.REACHABLE
    assert ConsentRecord.objects.latest("id").source == "preferences page"


def test_stop_all_on_the_preferences_page(ana: Contact) -> None:
    answer = phone().post(page("p", ana), {"do": "stop", "topic": [topic().pk]}).content.decode()
    assert "You will get no more of these emails" in answer
    assert reach(ana) is Standing.SUPPRESSED


def test_an_address_that_bounced_is_told_to_call(ana: Contact) -> None:
    Suppression.objects.create(
        address_hash=bytes(ana.address_hash), scope="hard_bounce", source="bounce", at=timezone.now()
    )
    answer = phone().post(page("p", ana), {"do": "save", "topic": [topic().pk]}).content.decode()
    assert "please call us at 555-0100" in answer
    assert "Saved." not in answer
    assert reach(ana) is Standing.SUPPRESSED


@pytest.mark.parametrize("value", ["²", "0", "-1", "9" * 5000, "x", "", "1.0", "\x00"])
def test_a_topic_that_does_not_exist_is_none(ana: Contact, value: str) -> None:
    assert phone().post(page("p", ana), {"do": "save", "topic": [value]}).status_code == 200
    assert reach(ana) is Standing.SUPPRESSED


# Confirm


def test_one_button_confirms_once(ana: Contact) -> None:
    one_click(page("u", ana))
    path = f"/f/confirm/{ask(ana)}/"
    asked = phone().get(path)
    assert "Clinic news" in asked.content.decode()
    assert not asked.cookies
    answer = phone().post(path, {"do": "confirm"})
    assert "You are signed up" in answer.content.decode()
    assert reach(ana) is Standing.REACHABLE
    again = phone().post(path, {"do": "confirm"})
    assert (again.status_code, "call us at 555-0100" in again.content.decode()) == (404, True)
    assert phone().get(path).status_code == 404


def test_a_confirmation_that_is_over_says_whom_to_call(ana: Contact) -> None:
    path = f"/f/confirm/{ask(ana)}/"
    Confirmation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    before = everything_recorded()
    for answer in (phone().get(path), phone().post(path, {"do": "confirm"})):
        assert answer.status_code == 404
        assert "call us at 555-0100" in answer.content.decode()
    assert everything_recorded() == before


# Bad links


def altered(token: str) -> str:
    """One character changed, not the last, some of whose bits mean nothing."""
    middle = len(token) // 2
    return token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]


BAD: dict[str, Callable[[str, Contact], str]] = {
    "altered": lambda kind, ana: altered(tokens.seal_link(kind, link(ana))),
    "cut": lambda kind, ana: tokens.seal_link(kind, link(ana))[:-9],
    "doubled": lambda kind, ana: tokens.seal_link(kind, link(ana)) * 2,
    "another kind": lambda kind, ana: tokens.seal_link("p" if kind == "u" else "u", link(ana)),
    "a click's": lambda kind, ana: tokens.seal_link("c", link(ana)),
    "for totals": lambda kind, ana: tokens.totals_link(kind, 41),
    "no brand": lambda kind, ana: tokens.seal_link(kind, link(ana, brand_id=4_000_000)),
    "a word": lambda kind, ana: "unsubscribe",
    "not ASCII": lambda kind, ana: "ñandú",
}


@pytest.mark.parametrize("why", BAD)
@pytest.mark.parametrize("kind", ["u", "p"])
def test_a_bad_link_says_whom_to_call_and_records_nothing(ana: Contact, kind: str, why: str) -> None:
    path = f"/{kind}/{BAD[why](kind, ana)}/"
    before = everything_recorded()
    for answer in (
        phone().get(path),
        phone().post(path, {"do": "stop"}),
        phone().post(path, {"do": "save"}),
        one_click(path),
    ):
        assert answer.status_code == 404
        assert "call us at 555-0100" in answer.content.decode()
    assert everything_recorded() == before
    assert reach(ana) is Standing.REACHABLE


@examples(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_characters="/?#", codec="utf-8"), min_size=1, max_size=200))
def test_no_text_opens_as_a_link(text: str) -> None:
    with pytest.raises(tokens.BadToken):
        tokens.open_link("u", text)


@examples(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=90), st.sampled_from([b"", b"\x00", b"\x01\x00\x00\x00\x01"]))
def test_no_bytes_open_as_a_link(noise: bytes, start: bytes) -> None:
    text = base64.urlsafe_b64encode(start + noise).rstrip(b"=").decode()
    with pytest.raises(tokens.BadToken):
        tokens.open_link("u", text)


def test_without_a_telephone_the_clinic_is_named(ana: Contact) -> None:
    brand = cast.clinic()
    brand.phone = ""
    brand.save()
    assert "Please call your clinic." in phone().get("/u/bad/").content.decode()


# Language


SPANISH = {
    "u": "¿Quiere dejar de recibir estos correos?",
    "p": "Elija los correos que recibe",
}


@pytest.mark.parametrize("kind", SPANISH)
def test_spanish_by_the_link_and_by_the_phone(ana: Contact, kind: str) -> None:
    path = page(kind, ana)
    for answer in (
        phone().get(f"{path}?l=es"),
        phone(accept_language="es-MX,es;q=0.9,en;q=0.5").get(path),
        phone(accept_language="en").get(f"{path}?l=es"),
    ):
        text = answer.content.decode()
        assert SPANISH[kind] in text
        assert '<html lang="es">' in text
        assert 'href="?l=en"' in text
    english = phone(accept_language="es").get(f"{path}?l=en").content.decode()
    assert SPANISH[kind] not in english
    assert '<html lang="en">' in english
    assert '<html lang="en">' in phone(accept_language="fr").get(f"{path}?l=fr").content.decode()


def test_the_chosen_language_goes_on(ana: Contact) -> None:
    answer = phone().post(f"{page('u', ana)}?l=es", {"do": "stop"}).content.decode()
    assert "Ya no recibirá estos correos" in answer
    assert re.search(r'href="/p/[\w-]+/\?l=es"', answer)
    chosen = phone().post(f"{page('p', ana)}?l=es", {"do": "save", "topic": [topic().pk]}).content.decode()
    assert "Guardado." in chosen
    assert "Noticias de la clínica" in chosen
    assert "Este enlace ya no funciona" in phone().get("/p/bad/?l=es").content.decode()


# What every page says, and doesn't


def every_answer(ana: Contact) -> Sequence[HttpResponse]:
    confirm = f"/f/confirm/{ask(ana)}/"
    unsubscribe, preferences = page("u", ana), page("p", ana)
    answers = [
        phone().get(confirm),
        phone().post(confirm, {"do": "confirm"}),
        phone().get(confirm),
        phone().get(unsubscribe),
        phone().post(unsubscribe, {"do": "stop"}),
        phone().post(unsubscribe, {"do": "undo"}),
        phone().get(preferences),
        phone().post(preferences, {"do": "save"}),
        phone().post(preferences, {"do": "stop"}),
        phone().get("/u/bad/"),
        phone().get("/nothing-here/"),
    ]
    return [answer for answer in answers if isinstance(answer, HttpResponse)]


def test_headers_of_every_page(ana: Contact) -> None:
    for answer in every_answer(ana):
        assert answer["Content-Security-Policy"] == CSP
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert not answer.cookies


def test_no_page_knows_a_name_an_address_or_an_illness(ana: Contact) -> None:
    for answer in every_answer(ana):
        text = answer.content.decode()
        for secret in (
            EMAIL,
            "ana.lopez",
            "goodmail",
            "Anabel",
            "Lopez",
            "E11",
            bytes(ana.address_hash).hex(),
        ):
            assert secret.lower() not in text.lower()
        assert "<script" not in text
        assert " style=" not in text
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text)
        assert "noindex" in text


def test_links_hold_no_address(ana: Contact) -> None:
    token = tokens.seal_link("u", link(ana))
    raw = base64.urlsafe_b64decode(token + "==")
    assert bytes(ana.address_hash) not in raw
    assert bytes(ana.person_key) not in raw


def test_staff_pages_are_not_here_and_these_are_not_there(ana: Contact) -> None:
    staff = Client(headers={"host": settings.STAFF_URL.split("//")[1]})
    for path in (page("u", ana), page("p", ana)):
        assert staff.get(path).status_code == 404
        assert one_click(path, staff).status_code in {403, 404}
    for path in ("/account/login/", "/campaigns/", "/contacts/"):
        assert phone().get(path).status_code == 404
    assert reach(ana) is Standing.REACHABLE


def test_a_brand_without_a_telephone_sends_nobody_to_call_at_nothing(ana: Contact) -> None:
    brand = cast.clinic()
    actions.suppress(
        actor=access.system("delivery"), address_hash=bytes(ana.address_hash), scope="all", source="telephone"
    )
    with_number = phone().get(page("p", ana)).content.decode()
    assert f"call us at {brand.phone}." in with_number
    Brand.objects.update(phone="")
    without = phone().get(page("p", ana)).content.decode()
    assert "call us at" not in without
    assert "please call your clinic." in without
    assert "llame a su clínica." in phone().get(f"{page('p', ana)}?l=es").content.decode()


def test_a_stop_and_its_end_are_told_in_the_readers_language(ana: Contact) -> None:
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    actions.undo_unsubscribe(actor=actor(ana), token=link(ana))
    with translation.override("es"):
        told = {entry.what for entry in history(bytes(ana.address_hash), bytes(ana.person_key))}
    assert {"canceló", "volvió"} <= told
