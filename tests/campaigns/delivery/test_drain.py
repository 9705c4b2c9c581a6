"""From a launched mailing to the mailbox: claimed, asked about, composed, signed, sent over TLS, written down."""

import email
import email.policy
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dkim
import dns.asyncresolver
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts import access
from accounts.organization.models import Brand, Organization
from campaigns.delivery import actions, drain, sending_notices, sweeping, world
from campaigns.delivery.actions import claims
from campaigns.delivery.actions.sending_domains import place
from campaigns.delivery.dkim import public_record
from campaigns.delivery.journal import Journal
from campaigns.delivery.message_log import whole_message_log
from campaigns.delivery.models import Attempt, EgressSource, Mailing, Message, SendingDomain
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.queries import progress
from campaigns.delivery.rules import Next
from campaigns.delivery.sandbox import Sandbox
from campaigns.designs import actions as designs
from campaigns.designs import queries as design_queries
from campaigns.designs.blocks import Button
from campaigns.designs.pictures import CLOCK, DOOR
from campaigns.designs.starters import OPENING_HOURS, WELCOME
from contacts.consent import actions as consent
from contacts.consent.models import Suppression, Topic
from contacts.models import Contact
from safeguards import keyring, secrets, tokens
from safeguards.fields import Sealed, message_of
from safeguards.models import AuditEvent, Notice
from tests import cast, factories


@pytest.fixture
def sandbox(tmp_path: Path, settings: Settings) -> Iterator[Sandbox]:
    """The demo's mail world, which this process is pointed at."""
    with Sandbox(tmp_path / "sandbox") as running:
        settings.DELIVERY_DNS = f"127.0.0.1:{running.dns_port}"
        settings.DELIVERY_SMTP_PORT = running.smtp_port
        settings.DELIVERY_CA_FILE = str(running.ca_file)
        settings.JOURNAL_DIR = tmp_path / "journal"
        world.tls.cache_clear()
        drain.compiled.cache_clear()
        yield running
    world.tls.cache_clear()


def drain_all() -> None:
    for source_id, provider_id in claims.due_lanes():
        drain.drain(source_id, provider_id)
    claims.finish_mailings()


def states(mailing: Mailing) -> dict[str, int]:
    return progress(mailing.pk).states


def test_a_mailing_reaches_those_who_may_have_it_and_says_of_the_rest_why(
    own_database: str, sandbox: Sandbox
) -> None:
    people = [factories.contact(f"p{n}@goodmail.example", first_name=f"Ánna {n}") for n in range(6)]
    people.append(factories.contact("old@countryisp.example"))
    people.append(factories.contact("nobody@goodmail.example", opted_in=False))
    people.append(factories.contact("dead@goodmail.example", deceased_date="2026-01-01"))
    people.append(factories.contact("nosuch1@goodmail.example"))
    mailing = factories.launch(factories.mailing(), people)
    assert mailing.state == Mailing.State.SENDING
    drain_all()
    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.FINISHED
    counts = progress(mailing.pk)
    assert counts.states == {"sent": 6, "withheld": 3, "bounced": 1}
    assert counts.withheld == {"cannot_receive_securely": 1, "no_consent": 1, "deceased": 1}
    arrived = sandbox.mailbox.entries()
    assert len(arrived) == 6
    assert {entry.tls_version for entry in arrived} == {"TLSv1.3"}
    # The receiving host sees the pool's own addresses, each of which has its share.
    assert {entry.peer for entry in arrived} <= {"127.0.1.11", "127.0.1.12"}
    log = list(whole_message_log(mailing.pk))
    assert len(log) == 10
    assert all(line.tls_verified and line.tls_version >= "TLSv1.2" for line in log if line.state == "sent")
    # An address that doesn't exist is never written to again (C8).
    assert Suppression.objects.filter(scope="hard_bounce").count() == 1


