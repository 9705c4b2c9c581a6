"""The demo's story, played by the product's own verbs and workers: a file of patients, a segment, a campaign, a report."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import access
from campaigns import actions as campaigns
from campaigns.delivery.models import IpPool, Mailing, Stream
from campaigns.delivery.queries import Progress, progress
from campaigns.designs.blocks import Button, Divider, Heading, Text
from campaigns.models import Campaign
from contacts import actions as contacts
from contacts.consent.models import Topic
from contacts.models import Import
from contacts.segments import actions as segments
from contacts.segments import queries as counts
from contacts.segments.client import IndexAway
from marketing import founding
from marketing.compliance import actions as compliance
from marketing.compliance.queries import messages_of_mailing
from marketing.demo import people, sample
from marketing.demo.patients import Played

Say = Callable[[str], None]
SEGMENT = "Heart and metabolism: adults in care"
# People with high blood pressure, diabetes, high cholesterol, metabolic syndrome or asthma who were seen in the last two years.
TREE: dict[str, Any] = {
    "match": "all",
    "rules": [
        {"field": "conditions", "op": "any_of", "value": ["I10", "E11*", "E78*", "E88*", "J45*", "I25*"]},
        {"field": "last_visit", "op": "last_days", "value": 730},
    ],
}
CAMPAIGN = "Autumn check-ups"
SUBJECT = "Autumn at Northfield: new hours and easier booking"
PREHEADER = "Open till seven on weekdays, and on Saturday mornings."
BLOCKS = (
    Heading("New hours this autumn"),
    Text(
        "Hello {{ first_name|there }},\n\n"
        "From this month we are open **from 7:30 a.m. to 7 p.m., Monday to Friday**, and on Saturday mornings. "
        "You can book, move or cancel a visit online at any time."
    ),
    Button("See our hours and book", "https://northfield.example/visit"),
    Divider(),
    Heading("Walk with us"),
    Text(
        "Every Sunday at ten a nurse and a volunteer lead an easy walk from the main entrance. "
        "Come as you are, and bring somebody along."
    ),
    Button("Where we meet", "https://northfield.example/walks"),
)


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
    dana = access.of_user(people.user("dana"))
    content = sample.shifted(timezone.localdate())
    source = contacts.upload_file(actor=dana, name="patients.csv", chunks=[content], size=len(content))
    say("Dana uploads patients.csv; its columns are guessed")
    contacts.map_columns(
        actor=dana,
        import_id=source.pk,
        mapping={int(column): key for column, key in source.mapping.items()},
        has_header=source.has_header,
        first=tuple(content.splitlines()[0].decode().split(",")),
    )
    _wait("the check of the file", lambda: _state(source) == Import.State.CHECKED)
    contacts.start_import(actor=dana, import_id=source.pk)
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
    dana = access.of_user(people.user("dana"))
    segment = segments.save_segment(actor=dana, segment=None, name=SEGMENT, tree=TREE)
    setup = access.system("setup")
    _wait("the index", _indexed)
    size = counts.count(setup, TREE).match.exact or 0
    say(f"the segment “{SEGMENT}” has {size} people")
    campaign = campaigns.create_campaign(actor=dana, name=CAMPAIGN)
    if campaign.brand is None:
        raise Wrong("there is no brand")
    campaign = campaigns.edit_setup(
        actor=dana,
        campaign=campaign,
        name=CAMPAIGN,
        brand=campaign.brand,
        topic=Topic.objects.get(slug="clinic-news"),
        purpose=Mailing.Purpose.PROMOTIONAL,
        tracking=Mailing.Tracking.TOTALS,
        pool=IpPool.objects.get(stream=Stream.MARKETING),
    )
    campaign = campaigns.choose_audience(actor=dana, campaign=campaign, segment=segment)
    campaign = campaigns.edit_content(
        actor=dana, campaign=campaign, subject=SUBJECT, preheader=PREHEADER, blocks=BLOCKS
    )
    return size, campaign


def _indexed() -> bool:
    everybody = {"match": "all", "rules": []}
    try:
        found = counts.count(access.system("setup"), everybody)
    except IndexAway:
        # It still reads.
        return False
    return found.match.exact == Import.objects.get().created


def _send(say: Say, campaign: Campaign) -> Mailing:
    dana, marcus = (access.of_user(people.user(short)) for short in ("dana", "marcus"))
    mailing = campaigns.request_approval(actor=dana, campaign=campaign)
    campaigns.approve_campaign(actor=marcus, mailing=mailing, comment="Good to go.")
    campaign.refresh_from_db()
    mailing = campaigns.launch_campaign(actor=dana, campaign=campaign)
    say(f"Marcus approved “{CAMPAIGN}”, Dana sends it to {mailing.audience_size} people")

    def finished() -> bool:
        mailing.refresh_from_db()
        return mailing.state == Mailing.State.FINISHED

    _wait("the campaign", finished)
    counted = progress(mailing.pk)
    why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in counted.withheld.items())
    say(f"{counted.sent} sent over TLS, {counted.withheld_total} withheld ({why})")
    return mailing


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
