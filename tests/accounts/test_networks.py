"""Networks that a role may be used from: read, shown before they hold, asked at sign-in and at each request (BEHAVIOURS A8)."""

from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import access, actions, cidr, networks
from accounts.access import Denied
from accounts.cidr import BadLine, Named, Problem
from accounts.models import AllowedNetwork, SessionRecord, User
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import HOST, code, enrol, let_time_pass, secret_of, somebody, type_password
from tests.sessions import signed_in

OFFICE, HOME = "198.51.100.23", "203.0.113.87"
HARBOR = [Named("198.51.100.0/24", "Harbor Street office")]
SAYS = "Not from this network"


def at(address: str) -> Client:
    """A browser somewhere."""
    return Client(headers={"host": HOST}, REMOTE_ADDR=address)


def allow(role: str, wanted: list[Named] = HARBOR) -> None:
    actions.allow_networks(actor=access.system("setup"), role=role, wanted=wanted)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("\n  \n", []),
        ("198.51.100.0/24 Harbor Street office", HARBOR),
        ("198.51.100.0/24   # Harbor   Street office", HARBOR),
        ("203.0.113.7", [Named("203.0.113.7/32")]),
        ("2001:DB8:7::/48 VPN", [Named("2001:db8:7::/48", "VPN")]),
        ("2001:db8::1", [Named("2001:db8::1/128")]),
        ("10.0.0.0/255.0.0.0 Inside", [Named("10.0.0.0/8", "Inside")]),
        ("10.0.0.0/8 a\r\n10.1.0.0/16 b", [Named("10.0.0.0/8", "a"), Named("10.1.0.0/16", "b")]),
    ],
)
def test_networks_are_read_line_by_line(text: str, found: list[Named]) -> None:
    assert cidr.lines(text) == found
    assert cidr.lines(cidr.text(found)) == found


@pytest.mark.parametrize(
    ("text", "line", "problem", "meant"),
    [
        ("Harbor Street", 1, Problem.NONE, ""),
        ("10.0.0.0/33", 1, Problem.NONE, ""),
        ("10.0.0/8", 1, Problem.NONE, ""),
        ("1.2.3.4.5", 1, Problem.NONE, ""),
        ("10.0.0.0/8\n\n198.51.100.23/24 Office", 3, Problem.HOST, "198.51.100.0/24"),
        ("2001:db8::1/48", 1, Problem.HOST, "2001:db8::/48"),
        ("0.0.0.0/0", 1, Problem.EVERYWHERE, ""),
        ("::/0", 1, Problem.EVERYWHERE, ""),
        ("::ffff:198.51.100.23", 1, Problem.WRAPPED, "198.51.100.23"),
        ("10.0.0.0/8\n10.0.0.0/8 again", 2, Problem.TWICE, ""),
        ("10.0.0.0/8 " + "x" * 61, 1, Problem.LABEL, ""),
        ("\n".join(f"10.{n}.0.0/16" for n in range(51)), 51, Problem.MANY, ""),
    ],
)
def test_what_is_no_network_is_told_by_its_line(text: str, line: int, problem: Problem, meant: str) -> None:
    with pytest.raises(BadLine) as refused:
        cidr.lines(text)
    assert (refused.value.line, refused.value.problem, refused.value.meant) == (line, problem, meant)


@pytest.mark.parametrize(
    ("address", "known", "inside"),
    [
        (OFFICE, [], True),
        (None, [], True),
        (OFFICE, ["198.51.100.0/24"], True),
        (HOME, ["198.51.100.0/24"], False),
        (HOME, ["198.51.100.0/24", "203.0.113.0/24"], True),
        ("2001:db8:7::1", ["198.51.100.0/24", "2001:db8:7::/48"], True),
        ("2001:db8:8::1", ["2001:db8:7::/48"], False),
        # Nobody knows from where: not from one of these.
        (None, ["198.51.100.0/24"], False),
        ("", ["198.51.100.0/24"], False),
    ],
)
def test_who_is_inside(address: str | None, known: list[str], inside: bool) -> None:
    assert cidr.within(address, known) is inside