def test_what_arrives_is_signed_personal_and_has_a_way_out(own_database: str, sandbox: Sandbox) -> None:
    ana = factories.contact("ana@goodmail.example", first_name="Ana <b>")
    factories.launch(factories.mailing(), [ana])
    drain_all()
    [entry] = sandbox.mailbox.entries()
    raw = sandbox.mailbox.read(entry.id)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    domain = SendingDomain.objects.get()
    record = public_record(secrets.unseal(place(domain.domain), domain.private_key).encode())
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: record.encode())
    signature = str(message["DKIM-Signature"])
    assert "list-unsubscribe:list-unsubscribe-post" in signature.replace(" ", "").replace("\t", "").lower()
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/u/" in message["List-Unsubscribe"]
    html_part = message.get_body(("html",))
    text_part = message.get_body(("plain",))
    assert html_part is not None
    assert text_part is not None
    assert "Hello Ana &lt;b&gt;" in html_part.get_content()
    assert "Hello Ana <b>" in text_part.get_content()
    assert "ana@" not in "".join(value for name, value in message.items() if name != "To")
    assert entry.sender.endswith("@bounce.northfield.example")
    assert "ana" not in entry.sender


def test_totals_only_links_are_the_same_for_everybody(own_database: str, sandbox: Sandbox) -> None:
    people = [factories.contact(f"p{n}@goodmail.example", tracking=True) for n in range(2)]
    factories.launch(factories.mailing(tracking=Mailing.Tracking.TOTALS), people)
    drain_all()
    pixels = set()
    for entry in sandbox.mailbox.entries():
        message = email.message_from_bytes(sandbox.mailbox.read(entry.id), policy=email.policy.default)
        part = message.get_body(("html",))
        assert part is not None
        pixels.add(part.get_content().partition("/o/")[2].partition(".gif")[0])
    assert len(pixels) == 1


def test_per_person_links_are_for_those_who_agreed_and_the_rest_share_one(
    own_database: str, sandbox: Sandbox
) -> None:
    people = [factories.contact(f"agreed{n}@goodmail.example", tracking=True) for n in range(2)]
    people += [factories.contact(f"silent{n}@goodmail.example") for n in range(2)]
    mailing = factories.launch(factories.mailing(tracking=Mailing.Tracking.PERSON), people)
    drain_all()
    pixels: dict[str, set[str]] = {"agreed": set(), "silent": set()}
    for entry in sandbox.mailbox.entries():
        message = email.message_from_bytes(sandbox.mailbox.read(entry.id), policy=email.policy.default)
        part = message.get_body(("html",))
        assert part is not None
        token = part.get_content().partition("/o/")[2].partition(".gif")[0]
        pixels[entry.recipient[:6]].add(token)
    assert (len(pixels["agreed"]), len(pixels["silent"])) == (2, 1)
    assert tokens.open_link("o", pixels["silent"].pop()).message_id == 0
    assert progress(mailing.pk).tracked == 2


def test_without_tracking_there_is_no_pixel_and_links_lead_straight_on(
    own_database: str, sandbox: Sandbox
) -> None:
    factories.launch(
        factories.mailing(tracking=Mailing.Tracking.NONE), [factories.contact("a@goodmail.example")]
    )
    drain_all()
    [entry] = sandbox.mailbox.entries()
    message = email.message_from_bytes(sandbox.mailbox.read(entry.id), policy=email.policy.default)
    part = message.get_body(("html",))
    assert part is not None
    content = part.get_content()
    assert "<img" not in content
    assert 'href="https://northfield.example/flu"' in content


def test_a_paused_mailing_sends_nothing_and_a_resumed_one_the_rest(
    own_database: str, sandbox: Sandbox
) -> None:
    dana = cast.actor(cast.dana())
    mailing = factories.launch(
        factories.mailing(), [factories.contact(f"p{n}@goodmail.example") for n in range(3)]
    )
    actions.pause_mailing(actor=dana, mailing=mailing)
    lanes = set(Message.objects.values_list("source_id", "provider_id"))
    for source_id, provider_id in lanes:
        drain.drain(source_id, provider_id)
    assert states(mailing) == {"queued": 3}
    assert sandbox.mailbox.entries() == []
    actions.resume_mailing(actor=dana, mailing=mailing)
    drain_all()
    assert states(mailing) == {"sent": 3}


