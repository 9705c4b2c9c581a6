"""The demo's story, played by the product's own verbs and workers: a file of patients, a segment, a campaign, a report."""

import time
from collections.abc import Callable
from datetime import time as clock
from datetime import timedelta
from ipaddress import ip_address
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from accounts import access
from accounts.organization.models import Organization
from campaigns import actions as campaigns
from campaigns.delivery import actions as delivery
from campaigns.delivery.actions.sending_domains import published_key
from campaigns.delivery.models import EgressSource, Mailing, SendingDomain, Stream
from campaigns.delivery.queries import Progress, progress
from campaigns.delivery.sandbox.names import publish
from campaigns.models import Campaign
from campaigns.rules import moment
from contacts import actions as contacts
from contacts.models import Contact, Import
from contacts.segments import queries as counts
from contacts.segments.client import IndexAway
from contacts.segments.models import Segment
from marketing import founding
from marketing.compliance import actions as compliance
from marketing.compliance.queries import messages_of_mailing
from marketing.demo import colleagues, dana, past, people, sample
from marketing.demo.patients import Played
from marketing.demo.plans import ALL, SEGMENTS, SLOW, TODAY, TOMORROW, WAITING, Plan

Say = Callable[[str], None]
# The newest address, whose reverse name isn't published.
_UNNAMED = "127.0.1.14"


class Wrong(Exception):
    """Something in the story didn't come out as it must."""


def set_the_scene() -> None:
    """Northfield Health, with its own pools of addresses on loopback."""
    founding.set_up(
        name="Northfield Health",
        phone="555-0100",
        time_zone="America/New_York",
        from_address="news@northfield.example",
        postal_address="12 Harbor Street, Boston, MA 02110",
        marketing=["127.0.1.11", "127.0.1.12", "127.0.1.13"],
        transactional=["127.0.1.21"],
        privacy_url="https://northfield.example/privacy",
        per_second=40,
    )

    _publish_keys()


def _publish_keys() -> None:
    """Put what a clinic publishes into the sandbox's name server: the public half of each signing key, and the names of its
    addresses. One reverse name is left out, as it is when nobody has asked the host of the machine for it yet.
    """
    folder = settings.SANDBOX_DIR
    for domain in SendingDomain.objects.all():
        publish(folder, f"{domain.selector}._domainkey.{domain.domain}", published_key(domain))
    for source in EgressSource.objects.all():
        publish(folder, source.ehlo_domain, source.source_address, "A")
        if source.source_address != _UNNAMED:
            publish(
                folder, ip_address(source.source_address).reverse_pointer, f"{source.ehlo_domain}.", "PTR"
            )


def _wait(what: str, ready: Callable[[], bool], seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise Wrong(f"{what} took longer than {seconds:.0f} s")
        time.sleep(0.2)


def play(say: Say, patients: Callable[[str], Played]) -> dict[str, object]:
    """From the file to the report; returns the figures, each counted from the database and compared with the mailbox.

    Raises Wrong where anything failed or two counts of one thing differ.
    """
    imported = _import(say)
    segment_size, campaign = _plan(say)
    mailing = _send(say, campaign)
    say("the patients read their mail")
    played = patients(mailing.version.subject)
    counted = progress(mailing.pk)
    _compare(counted, played)
    report = _report(say, campaign)
    _what_goes_on()
    return {
        "imported": imported.rows_good,
        "rejected": imported.rejected,
        "segment": segment_size,
        "audience": counted.audience,
        "sent": counted.sent,
        "withheld": counted.withheld_total,
        "opened": counted.opened,
        "clicked": counted.clicked,
        "unsubscribed": counted.unsubscribed,
        "report": report,
    }


def _import(say: Say) -> Import:
    source = dana.upload(sample.shifted(timezone.localdate()))
    say("Dana uploads patients.csv; its columns are guessed")
    _wait("the check of the file", lambda: _state(source) == Import.State.CHECKED)
    contacts.start_import(actor=dana.actor(), import_id=source.pk)
    _wait("the import", lambda: _state(source) == Import.State.DONE)
    source.refresh_from_db()
    say(f"{source.rows_good} patients imported, {source.rejected} rows refused")
    return source


def _state(source: Import) -> str:
    source.refresh_from_db()
    if source.state == Import.State.FAILED:
        raise Wrong(f"the import failed: {source.problem}")
    return source.state


def _plan(say: Say) -> tuple[int, Campaign]:
    _wait("the index", _indexed)
    segment = next(
        segment
        for segment in Segment.objects.order_by("-pk")
        if counts.reveal_segment(dana.actor(), segment).name == TODAY.segment
    )
    size = counts.count(access.system("setup"), SEGMENTS[TODAY.segment]).match.exact or 0
    say(f"the segment “{TODAY.segment}” has {size} people")
    return size, dana.write(TODAY, segment)


def _indexed() -> bool:
    try:
        found = counts.count(access.system("setup"), ALL)
    except IndexAway:
        # It still reads.
        return False
    return found.match.exact == Contact.objects.filter(deleted_at=None).count()


def _send(say: Say, campaign: Campaign) -> Mailing:
    mailing = _launch(campaign, TODAY)
    say(f"Marcus approved “{campaign.name}”, Dana sends it to {mailing.audience_size} people")

    def finished() -> bool:
        mailing.refresh_from_db()
        return mailing.state == Mailing.State.FINISHED

    _wait("the campaign", finished)
    counted = progress(mailing.pk)
    why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in counted.withheld.items())
    say(f"{counted.sent} sent over TLS, {counted.withheld_total} withheld ({why})")
    return mailing


