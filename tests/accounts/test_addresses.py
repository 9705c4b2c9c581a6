"""Whose word about an address is believed: our proxies', and nobody else's (BEHAVIOURS A8)."""

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts import addresses
from accounts.adapters import AccountAdapter
from accounts.models import SessionRecord
from marketing import environment
from safeguards.models import AuditEvent
from tests import cast
from tests.accounts.sign_in import HOST, PASSWORD
from tests.house import source
from tests.sessions import signed_in

PEER = "10.0.0.5"


@pytest.mark.parametrize(
    ("forwarded", "proxies", "believed"),
    [
        ("203.0.113.9", 0, PEER),
        ("", 0, PEER),
        ("", 1, PEER),
        ("203.0.113.9", 1, "203.0.113.9"),
        # What the client has written itself stands to the left of what our proxy adds.
        ("198.51.100.1, 203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 10.0.0.7", 2, "203.0.113.9"),
        ("203.0.113.9", 2, PEER),
        ("203.0.113.9:4711", 1, "203.0.113.9"),
        ("[2001:db8::7]:4711", 1, "2001:db8::7"),
        ("2001:DB8:0:0::7", 1, "2001:db8::7"),
        ("::ffff:203.0.113.9", 1, "203.0.113.9"),
        ("fe80::1%eth0", 1, "fe80::1"),
        ("198.51.100.1, unknown", 1, PEER),
        ("198.51.100.1,", 1, PEER),
        ("203.0.113.999", 1, PEER),
        ("203.0.113.9'; --", 1, PEER),
        ("203.0.113.9/24", 1, PEER),
        ("٣.0.113.9", 1, PEER),
    ],
)
def test_which_entry_is_believed(forwarded: str, proxies: int, believed: str) -> None:
    assert addresses.believed(PEER, forwarded, proxies) == believed


def test_a_socket_has_no_address_of_its_own() -> None:
    assert addresses.believed("", "203.0.113.9", 0) is None
    assert addresses.believed("", "203.0.113.9", 1) == "203.0.113.9"


@pytest.mark.parametrize("value", ["-1", "one", "6", "1.5", "²"])
def test_a_number_of_proxies_that_is_none_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WELLSENT_TRUSTED_PROXIES", value)
    with pytest.raises(ImproperlyConfigured, match="WELLSENT_TRUSTED_PROXIES"):
        environment.number("WELLSENT_TRUSTED_PROXIES", 0, most=5)


@pytest.mark.parametrize(("proxies", "seen"), [(0, PEER), (1, "203.0.113.9")])
def test_session_and_log_have_the_address_that_is_believed(
    own_database: str, settings: Settings, proxies: int, seen: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    forged = {"host": HOST, "x-forwarded-for": "127.0.0.1, 203.0.113.9"}
    dana = cast.dana()
    client = signed_in(Client(headers=forged, REMOTE_ADDR=PEER), dana)
    assert client.get("/").status_code == 200
    assert SessionRecord.objects.get(user=dana).ip == seen
    assert client.get("/settings/people/").status_code == 404
    assert AuditEvent.objects.filter(action="access.denied").latest("pk").ip == seen


def test_limits_count_by_the_same_address_and_lie_in_the_shared_cache(
    own_database: str, settings: Settings
) -> None:
    assert isinstance(caches["default"], RedisCache), "each web process would count for itself"
    settings.TRUSTED_PROXIES = 1
    request = RequestFactory(REMOTE_ADDR=PEER).get("/", headers={"x-forwarded-for": "junk, 203.0.113.9"})
    assert AccountAdapter().get_client_ip(request) == "203.0.113.9"
    # One who makes up another address for each guess is slowed all the same.
    told = []
    for guess in range(40):
        forged = Client(headers={"host": HOST, "x-forwarded-for": f"198.51.100.{guess}, 203.0.113.9"})
        answer = forged.post(
            "/account/login/", {"login": f"{guess}@northfield.example", "password": PASSWORD}
        )
        told.append(answer.status_code)
    assert 429 in told or 403 in told, told


def test_nothing_else_asks_for_an_address() -> None:
    """A second way to it would believe somebody else."""
    asking = {module.path for module in source.product() if "REMOTE_ADDR" in module.text}
    in_the_story = {"marketing/demo/colleagues.py", "marketing/demo/watching.py"}
    assert asking - in_the_story == {"accounts/addresses.py"}