def test_a_messages_life_counts_from_its_first_attempt_and_not_in_pauses(
    own_database: str, sandbox: Sandbox
) -> None:
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(2)]
    mailing = factories.launch(factories.mailing(), people)
    assert set(Message.objects.values_list("first_due", flat=True)) == {None}
    dana = cast.actor(cast.dana())
    tried = Message.objects.filter(contact_id=people[0].pk)
    before = timezone.now()
    tried.update(first_due=before - timedelta(hours=1), attempts=1)
    actions.pause_mailing(actor=dana, mailing=mailing)
    Mailing.objects.filter(pk=mailing.pk).update(paused_at=before - timedelta(days=3))
    actions.resume_mailing(actor=dana, mailing=mailing)
    life = tried.get().first_due
    assert life is not None
    assert timedelta(days=3) <= life - (before - timedelta(hours=1)) < timedelta(days=4)
    for source_id, provider_id in claims.due_lanes():
        token = claims.new_token()
        for mine in claims.claim(mailing.pk, source_id, provider_id, token=token, limit=2):
            assert mine.first_due == life if mine.contact_id == people[0].pk else mine.first_due >= before


def test_an_opt_out_after_the_launch_holds(own_database: str, sandbox: Sandbox) -> None:
    ana = factories.contact("ana@goodmail.example")
    mailing = factories.launch(factories.mailing(), [ana])
    consent.suppress(
        actor=access.system("delivery"),
        address_hash=bytes(ana.address_hash),
        scope="brand",
        brand=mailing.brand,
        source="one-click",
    )
    drain_all()
    assert progress(mailing.pk).withheld == {"suppressed": 1}
    assert sandbox.mailbox.entries() == []


def test_freezing_twice_makes_nobody_twice(own_database: str, sandbox: Sandbox) -> None:
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(4)]
    mailing = factories.launch(factories.mailing(), people)
    mailing.slices.update(frozen_at=None)
    Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.FREEZING)
    while actions.freeze_next(mailing.pk):
        pass
    assert states(mailing) == {"queued": 4}


def test_a_dead_workers_journal_says_what_was_sent_and_what_is_uncertain(
    own_database: str, sandbox: Sandbox, settings: Settings
) -> None:
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(4)]
    mailing = factories.launch(factories.mailing(), people)
    token = claims.new_token()
    claimed = []
    for source_id, provider_id in claims.due_lanes():
        claimed += claims.claim(mailing.pk, source_id, provider_id, token=token, limit=10)
    claims.begin(claimed, token=token)
    with pytest.raises(KeyboardInterrupt), Journal.open(settings.JOURNAL_DIR, token) as journal:
        journal.begin(claimed[0].id)
        journal.answer(claimed[0].id, 250)
        journal.begin(claimed[1].id)
        raise KeyboardInterrupt
    sweeping.sweep()
    assert states(mailing) == {"sent": 1, "uncertain": 1, "queued": 2}
    drain_all()
    assert states(mailing) == {"sent": 3, "uncertain": 1}
    assert len(sandbox.mailbox.entries()) == 2
    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.FINISHED
    assert AuditEvent.objects.filter(action="delivery.recovered").count() == 1


def test_a_worker_that_dies_with_a_claim_in_hand_has_said_so_before(
    own_database: str, sandbox: Sandbox, settings: Settings
) -> None:
    """Between claim and journal lay a moment in which a kill cost the whole lease: no journal, so no claim."""
    mailing = factories.launch(factories.mailing(), [factories.contact("a@goodmail.example")])
    [(source_id, provider_id)] = claims.due_lanes()
    settings.JOURNAL_DIR.touch()
    with pytest.raises(FileExistsError):
        drain.drain(source_id, provider_id)
    assert states(mailing) == {"queued": 1}
    settings.JOURNAL_DIR.unlink()
    drain_all()
    assert states(mailing) == {"sent": 1}