def test_a_sign_in_from_elsewhere_is_refused_after_both_factors_and_begins_nothing(own_database: str) -> None:
    dana = somebody()
    enrol(at(OFFICE), dana)
    let_time_pass(dana)
    allow("marketer")
    client = at(HOME)
    # A stranger's pages, and those of a password alone, say nothing of it.
    assert SAYS not in client.get("/account/login/").content.decode()
    wrong = type_password(client, dana, "wrong horse battery staple")
    assert SAYS not in wrong.content.decode()
    answer = type_password(client, dana)
    assert answer.status_code == 302
    assert SAYS not in client.get("/account/factor/").content.decode()
    wrong_code = client.post("/account/factor/", {"code": "000000"})
    assert SAYS not in wrong_code.content.decode()
    let_time_pass(dana)
    refused = client.post("/account/factor/", {"code": code(secret_of(dana), 1)})
    page = refused.content.decode()
    assert refused.status_code == 403
    assert SAYS in page
    assert "Harbor Street office" in page
    assert HOME in page
    assert "Successfully" not in page
    assert client.get("/")["Location"].startswith("/account/login/")
    assert not SessionRecord.objects.filter(ip=HOME).exists()
    row = AuditEvent.objects.get(action="access.outside_network")
    assert (row.outcome, row.target_id, row.ip) == ("denied", str(dana.pk), HOME)
    assert row.details == {"role": "marketer", "network": "203.0.113.0/24", "moment": "sign-in"}
    assert not Notice.objects.filter(kind="staff.new_device").exists()
    # The same person at the office is let in.
    let_time_pass(dana)
    inside = at(OFFICE)
    type_password(inside, dana)
    assert inside.post("/account/factor/", {"code": code(secret_of(dana))}).status_code == 302
    assert inside.get("/").status_code == 200


def test_a_newcomer_elsewhere_sets_up_no_factor(own_database: str) -> None:
    dana = somebody()
    allow("marketer")
    client = at(HOME)
    assert type_password(client, dana).status_code == 403
    assert client.get("/account/factor/set-up/")["Location"].startswith("/account/login/")


def test_an_open_session_that_moves_is_refused_until_it_is_back(own_database: str) -> None:
    dana = cast.dana()
    allow("marketer")
    client = signed_in(at(OFFICE), dana)
    assert client.get("/").status_code == 200
    for _ in range(3):
        answer = client.get("/campaigns/", REMOTE_ADDR=HOME)
        assert answer.status_code == 403
        assert SAYS in answer.content.decode()
        assert "Content-Security-Policy" in answer.headers
    assert client.post("/campaigns/new/", {"name": "x"}, REMOTE_ADDR=HOME).status_code == 403
    fragment = client.get("/list-health/", headers={"hx-request": "true"}, REMOTE_ADDR=HOME)
    assert (fragment.status_code, fragment["HX-Redirect"]) == (204, "/account/login/")
    # An open page covers itself, and hears of the same person once they are back.
    assert client.get("/account/session/", REMOTE_ADDR=HOME).json() == {"who": "nobody"}
    assert AuditEvent.objects.filter(action="access.outside_network").count() == 1
    # What is refused keeps nobody signed in, and leaves the place of the session as it was.
    session = client.session
    session["seen"] -= 600
    session.save()
    client.get("/campaigns/", REMOTE_ADDR=HOME)
    assert client.session["seen"] == session["seen"]
    assert SessionRecord.objects.get().ip == OFFICE
    assert client.get("/campaigns/").status_code == 200
    # Whoever is out can still sign out.
    assert client.post("/account/logout/", REMOTE_ADDR=HOME).status_code == 302


def test_a_forged_header_is_no_way_in(own_database: str) -> None:
    allow("marketer")
    client = signed_in(
        Client(headers={"host": HOST, "x-forwarded-for": OFFICE}, REMOTE_ADDR=HOME), cast.dana()
    )
    assert client.get("/").status_code == 403


def test_other_roles_go_on(own_database: str) -> None:
    allow("analyst")
    assert signed_in(at(HOME), cast.dana()).get("/").status_code == 200
    allow("analyst", [])
    assert signed_in(at(HOME), cast.ann()).get("/").status_code == 200


def test_another_role_brings_its_networks(own_database: str) -> None:
    dana = cast.dana()
    allow("analyst")
    client = signed_in(at(HOME), dana)
    assert client.get("/").status_code == 200
    actions.change_role(actor=access.system("setup"), person=dana, role="analyst")
    assert client.get("/").status_code == 403


