"""What DNS says of a sending domain, asked of a real name server, and the changing of its key while mail is signed."""

import email.policy
import re
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import dkim
import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import access
from accounts.models import User
from campaigns.delivery import actions, domains, drain, published, world
from campaigns.delivery.actions import claims
from campaigns.delivery.actions.sending_domains import (
    published_key,
    published_next_key,
    published_old_key,
    signer,
)
from campaigns.delivery.models import EgressSource, SendingDomain
from campaigns.delivery.published import Kind, Standing, Wanted
from campaigns.delivery.sandbox import Sandbox
from campaigns.delivery.sandbox.names import look_up, publish
from safeguards.models import AuditEvent
from tests import cast, factories
from tests.campaigns.test_pages import page, post
from tests.sessions import signed_in

NAME = "northfield.example"
NEXT = f"w2._domainkey.{NAME}"


@pytest.fixture
def sandbox(tmp_path: Path, settings: Settings) -> Iterator[Sandbox]:
    """The demo's mail world with its name server, which this process is pointed at."""
    cache.clear()
    with Sandbox(tmp_path / "sandbox") as running:
        settings.DELIVERY_DNS = f"127.0.0.1:{running.dns_port}"
        settings.DELIVERY_SMTP_PORT = running.smtp_port
        settings.DELIVERY_CA_FILE = str(running.ca_file)
        settings.SANDBOX_DIR = tmp_path / "sandbox"
        settings.JOURNAL_DIR = tmp_path / "journal"
        world.tls.cache_clear()
        drain.compiled.cache_clear()
        yield running
    world.tls.cache_clear()


def sending_domain() -> SendingDomain:
    cast.clinic()
    return actions.add_sending_domain(actor=access.system("setup"), domain=NAME)


def ask(domain: SendingDomain) -> dict[tuple[Kind, str], published.Finding]:
    found = domains.check(cast.actor(cast.ada()), domain)
    return {(each.kind, each.name): each for each in found.findings}


def with_next_published(folder: Path) -> SendingDomain:
    found = actions.prepare_key(actor=cast.actor(cast.ada()), domain=sending_domain())
    publish(folder, NEXT, published_next_key(found))
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("person", [cast.dana, cast.marcus, cast.olive, cast.ann])
def test_nobody_but_an_administrator_asks_dns_or_changes_a_key(person: Callable[[], User]) -> None:
    actor, domain = cast.actor(person()), sending_domain()
    acts: list[Callable[..., SendingDomain]] = [
        actions.prepare_key,
        actions.drop_next_key,
        actions.take_over_key,
        actions.give_back_key,
        actions.retire_key,
    ]
    for act in acts:
        with pytest.raises(access.Denied):
            act(actor=actor, domain=domain)
    with pytest.raises(access.Denied):
        domains.check(actor, domain)
    with pytest.raises(access.Denied):
        domains.domains(actor)
    domain.refresh_from_db()
    assert (domain.selector, domain.next_selector, domain.old_selector) == ("w1", "", "")


@pytest.mark.django_db
def test_records_are_found_missing_or_different_as_the_name_server_answers(sandbox: Sandbox) -> None:
    domain = sending_domain()
    folder = sandbox_folder()
    key = (Kind.DKIM, f"w1._domainkey.{NAME}")
    assert ask(domain)[key].standing is Standing.MISSING
    publish(folder, key[1], "v=DKIM1; k=rsa; p=AAAA")
    said = ask(domain)[key]
    assert (said.standing, said.seen) == (Standing.DIFFERS, ("v=DKIM1; k=rsa; p=AAAA",))
    publish(folder, key[1], published_key(domain))
    assert ask(domain)[key].standing is Standing.FOUND

    source = EgressSource.objects.filter(entries__isnull=False).order_by("pk")[0]
    reverse_name = ip_address(source.source_address).reverse_pointer
    ptr, ehlo = (Kind.PTR, reverse_name), (Kind.EHLO, source.ehlo_domain)
    said_all = ask(domain)
    assert said_all[ptr].standing is Standing.MISSING
    assert said_all[ehlo].standing is Standing.DIFFERS, "the sandbox gives every name its own mail host"
    publish(folder, reverse_name, "elsewhere.example.", "PTR")
    assert ask(domain)[ptr].standing is Standing.DIFFERS
    publish(folder, reverse_name, f"{source.ehlo_domain}.", "PTR")
    publish(folder, source.ehlo_domain, source.source_address, "A")
    said_all = ask(domain)
    assert said_all[ptr].standing is said_all[ehlo].standing is Standing.FOUND
    kept = domains.last_check(domain)
    assert kept is not None
    assert {(each.kind, each.name): each for each in kept.findings} == said_all