def test_what_a_dead_worker_saw_refused_is_asked_again_since_the_words_died_with_it(
    own_database: str, sandbox: Sandbox, settings: Settings
) -> None:
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(2)]
    mailing = factories.launch(factories.mailing(), people)
    token = claims.new_token()
    claimed = []
    for source_id, provider_id in claims.due_lanes():
        claimed += claims.claim(mailing.pk, source_id, provider_id, token=token, limit=10)
    claims.begin(claimed, token=token)
    with pytest.raises(KeyboardInterrupt), Journal.open(settings.JOURNAL_DIR, token) as journal:
        for message, code in zip(claimed, (451, 554), strict=True):
            journal.begin(message.id)
            journal.answer(message.id, code)
        raise KeyboardInterrupt
    claims.recover()
    assert states(mailing) == {"queued": 2}
    assert Message.objects.filter(due__gt=timezone.now()).count() == 2
    assert set(Attempt.objects.values_list("kind", "code")) == {("deferred", 451), ("deferred", 554)}


def test_a_record_that_was_tampered_with_is_withheld_and_holds_up_nobody(
    own_database: str, sandbox: Sandbox
) -> None:
    good, other, bad = [factories.contact(f"p{n}@goodmail.example") for n in range(3)]
    mailing = factories.launch(factories.mailing(), [good, other, bad])
    # Somebody with the database in hand puts one person's record in another's place.
    Contact.objects.filter(pk=bad.pk).update(record=good.record)
    drain_all()
    counts = progress(mailing.pk)
    assert (counts.states, counts.withheld) == ({"sent": 2, "withheld": 1}, {"seal_broken": 1})
    assert AuditEvent.objects.filter(action="phi.seal_broken", details__row=str(bad.pk)).count() == 1
    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.FINISHED


def test_a_broken_record_holds_up_nobody_when_the_audience_is_fixed(
    own_database: str, sandbox: Sandbox
) -> None:
    good, bad = [factories.contact(f"p{n}@goodmail.example") for n in range(2)]
    Contact.objects.filter(pk=bad.pk).update(record=good.record)
    mailing = factories.launch(factories.mailing(), [good, bad])
    drain_all()
    assert states(mailing) == {"sent": 1, "withheld": 1}


def test_a_slice_in_other_hands_is_not_waited_for(own_database: str, sandbox: Sandbox) -> None:
    mailing = factories.launch(factories.mailing(), [factories.contact("a@goodmail.example")])
    mailing.slices.update(frozen_at=None)
    Mailing.objects.filter(pk=mailing.pk).update(state=Mailing.State.FREEZING)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM delivery_audience FOR UPDATE")
        assert actions.freeze_next(mailing.pk) is False
    finally:
        other.close()
    assert actions.freeze_next(mailing.pk) is False
    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.SENDING


def test_a_month_that_began_in_the_default_partition_stops_nothing(
    own_database: str, sandbox: Sandbox
) -> None:
    insert = (
        "INSERT INTO delivery_message_event (at, mailing_id, kind)"
        " VALUES (date_trunc('month', now()) + interval '3 months 1 second', 1, 'open')"
    )
    make = "SELECT delivery_make_month_partitions((now() + interval '3 months')::date)"
    with connection.cursor() as cursor:
        cursor.execute(insert)
        cursor.execute(make)
        cursor.execute(make)
        cursor.execute("SELECT count(*) FROM delivery_message_event")
        assert cursor.fetchone() == (1,)


def test_the_sweep_makes_the_next_months_partitions_before_their_first_row(
    own_database: str, sandbox: Sandbox
) -> None:
    sweeping.make_months()
    names = [
        f"{table}_{timezone.now().date().replace(day=1) + timedelta(days=days):%Y_%m}"
        for table in ("delivery_attempt", "delivery_message_event")
        for days in (0, 32)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", [names]
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("broken", ["key", "design"])
def test_a_mailing_that_cannot_be_made_is_paused_and_the_lane_goes_on(
    own_database: str, sandbox: Sandbox, broken: str
) -> None:
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(2)]
    html = factories.HTML.replace("Hello", "{{ nobodys_field }}") if broken == "design" else factories.HTML
    mailing = factories.launch(factories.mailing(design=factories.version(html=html)), people)
    if broken == "key":
        SendingDomain.objects.update(private_key=secrets.seal("another place", "x"))
    drain_all()
    mailing.refresh_from_db()
    assert (mailing.state, states(mailing)) == (Mailing.State.PAUSED, {"queued": 2})
    assert AuditEvent.objects.filter(action="delivery.mailing_stopped").count() == 1