@pytest.fixture
def ada(own_database: str) -> Client:
    """Ada, an administrator, at the office, with a fresh code."""
    return signed_in(at(OFFICE), cast.ada())


def saved(client: Client, role: str, text: str) -> Any:
    return client.post(f"/settings/access/{role}/save/", {"networks": text})


def test_the_page_shows_who_would_be_out_and_then_saves(ada: Client) -> None:
    for person, address in ((cast.dana(), HOME), (cast.person("Theo Brandt", "marketer"), OFFICE)):
        assert signed_in(at(address), person).get("/").status_code == 200
    typed = "198.51.100.0/24 Harbor Street office"
    page = ada.post("/settings/access/marketer/", {"networks": typed}).content.decode()
    assert "Dana Kim" in page
    assert "Theo Brandt" not in page
    assert "203.0.113.0/24" in page
    assert not AllowedNetwork.objects.exists(), "looking changes nothing"
    assert saved(ada, "marketer", typed).status_code == 302
    assert "Harbor Street office" in ada.get("/settings/access/").content.decode()
    row = AuditEvent.objects.get(action="access.networks_changed")
    assert row.details == {"role": "marketer", "before": 0, "after": 1, "out": 1}
    assert (
        "nothing would change" in ada.post("/settings/access/marketer/", {"networks": typed}).content.decode()
    )
    saved(ada, "marketer", typed)
    assert AuditEvent.objects.filter(action="access.networks_changed").count() == 1


def test_saving_asks_for_a_fresh_code_and_keeps_what_was_typed(ada: Client) -> None:
    session = ada.session
    session["factor_at"] = 0
    session.save()
    answer = saved(ada, "marketer", "10.0.0.0/8 Inside")
    assert "step_up_code" in answer.content.decode()
    assert "10.0.0.0/8 Inside" in answer.content.decode()
    assert not AllowedNetwork.objects.exists()


@pytest.mark.parametrize("text", ["203.0.113.0/24 Elsewhere", "198.51.100.24"])
def test_nobody_shuts_themselves_out(ada: Client, text: str) -> None:
    for answer in (
        ada.post("/settings/access/administrator/", {"networks": text}),
        saved(ada, "administrator", text),
    ):
        assert answer.status_code == 422
        assert "you would shut yourself out" in answer.content.decode()
        assert "198.51.100.0/24" in answer.content.decode()
    assert not AllowedNetwork.objects.exists()
    assert saved(ada, "administrator", f"{text}\n{OFFICE}").status_code == 302
    assert ada.get("/").status_code == 200


def test_a_bad_line_is_told_in_words(ada: Client) -> None:
    answer = ada.post("/settings/access/marketer/", {"networks": "10.0.0.0/8\n198.51.100.23/24 Office"})
    assert answer.status_code == 422
    assert "Line 2: “198.51.100.23/24” is one address within a network" in answer.content.decode()
    assert "198.51.100.23/24 Office" in answer.content.decode(), "what was typed is still there"


def test_who_may_and_for_what(own_database: str) -> None:
    with pytest.raises(Denied):
        actions.allow_networks(actor=cast.actor(cast.dana()), role="marketer", wanted=HARBOR)
    with pytest.raises(ValidationError):
        actions.allow_networks(actor=cast.actor(cast.ada()), role="delivery", wanted=HARBOR)
    assert signed_in(at(OFFICE), cast.ada()).get("/settings/access/delivery/").status_code == 404


def test_whoever_has_the_server_opens_it_again(own_database: str, capsys: pytest.CaptureFixture[str]) -> None:
    allow("administrator")
    allow("analyst")
    with pytest.raises(CommandError):
        call_command("access", "open", "--role", "all", "--reason", " ")
    call_command("access", "open", "--role", "administrator", "--reason", "moved house over the weekend")
    assert networks.of_role("administrator") == []
    row = AuditEvent.objects.filter(action="access.networks_changed").latest("pk")
    assert (row.actor_id, row.reason) == ("setup", "moved house over the weekend")
    call_command("access", "list")
    assert "administrator\teverywhere" in capsys.readouterr().out
    call_command("access", "open", "--role", "all", "--reason", "the same")
    assert not AllowedNetwork.objects.exists()
    assert User.objects.count() == 0
    assert settings.TRUSTED_PROXIES == 0