@pytest.mark.django_db
def test_a_name_server_that_is_away_is_no_answer_and_not_a_missing_record(
    sandbox: Sandbox, settings: Settings
) -> None:
    domain = with_next_published(sandbox_folder())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        settings.DELIVERY_DNS = f"127.0.0.1:{silent.getsockname()[1]}"
        assert {each.standing for each in ask(domain).values()} == {Standing.NO_ANSWER}
        with pytest.raises(actions.NotPossible, match="doesn't show"):
            actions.take_over_key(actor=cast.actor(cast.ada()), domain=domain)
    domain.refresh_from_db()
    assert domain.selector == "w1"


SPF = Wanted(Kind.SPF, "b.x.example", "TXT", "", ("192.0.2.7", "2001:db8::1"))
DMARC = Wanted(Kind.DMARC, "_dmarc.x.example", "TXT", "")
KEY = Wanted(Kind.DKIM, "w1._domainkey.x.example", "TXT", "v=DKIM1; k=rsa; p=AbC")
MX = Wanted(Kind.RETURN_PATH, "b.x.example", "MX", "10 mail.x.example.")


@pytest.mark.parametrize(
    ("record", "seen", "standing"),
    [
        (KEY, ["v=DKIM1;p=A b C"], Standing.FOUND),
        (KEY, ["v=DKIM1; p=abc"], Standing.DIFFERS),
        (KEY, ["v=DKIM1; p="], Standing.DIFFERS),
        (KEY, ["p=AbC", "p=AbC"], Standing.DIFFERS),
        (SPF, [], Standing.MISSING),
        (SPF, ["google-site-verification=1"], Standing.MISSING),
        (SPF, ["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all", "other"], Standing.FOUND),
        (SPF, ["v=spf1 ip4:192.0.2.7 -all"], Standing.DIFFERS),
        (SPF, ["v=spf1 -ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"], Standing.DIFFERS),
        (SPF, ["v=spf1 ip4:192.0.2.x -all"], Standing.DIFFERS),
        (SPF, ["v=spf1 ip4:192.0.2.7 ip6:2001:db8::1 -all"] * 2, Standing.DIFFERS),
        (DMARC, ["v=DMARC1; p=none"], Standing.FOUND),
        (DMARC, ["v=DMARC1; rua=mailto:a@x.example"], Standing.DIFFERS),
        (DMARC, ["v=DMARC1; p=none", "v=DMARC1; p=reject"], Standing.DIFFERS),
        (MX, ["5 other.example."], Standing.FOUND),
        (MX, ["0 ."], Standing.MISSING),
        (MX, [], Standing.MISSING),
    ],
)
def test_a_record_is_judged_as_a_receiving_host_would(
    record: Wanted, seen: list[str], standing: Standing
) -> None:
    assert published.judge(record, seen)[0] is standing


@pytest.mark.django_db
def test_signing_does_not_go_over_to_a_key_that_nobody_can_look_up(sandbox: Sandbox) -> None:
    ada, domain = cast.actor(cast.ada()), sending_domain()
    with pytest.raises(actions.NotPossible, match="no such key"):
        actions.take_over_key(actor=ada, domain=domain)
    domain = actions.prepare_key(actor=ada, domain=domain)
    with pytest.raises(actions.NotPossible, match="waiting"):
        actions.prepare_key(actor=ada, domain=domain)
    for told in ("", published_key(domain)):
        if told:
            publish(sandbox_folder(), NEXT, told)
        with pytest.raises(actions.NotPossible, match="doesn't show"):
            actions.take_over_key(actor=ada, domain=domain)
    stale = SendingDomain.objects.get()
    publish(sandbox_folder(), NEXT, published_next_key(domain))
    actions.drop_next_key(actor=ada, domain=domain)
    with pytest.raises(actions.NotPossible, match="changed the keys"):
        actions.take_over_key(actor=ada, domain=stale)
    domain.refresh_from_db()
    assert (domain.selector, domain.old_selector) == ("w1", "")
    assert not AuditEvent.objects.filter(action="sending_domain.key_taken_over").exists()


@pytest.mark.django_db
def test_each_step_is_in_the_log_and_the_old_key_is_kept_until_it_is_retired(sandbox: Sandbox) -> None:
    ada, domain = cast.actor(cast.ada()), with_next_published(sandbox_folder())
    first, second = published_key(domain), published_next_key(domain)
    domain = actions.take_over_key(actor=ada, domain=domain)
    assert (published_key(domain), published_old_key(domain)) == (second, first)
    assert (Kind.DKIM_OLD, f"w1._domainkey.{NAME}") in ask(domain)
    domain = actions.give_back_key(actor=ada, domain=domain)
    assert (published_key(domain), published_next_key(domain)) == (first, second)
    domain = actions.take_over_key(actor=ada, domain=domain)
    domain = actions.retire_key(actor=ada, domain=domain)
    assert not [each for each in domains.records(domain) if each.kind is Kind.DKIM_OLD]
    with pytest.raises(actions.NotPossible, match="changed since"):
        actions.give_back_key(actor=ada, domain=domain)
    domain = actions.retire_key(actor=ada, domain=domain, retired=False)
    assert [each for each in domains.records(domain) if each.kind is Kind.DKIM_OLD]
    rows = AuditEvent.objects.filter(actor_id=ada.id, action__startswith="sending_domain.").order_by("pk")
    assert [(row.action.removeprefix("sending_domain."), row.details["selector"]) for row in rows] == [
        ("key_prepared", "w2"),
        ("key_taken_over", "w2"),
        ("key_given_back", "w1"),
        ("key_taken_over", "w2"),
        ("key_retired", "w1"),
        ("key_kept", "w1"),
    ]
    assert signer(domain).sign(b"From: a@b.example\r\n\r\n", at=rows[0].at).find(b"s=w2") > 0