@pytest.mark.parametrize(("offset", "state"), [(-timedelta(days=1), "withheld"), (timedelta(), "sent")])
def test_somebody_comes_of_age_on_the_clinics_day(
    own_database: str, sandbox: Sandbox, offset: timedelta, state: str
) -> None:
    cast.clinic()
    # Always a zone whose day isn't that of UTC.
    ahead = timezone.now().hour >= 12
    zone = "Pacific/Kiritimati" if ahead else "Etc/GMT+12"
    Organization.objects.update(time_zone=zone)
    day = timezone.now().astimezone(ZoneInfo(zone)).date()
    assert day != timezone.now().date()
    leap = (day.month, day.day) == (2, 29)
    born = day.replace(year=day.year - 18, day=28 if leap else day.day) - offset
    mailing = factories.launch(
        factories.mailing(), [factories.contact("a@goodmail.example", birth_date=born.isoformat())]
    )
    drain_all()
    assert states(mailing) == {state: 1}


def test_without_a_key_everybody_is_withheld_and_the_mailing_ends(
    own_database: str, sandbox: Sandbox
) -> None:
    mailing = factories.launch(factories.mailing(), [factories.contact("a@goodmail.example")])
    SendingDomain.objects.all().delete()
    drain_all()
    assert progress(mailing.pk).withheld == {"no_sending_domain": 1}


def test_one_domain_that_fails_unforeseen_holds_up_no_other(
    own_database: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [factories.contact("a@goodmail.example"), factories.contact("odd@countryisp.example")]
    mailing = factories.launch(factories.mailing(), people)
    # The DNS library fails in a way that it doesn't document.
    asked = dns.asyncresolver.Resolver.resolve

    async def resolve(self: dns.asyncresolver.Resolver, name: str, *args: Any, **how: Any) -> Any:
        if name == "countryisp.example":
            raise RuntimeError("odd@countryisp.example")
        return await asked(self, name, *args, **how)

    monkeypatch.setattr(dns.asyncresolver.Resolver, "resolve", resolve)
    drain_all()
    assert states(mailing) == {"sent": 1, "queued": 1}
    waits = Message.objects.get(state="queued")
    assert (waits.attempts, waits.due > timezone.now()) == (1, True)
    assert Attempt.objects.get(message_id=waits.id).reply == "RuntimeError"


def test_what_comes_back_after_a_cancellation_is_cancelled_too(own_database: str, sandbox: Sandbox) -> None:
    mailing = factories.launch(factories.mailing(), [factories.contact("a@goodmail.example")])
    [(source_id, provider_id)] = claims.due_lanes()
    token = claims.new_token()
    [mine] = claims.claim(mailing.pk, source_id, provider_id, token=token, limit=1)
    actions.cancel_mailing(actor=cast.actor(cast.dana()), mailing=mailing)
    claims.finish([claims.Result(mine, Next("queued", due=timezone.now()))], token=token)
    sweeping.sweep()
    assert states(mailing) == {"cancelled": 1}


def test_a_worker_that_was_thought_dead_changes_nothing_any_more(own_database: str, sandbox: Sandbox) -> None:
    mailing = factories.launch(factories.mailing(), [factories.contact("a@goodmail.example")])
    [(source_id, provider_id)] = claims.due_lanes()
    first, second = claims.new_token(), claims.new_token()
    [mine] = claims.claim(mailing.pk, source_id, provider_id, token=first, limit=1)
    Message.objects.update(state="queued", lease_token=None)
    [_] = claims.claim(mailing.pk, source_id, provider_id, token=second, limit=1)
    late = claims.Result(mine, Next("sent"))
    assert claims.finish([late], token=first) == 0
    assert states(mailing) == {"claimed": 1}


def test_a_batch_is_over_and_written_down_well_before_its_lease() -> None:
    lease = int(claims.LEASE.removesuffix(" minutes")) * 60
    # The last final dot may be written just before the batch's time is over.
    assert drain.BATCH_TIME + world.TIMEOUTS.final_dot + drain._PATIENCE <= lease - 60


def test_a_lease_that_ran_out_is_queued_if_nothing_had_begun_and_uncertain_otherwise(
    own_database: str, sandbox: Sandbox
) -> None:
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(2)]
    mailing = factories.launch(factories.mailing(), people)
    Message.objects.update(lease_until="2026-01-01T00:00:00Z", lease_token=5, state="claimed")
    Message.objects.filter(contact_id=people[0].pk).update(state="attempting")
    claims.recover()
    assert states(mailing) == {"queued": 1, "uncertain": 1}


