"""What a receiving host would find in a mail of ours, and that it finds it wanting where it was changed on the way."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts import access
from campaigns.delivery import actions, drain, world
from campaigns.delivery.actions.claims import due_lanes
from campaigns.delivery.actions.sending_domains import published_key
from campaigns.delivery.models import SendingDomain
from campaigns.delivery.sandbox import Sandbox
from campaigns.delivery.sandbox.names import publish
from marketing.demo import arrived
from marketing.demo.arrived import Mail
from tests import cast, factories


@pytest.fixture
def mail(own_database: str, tmp_path: Path, settings: Settings) -> Iterator[Mail]:
    """A campaign's mail as it arrived, its sender's key published."""
    with Sandbox(tmp_path) as sandbox:
        settings.DELIVERY_DNS = f"127.0.0.1:{sandbox.dns_port}"
        settings.DELIVERY_SMTP_PORT = sandbox.smtp_port
        settings.DELIVERY_CA_FILE = str(sandbox.ca_file)
        settings.JOURNAL_DIR = tmp_path / "journal"
        world.tls.cache_clear()
        drain.compiled.cache_clear()
        actions.add_sending_domain(actor=access.system("setup"), domain=cast.clinic().domain)
        domain = SendingDomain.objects.get()
        publish(tmp_path, f"{domain.selector}._domainkey.{domain.domain}", published_key(domain))
        factories.launch(factories.mailing(), [factories.contact("ana@goodmail.example")])
        for source_id, provider_id in due_lanes():
            drain.drain(source_id, provider_id)
        [entry] = sandbox.mailbox.entries()
        yield arrived.read(sandbox.mailbox, entry.id)
    world.tls.cache_clear()


def found(mail: Mail) -> dict[str, bool]:
    return {str(check.name): check.holds for check in arrived.checks(mail)}


def test_a_receiver_finds_all_in_order(mail: Mail) -> None:
    assert set(found(mail).values()) == {True}
    assert mail.one_click.startswith("http")
    assert mail.counts_opens
    meanings = {name.lower(): meaning for name, _value, meaning, _signed in arrived.explained(mail)}
    assert not [name for name, meaning in meanings.items() if not meaning]


def test_mail_without_our_picture_counts_nothing(mail: Mail) -> None:
    plain = EmailMessage()
    plain.set_content("You are invited.")
    assert not Mail(mail.received, bytes(plain), plain).counts_opens


def test_a_word_changed_on_the_way_breaks_the_signature(mail: Mail) -> None:
    changed = mail.raw.replace(b"Subject: News", b"Subject: Newz")
    assert changed != mail.raw
    assert found(Mail(mail.received, changed, mail.message))["DKIM signature"] is False


def test_without_a_published_key_nothing_is_proved(mail: Mail, settings: Settings) -> None:
    settings.DELIVERY_DNS = "127.0.0.1:9"
    assert found(mail)["DKIM signature"] is False