def test_a_real_drain_signs_with_the_new_key_and_the_old_mail_still_verifies(
    own_database: str, sandbox: Sandbox
) -> None:
    ada = cast.actor(cast.ada())
    cast.clinic()
    launch("one@goodmail.example")
    domain = SendingDomain.objects.get()
    publish(sandbox_folder(), f"{domain.selector}._domainkey.{domain.domain}", published_key(domain))
    drain_all()
    domain = actions.prepare_key(actor=ada, domain=domain)
    publish(
        sandbox_folder(), f"{domain.next_selector}._domainkey.{domain.domain}", published_next_key(domain)
    )
    actions.take_over_key(actor=ada, domain=domain)
    launch("two@goodmail.example")
    drain_all()
    signed = {}
    for entry in sandbox.mailbox.entries():
        raw = sandbox.mailbox.read(entry.id)
        assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: told(sandbox, name))
        message = email.message_from_bytes(raw, policy=email.policy.default)
        found = re.search(r"\bs=(\w+)", str(message["DKIM-Signature"]))
        assert found
        signed[str(message["To"])] = found[1]
    assert {address.partition("@")[0].lstrip("<"): key for address, key in signed.items()} == {
        "one": "w1",
        "two": "w2",
    }


@pytest.mark.django_db
def test_no_selector_is_used_twice_though_its_key_was_dropped(sandbox: Sandbox) -> None:
    ada, domain = cast.actor(cast.ada()), with_next_published(sandbox_folder())
    domain = actions.take_over_key(actor=ada, domain=domain)
    # It may have signed mail that is still on its way.
    domain = actions.give_back_key(actor=ada, domain=domain)
    domain = actions.drop_next_key(actor=ada, domain=domain)
    domain = actions.prepare_key(actor=ada, domain=domain)
    assert (domain.selector, domain.next_selector) == ("w1", "w3")
    domain = actions.prepare_key(actor=ada, domain=actions.drop_next_key(actor=ada, domain=domain))
    assert domain.next_selector == "w4"


@pytest.mark.django_db
def test_the_page_leads_through_the_change_and_undo_leads_back(sandbox: Sandbox) -> None:
    ada, domain = cast.ada(), sending_domain()
    shown = page(ada, "settings_sending")
    assert "asked yet" in shown
    assert published_key(domain) in shown
    shown = post(ada, "settings_sending_check", domain.pk)
    assert "DNS was asked" in shown
    assert "Missing" in shown
    shown = post(ada, "settings_sending_key", domain.pk, "prepare")
    assert "waits until DNS shows its record" in shown
    assert "show the record of the next key yet" in post(ada, "settings_sending_key", domain.pk, "take-over")
    domain.refresh_from_db()
    publish(sandbox_folder(), NEXT, published_next_key(domain))
    assert "you can sign with it" in post(ada, "settings_sending_check", domain.pk)
    shown = post(ada, "settings_sending_key", domain.pk, "take-over")
    domain.refresh_from_db()
    assert domain.selector == "w2"
    undo = re.search(r'action="(/settings/sending/[^"]+/give-back/)"[^>]*>(?:(?!</form>).)*Undo', shown, re.S)
    assert undo
    assert signed_in(Client(), ada).post(undo[1], follow=True).status_code == 200
    domain.refresh_from_db()
    assert (domain.selector, domain.next_selector) == ("w1", "w2")
    assert (
        signed_in(Client(), ada).post(reverse("settings_sending_key", args=[domain.pk, "steal"])).status_code
        == 404
    )


def sandbox_folder() -> Path:
    return Path(django_settings.SANDBOX_DIR)


def told(sandbox: Sandbox, name: bytes) -> bytes:
    return look_up(name.decode().rstrip("."), address="127.0.0.1", port=sandbox.dns_port).encode()


def launch(address: str) -> None:
    factories.launch(factories.mailing(), [factories.contact(address)])


def drain_all() -> None:
    for lane in claims.due_lanes():
        drain.drain(*lane)