def test_a_notice_leaves_by_the_transactional_pool_and_is_emptied(
    own_database: str, sandbox: Sandbox
) -> None:
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    consent.ask_confirmation(
        actor=cast.actor(cast.dana()),
        address="ana@goodmail.example",
        person_key=b"p" * 16,
        brand=brand,
        topics=list(Topic.objects.all()[:1]),
        source="front desk",
        language="es",
    )
    assert sending_notices.send_waiting() == 1
    [entry] = sandbox.mailbox.entries()
    assert entry.peer in {"127.0.1.21", "127.0.1.22"}
    message = email.message_from_bytes(sandbox.mailbox.read(entry.id), policy=email.policy.default)
    part = message.get_body(("plain",))
    assert part is not None
    assert "/f/confirm/" in part.get_content()
    notice = Notice.objects.get()
    assert (notice.state, notice.sealed) == ("sent", None)
    assert Attempt.objects.filter(notice_id=notice.pk, tls_verified=True).count() == 1
    assert sending_notices.send_waiting() == 0


def test_a_test_of_a_design_arrives_with_a_mark_as_somebody_invented(
    own_database: str, sandbox: Sandbox
) -> None:
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    dana = cast.actor(cast.dana())
    design = designs.create_from_starter(actor=dana, name="x", starter=OPENING_HOURS, template=True)
    designs.edit_design(
        actor=dana,
        design=design,
        subject="News\r\nBcc: everybody@clinic.test",
        preheader="",
        blocks=[*OPENING_HOURS.blocks, Button("Not finished", "javascript:x")],
    )
    notice_id = designs.send_test(actor=dana, design=design, to=cast.marcus(), sample="maria", brand=brand)
    assert sending_notices.send_waiting() == 1
    [entry] = sandbox.mailbox.entries()
    message = email.message_from_bytes(sandbox.mailbox.read(entry.id), policy=email.policy.default)
    assert message["Subject"] == "[Test] News Bcc: everybody@clinic.test"
    assert message["To"] == "marcus@northfield.example"
    assert message["Bcc"] is None
    page = message.get_body(("html",))
    assert page is not None
    content = page.get_content()
    assert "Hello Maria" in content
    assert f'src="{settings.PUBLIC_URL}/i/{CLOCK}"' in content
    assert 'href="https://www.example.org/visit"' in content
    assert content.count(f'href="{settings.PUBLIC_URL}/test/"') == 3
    assert "javascript" not in content
    assert "/o/" not in content
    found = design_queries.test_mail(dana, notice_id)
    assert found is not None
    assert (found.sent, found.recipient) == (True, cast.marcus())


def test_a_test_that_nobody_takes_says_why(own_database: str, sandbox: Sandbox) -> None:
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    dana = cast.actor(cast.dana())
    away = cast.ann()
    away.email = "ann@gone.invalid"
    away.save()
    design = designs.create_from_starter(actor=dana, name="x", template=True)
    notice_id = designs.send_test(actor=dana, design=design, to=away, sample="empty")
    assert sending_notices.send_waiting() == 1
    found = design_queries.test_mail(dana, notice_id)
    assert found is not None
    assert (found.sent, found.failed, bool(found.reply)) == (False, True, True)