def _launch(campaign: Campaign, plan: Plan) -> Mailing:
    asked = campaigns.request_approval(actor=dana.actor(), campaign=campaign)
    marcus = access.of_user(people.user("marcus"))
    campaigns.approve_campaign(actor=marcus, mailing=asked, comment=plan.comment)
    campaign.refresh_from_db()
    return campaigns.launch_campaign(actor=dana.actor(), campaign=campaign)


def _what_goes_on() -> None:
    """One campaign that waits for approval, one that goes tomorrow, one that is sent slowly enough to watch, one only begun."""
    by_name = {counts.reveal_segment(dana.actor(), each).name: each for each in Segment.objects.all()}
    campaigns.request_approval(actor=dana.actor(), campaign=dana.write(WAITING, by_name[WAITING.segment]))
    _schedule(dana.write(TOMORROW, by_name[TOMORROW.segment]), TOMORROW)
    slow = delivery.add_pool(
        actor=access.system("setup"),
        name="New addresses, sent slowly",
        stream=Stream.MARKETING,
        addresses=["127.0.1.14"],
        ehlo_domain="northfield.example",
        per_second=0.4,
        burst=1,
    )
    _publish_keys()
    _launch(dana.write(SLOW, by_name[SLOW.segment], slow), SLOW)
    _rested()
    campaigns.create_campaign(actor=dana.actor(), name="Spring newsletter")
    colleagues.today()


def _rested() -> None:
    """Three hours ago Ada let one address rest for an hour, and said why."""
    ada, source = access.of_user(people.user("ada")), EgressSource.objects.get(source_address="127.0.1.13")
    began = timezone.now() - timedelta(hours=3)
    with past.at(began):
        delivery.rest_source(
            actor=ada,
            source=source,
            until=began + timedelta(hours=1),
            why="Listed by a blocklist this morning; removal was asked for, and granted",
        )


def _schedule(campaign: Campaign, plan: Plan) -> None:
    """Give it a time tomorrow by the clinic's clocks, and have it approved."""
    zone = Organization.objects.get().time_zone
    tomorrow = timezone.localdate(timezone=ZoneInfo(zone)) + timedelta(days=1)
    campaigns.schedule_campaign(
        actor=dana.actor(),
        campaign=campaign,
        send_at=moment(tomorrow, clock(plan.hour), zone),
        zone=zone,
    )
    campaign.refresh_from_db()
    if campaign.mailing is not None and campaign.mailing.needs_approval:
        marcus = access.of_user(people.user("marcus"))
        campaigns.approve_campaign(actor=marcus, mailing=campaign.mailing, comment=plan.comment)


def _compare(counted: Progress, played: Played) -> None:
    """The product's figures against the mailbox and what the patients did."""
    pairs = {
        "audience and sent + withheld": (counted.audience, counted.sent + counted.withheld_total),
        "sent and the mailbox": (counted.sent, played.mails),
        "opened": (counted.opened, played.opened),
        "clicked": (counted.clicked, played.clicked),
        "unsubscribed": (counted.unsubscribed, played.unsubscribed),
    }
    for what, (one, other) in pairs.items():
        if one != other:
            raise Wrong(f"{what} differ: {one} and {other}")
    if not counted.sent:
        raise Wrong("nothing was sent")


def _report(say: Say, campaign: Campaign) -> str:
    olive = access.of_user(people.user("olive"))
    evidence = compliance.export_evidence(actor=olive, asked=messages_of_mailing(campaign.mailing_id or 0))
    folder = settings.STATE_DIR / "reports"
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / evidence.name
    with evidence.file as source:
        path.write_bytes(source.read())
    say(f"Olive takes the message log: {evidence.rows} rows, SHA-256 {evidence.sha256[:16]}…")
    return str(path)
