"""A first sign-in with a browser or from a network is told to its person, and written down; forgetting one ends its sessions."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import access, actions, devices
from accounts.access import Denied
from accounts.models import KnownDevice, SessionRecord, User
from safeguards import notices
from safeguards.models import AuditEvent, Notice
from tests.accounts.sign_in import HOST, enrol, let_time_pass, sign_in, somebody

pytestmark = pytest.mark.urls("tests.accounts.roof")

OFFICE, HOME = "198.51.100.23", "203.0.113.87"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has an account."""
    return somebody()


def at(address: str) -> Client:
    return Client(headers={"host": HOST, "user-agent": WINDOWS}, REMOTE_ADDR=address)


def again(client: Client, person: User) -> None:
    """Out, some minutes pass, and in again."""
    client.post("/account/logout/")
    let_time_pass(person)
    cache.clear()
    assert sign_in(client, person).status_code == 302
    assert client.get("/account/").status_code == 200


def rows() -> list[dict[str, bool]]:
    return [row.details for row in AuditEvent.objects.filter(action="session.new_device").order_by("pk")]


def mails() -> list[Notice]:
    return list(Notice.objects.filter(kind="staff.new_device").order_by("created_at"))


def test_the_first_sign_in_of_all_is_told_to_nobody(dana: User) -> None:
    client = at(OFFICE)
    enrol(client, dana)
    assert (rows(), mails()) == ([], [])
    cookie = client.cookies[devices.COOKIE]
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    known = KnownDevice.objects.get()
    assert cookie.value.encode() not in bytes(known.device_hash)
    assert known.network == "198.51.100.0/24"


def test_a_second_browser_and_a_second_network_are_told_once_each(dana: User) -> None:
    first = at(OFFICE)
    enrol(first, dana)
    again(first, dana)
    # Another address of the same office is no news.
    first.defaults["REMOTE_ADDR"] = "198.51.100.99"
    again(first, dana)
    assert rows() == []
    first.defaults["REMOTE_ADDR"] = HOME
    again(first, dana)
    again(first, dana)
    assert rows() == [{"known_device": True, "known_network": False}]
    again(at(OFFICE), dana)
    assert rows()[1:] == [{"known_device": False, "known_network": True}]
    row = AuditEvent.objects.filter(action="session.new_device").latest("pk")
    assert (row.actor_id, row.target_id, row.ip) == (str(dana.pk), str(dana.pk), OFFICE)
    moved, second = mails()
    assert moved.parameters["network"] == "203.0.113.0/24"
    assert second.parameters["device"] == "Chrome on Windows"
    # The time as its reader's clock has it, with the zone.
    assert second.parameters["at"].endswith(("EST", "EDT"))
    assert notices.opened(second)[0] == dana.email


@pytest.mark.parametrize(
    "value", ["", "short", "x" * 44, "é" * 43, "../../../../../../../../../../../../etc/pas"]
)
def test_a_cookie_that_we_never_made_is_replaced(dana: User, value: str) -> None:
    client = at(OFFICE)
    client.cookies[devices.COOKIE] = value
    enrol(client, dana)
    assert client.cookies[devices.COOKIE].value != value
    assert len(client.cookies[devices.COOKIE].value) == 43


def test_one_browser_of_two_people_is_new_to_each(dana: User) -> None:
    shared = at(OFFICE)
    enrol(shared, dana)
    shared.post("/account/logout/")
    marcus = somebody("Marcus Ruiz", "approver")
    cache.clear()
    enrol(shared, marcus)
    assert KnownDevice.objects.values("device_hash").distinct().count() == 1
    assert KnownDevice.objects.count() == 2
    assert mails() == [], "each account's first sign-in"


def test_forgetting_ends_the_sessions_and_the_next_sign_in_is_news(dana: User) -> None:
    office, phone = at(OFFICE), at(HOME)
    enrol(office, dana)
    again(phone, dana)
    page = office.get("/account/").content.decode()
    assert "Devices you sign in with" in page
    assert "203.0.113.0/24" in page
    [theirs] = [each for each in devices.known_to(dana) if "203.0.113.0/24" in each.networks]
    assert theirs.sessions == 1
    answer = office.post("/account/devices/", {"device": theirs.id}, follow=True)
    assert "The device is forgotten" in answer.content.decode()
    assert phone.get("/account/")["Location"].startswith("/account/login/")
    assert office.get("/account/").status_code == 200
    assert AuditEvent.objects.get(action="device.forgotten").details == {"sessions": 1}
    assert [each.networks for each in devices.known_to(dana)] == [["198.51.100.0/24"]]
    again(phone, dana)
    assert len(rows()) == 2, "it was new, was forgotten, and is new again"
    for wrong in ("", "0", "99999", "-1", "²", str(theirs.id)):
        assert office.post("/account/devices/", {"device": wrong}).status_code == 302
    assert AuditEvent.objects.filter(action="device.forgotten").count() == 1


def test_whoever_forgets_all_hears_of_the_next(dana: User) -> None:
    client = at(OFFICE)
    enrol(client, dana)
    [only] = devices.known_to(dana)
    client.post("/account/devices/", {"device": only.id})
    assert client.get("/account/")["Location"].startswith("/account/login/")
    again(at(HOME), dana)
    assert len(mails()) == 1


def test_nobody_forgets_for_others(dana: User) -> None:
    enrol(at(OFFICE), dana)
    [only] = devices.known_to(dana)
    marcus = somebody("Marcus Ruiz", "approver")
    with pytest.raises(Denied):
        actions.forget_device(actor=access.of_user(marcus), person=dana, device=only.id)
    assert actions.forget_device(actor=access.of_user(marcus), person=marcus, device=only.id) is None
    assert len(devices.known_to(dana)) == 1


def test_a_changed_password_keeps_the_device_of_the_session(dana: User) -> None:
    client = at(OFFICE)
    enrol(client, dana)
    client.post(
        "/account/password/", {"old": "three hens sat on the wall", "new": "four hens sat on the wall"}
    )
    assert SessionRecord.objects.get().device == KnownDevice.objects.get()