def test_a_picture_in_a_mailing_is_the_same_address_for_everybody(
    own_database: str, sandbox: Sandbox
) -> None:
    cast.clinic()
    dana = cast.actor(cast.dana())
    design = designs.create_from_starter(actor=dana, name="x", starter=WELCOME)
    blocks = [block for block in WELCOME.blocks if not isinstance(block, Button)]
    designs.edit_design(actor=dana, design=design, subject="Welcome", preheader="", blocks=blocks)
    topic = Topic.objects.get(slug="clinic-news")
    version = designs.freeze(actor=dana, design=design, brand=cast.clinic(), topic=topic)
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(2)]
    factories.launch(factories.mailing(design=version), people)
    drain_all()
    mails = [sandbox.mailbox.read(entry.id) for entry in sandbox.mailbox.entries()]
    assert len(mails) == 2
    for mail in mails:
        part = email.message_from_bytes(mail, policy=email.policy.default).get_body(("html",))
        assert part is not None
        assert f'src="{settings.PUBLIC_URL}/i/{DOOR}"' in part.get_content()


def _asked(address: str) -> Notice:
    """A confirmation asked for, which waits as a notice."""
    before = set(Notice.objects.values_list("pk", flat=True))
    consent.ask_confirmation(
        actor=cast.actor(cast.dana()),
        address=address,
        person_key=address.encode()[:16].ljust(16),
        brand=Brand.objects.get(),
        topics=list(Topic.objects.all()[:1]),
        source="front desk",
        language="en",
    )
    return Notice.objects.exclude(pk__in=before).get()


def test_a_worker_that_has_opened_nothing_yet_sends_notices(own_database: str, sandbox: Sandbox) -> None:
    """Reading the keys asks the database, which can't be asked from within an event loop."""
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    _asked("ana@goodmail.example")
    keyring.forget()
    assert sending_notices.send_waiting() == 1
    assert len(sandbox.mailbox.entries()) == 1


def test_a_notice_whose_seal_is_broken_ends_and_holds_up_nobody(own_database: str, sandbox: Sandbox) -> None:
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    broken, sound = _asked("ana@goodmail.example"), _asked("ben@goodmail.example")
    assert broken.sealed is not None
    Notice.objects.filter(pk=broken.pk).update(sealed=Sealed(message_of(broken.sealed)[:-1] + b"x"))
    assert sending_notices.send_waiting() == 2
    assert [Notice.objects.get(pk=each.pk).state for each in (broken, sound)] == ["expired", "sent"]
    assert len(sandbox.mailbox.entries()) == 1
    assert AuditEvent.objects.filter(action="notice.seal_broken", target_id=str(broken.pk)).count() == 1


def test_a_late_worker_undoes_nothing_of_a_notice(own_database: str, sandbox: Sandbox) -> None:
    """While the first worker is at it its lease runs out, and a second one sends the notice."""
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    notice = _asked("ana@goodmail.example")
    late = sending_notices._claim()
    assert late is not None
    Notice.objects.filter(pk=notice.pk).update(due=timezone.now() - timedelta(minutes=1))
    assert sending_notices.send_waiting() == 1
    source = EgressSource.objects.first()
    assert source is not None
    sending_notices._finish(late, Outcome(Kind.DEFERRED, late.id.int), source)
    notice.refresh_from_db()
    assert (notice.state, notice.sealed) == ("sent", None)
    assert Attempt.objects.filter(notice_id=notice.pk).count() == 1


def test_a_notice_that_can_not_be_made_ends_and_holds_up_nobody(own_database: str, sandbox: Sandbox) -> None:
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    odd, sound = _asked("ana@goodmail.example"), _asked("ben@goodmail.example")
    Notice.objects.filter(pk=odd.pk).update(kind="test.without-a-template")
    assert sending_notices.send_waiting() == 2
    assert [Notice.objects.get(pk=each.pk).state for each in (odd, sound)] == ["expired", "sent"]
    assert len(sandbox.mailbox.entries()) == 1


def test_what_a_dead_worker_wrote_of_notices_is_cleared_away(
    own_database: str, sandbox: Sandbox, settings: Settings
) -> None:
    brand = cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    _asked("ana@goodmail.example")
    left = settings.JOURNAL_DIR / "notices"
    with pytest.raises(KeyboardInterrupt), Journal.open(left, claims.new_token()):
        raise KeyboardInterrupt
    assert sending_notices.send_waiting() == 1
    assert list(left.iterdir()) == []
