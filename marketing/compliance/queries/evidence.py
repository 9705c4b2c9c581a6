"""What the officer's pages show: an overview, a page of each ledger, and what was taken away before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import access
from accounts import queries as accounts
from accounts.access import Permission
from accounts.queries import Colleague, StaffFilter
from campaigns.delivery.message_log import (
    Key,
    LogFilter,
    LogLine,
    begun_since,
    page_of_log,
    sent_after_each,
    sent_after_opt_outs,
)
from campaigns.models import Campaign
from contacts.consent.models import ConsentRecord, Suppression
from contacts.consent.queries import LedgerFilter, StopFilter, page_of_acts, page_of_stops, recorded_since
from marketing.compliance.queries.log import looked
from marketing.compliance.rules import NAMES, Kind
from safeguards.actor import Actor
from safeguards.queries import (
    ChainState,
    EventFilter,
    chain_state,
    count_of_events,
    last_taken,
    page_of_events,
)

LATELY = timedelta(days=30)
SHOWN_TAKEN = 5
# What the access log is made of: who opened, looked for, took away or was refused something.
ACCESSES = (
    "phi.revealed",
    "phi.refused",
    "messages.viewed",
    "contacts.searched",
    "import.problems_opened",
    "evidence.viewed",
    "evidence.exported",
    "audit.viewed",
    "access.denied",
)


@dataclass(frozen=True, slots=True)
class Overview:
    """Each kind of evidence in one number of the last 30 days, and whether it can be relied on.

    `accesses` are those of people on the staff; the system opens records for each message that it makes.
    """

    messages: int
    acts: int
    opt_outs: int
    accesses: int
    staff: int
    without_factor: int
    sent_after: int
    chain: ChainState


def overview(actor: Actor) -> Overview:
    """The answer to "can I prove it?". Needs the permissions to export evidence and to view the audit log."""
    access.require(actor, Permission.EXPORT_EVIDENCE)
    active = accounts.staff(actor, StaffFilter(active=True))
    since = timezone.now() - LATELY
    acts, opt_outs = recorded_since(since)
    return Overview(
        messages=begun_since(since),
        acts=acts,
        opt_outs=opt_outs,
        accesses=count_of_events(EventFilter(ACCESSES, actor_kind="user", since=since)),
        staff=len(active),
        without_factor=sum(not colleague.factors for colleague in active),
        sent_after=sent_after_opt_outs(),
        chain=chain_state(),
    )


def chain(actor: Actor) -> ChainState:
    """How far the audit chain has come. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    return chain_state()


def messages(
    actor: Actor, asked: LogFilter, *, after: Key | None, limit: int
) -> list[tuple[LogLine, Campaign | None]]:
    """A page of the message log, newest first, with each line's campaign. Needs the permission to export evidence."""
    access.require(actor, Permission.EXPORT_EVIDENCE)
    lines = page_of_log(asked, after=after, limit=limit)
    campaigns = {
        campaign.mailing_id: campaign
        for campaign in Campaign.objects.filter(mailing_id__in={line.mailing_id for line in lines})
    }
    return [(line, campaigns.get(line.mailing_id)) for line in lines]


def acts(actor: Actor, asked: LedgerFilter, *, before: int | None, limit: int) -> list[ConsentRecord]:
    """A page of the consent ledger, newest first. Needs the permission to export evidence."""
    access.require(actor, Permission.EXPORT_EVIDENCE)
    return page_of_acts(asked, before=before, limit=limit)


def opt_outs(
    actor: Actor, asked: StopFilter, *, before: int | None, limit: int
) -> list[tuple[Suppression, int]]:
    """A page of suppressions, newest first, each with how many messages were sent after it. Needs EXPORT_EVIDENCE."""
    access.require(actor, Permission.EXPORT_EVIDENCE)
    stops = page_of_stops(asked, before=before, limit=limit)
    after = sent_after_each([stop.pk for stop in stops])
    return [(stop, after.get(stop.pk, 0)) for stop in stops]


@dataclass(frozen=True, slots=True)
class Access:
    """One row of the access log: never what was read, only which fields of how many records."""

    id: int
    at: datetime
    action: str
    outcome: str
    who: str
    role: str
    purpose: str
    fields: list[str]
    count: int | None
    patient: str
    permission: str
    table: str


def accesses(
    actor: Actor, asked: EventFilter, *, before: int | None, limit: int, named: Mapping[str, str]
) -> list[Access]:
    """A page of the access log, newest first, with an audit row of the reading (F3). Needs the permission to view the audit log.

    `named` is the filter as the audit row tells it.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    asked = replace(asked, actions=asked.actions or ACCESSES)
    events = page_of_events(asked, before=before, limit=limit)
    names = accounts.names(actor)
    found = [
        Access(
            id=event.pk,
            at=event.at,
            action=event.action,
            outcome=event.outcome,
            who=event.actor_display or event.actor_id[:12],
            role=names.get(event.actor_id, ("", ""))[1] if event.actor_kind == "user" else "",
            purpose=event.purpose,
            fields=list(event.details.get("fields", [])),
            count=event.details.get("count", event.details.get("rows")),
            patient=event.patient,
            permission=event.details.get("permission", ""),
            table=event.details.get("table", ""),
        )
        for event in events
    ]
    looked(actor, named, len(found))
    return found


def staff(actor: Actor, asked: StaffFilter) -> list[Colleague]:
    """The staff with their factors and sessions. Needs the permission to view the audit log."""
    return accounts.staff(actor, asked)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken away: when, by whom, how many rows, its SHA-256 in hexadecimal, and by which filters."""

    at: datetime
    who: str
    rows: int
    sha256: str
    filters: dict[str, str]


def taken(actor: Actor, kind: Kind) -> list[Taken]:
    """The last files of a kind, newest first. Needs the permission to export evidence."""
    access.require(actor, Permission.EXPORT_EVIDENCE)
    return [
        Taken(
            event.at,
            event.actor_display,
            event.details["rows"],
            event.details["sha256"],
            event.details.get("filters", {}),
        )
        for event in last_taken(NAMES[kind], SHOWN_TAKEN)
    ]
