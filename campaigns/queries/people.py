"""Reads of the people behind a campaign's numbers, for those who may know them by name."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.urls import NoReverseMatch, reverse

from accounts import access
from accounts.access import Permission
from campaigns.delivery import queries as delivery
from campaigns.delivery.models import Message, MessageEvent
from campaigns.delivery.verdict import Reason
from campaigns.models import Campaign
from campaigns.queries.plans import is_clinical
from contacts.models import Contact
from contacts.queries import named
from safeguards import audit
from safeguards.actor import Actor

PER_PAGE = 50
# Why somebody got nothing, where that stands in their chart: told by name to those who may open charts alone.
CHART_REASONS = ("deceased", "minor", "no_representative")


class Which(StrEnum):
    """The numbers of a campaign that are people."""

    ALL = "all"
    SENT = "sent"
    WAITING = "waiting"
    WITHHELD = "withheld"
    NOT_DELIVERED = "not_delivered"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"


# A reason that is none of ours comes from an address that somebody typed.
_NO_REASON = "none of ours"
audit.declare("messages.viewed", contact=int, count=int)
audit.declare("recipients.viewed", which=Which, reason=audit.among("", _NO_REASON, *Reason), count=int)

_State = Message.State
_STATES: dict[Which, tuple[str, ...]] = {
    Which.SENT: (_State.SENT,),
    Which.WAITING: delivery.UNFINISHED,
    Which.WITHHELD: (_State.WITHHELD,),
    Which.NOT_DELIVERED: (_State.BOUNCED, _State.EXPIRED),
    Which.UNCERTAIN: (_State.UNCERTAIN,),
    Which.CANCELLED: (_State.CANCELLED,),
}
_EVENTS = {Which.OPENED: MessageEvent.Kind.OPEN, Which.CLICKED: MessageEvent.Kind.CLICK}


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person of a campaign. `contact_id` is None where they are no contact of ours any more; `name` is empty then."""

    message_id: int
    contact_id: int | None
    name: str
    email: str
    state: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Recipients:
    """A page of them, by key. `unnamed` says that those whose chart is the reason are left out of it."""

    rows: list[Recipient]
    next: int | None
    unnamed: bool


def may_be_named(actor: Actor, campaign: Campaign) -> bool:
    """Whether somebody may read who the people of a campaign are: to be among those of one by health data tells of health, so
    that takes the permission to open charts (BEHAVIOURS A7, E4). What it spoke of when its mailing was made counts for good.
    """
    was = campaign.mailing is not None and campaign.mailing.clinical
    return access.allowed(actor, Permission.VIEW_CLINICAL) or not (was or is_clinical(campaign))


def recipients(
    actor: Actor, campaign: Campaign, which: Which, *, reason: str = "", after: int = 0
) -> Recipients:
    """Some of a campaign's people, those with message ids above `after`, each look with its audit row.

    Needs the permission to view contacts; nobody is named where the campaign speaks of health and the actor may not open charts,
    nor are those who were withheld for what stands in their chart. Raises Denied.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    mailing = campaign.mailing
    if mailing is None or not may_be_named(actor, campaign):
        return Recipients([], None, unnamed=mailing is not None)
    opens_charts = access.allowed(actor, Permission.VIEW_CLINICAL)
    found = delivery.recipients(
        mailing.pk,
        states=_STATES.get(which, ()),
        reason=reason,
        without=() if opens_charts else CHART_REASONS,
        event=_EVENTS.get(which),
        unsubscribed=which is Which.UNSUBSCRIBED,
        after=after,
        limit=PER_PAGE + 1,
    )
    shown = found[:PER_PAGE]
    people = named(
        actor, [message.contact_id for message in shown if message.contact_id], purpose="people of a campaign"
    )
    audit.record(
        "recipients.viewed",
        actor=actor,
        target=campaign,
        details={
            "which": which.value,
            "reason": reason if reason in ("", *Reason) else _NO_REASON,
            "count": len(shown),
        },
    )
    return Recipients(
        [_recipient(message, people.get(message.contact_id or 0)) for message in shown],
        next=shown[-1].id if len(found) > PER_PAGE else None,
        unnamed=not opens_charts and which in {Which.ALL, Which.WITHHELD} and reason in {"", *CHART_REASONS},
    )


def _recipient(message: Message, person: tuple[str, str] | None) -> Recipient:
    name, email = person or ("", "")
    return Recipient(
        message_id=message.id,
        contact_id=message.contact_id if person else None,
        name=name,
        email=email,
        state=message.state,
        reason=message.reason,
        at=message.updated_at,
    )


def leads(actor: Actor, campaign: Campaign) -> dict[str, str]:
    """Where each number of a campaign leads, by the name of what it counts: to its people for those who see contacts, to the
    message log for those who read evidence, which names nobody. Empty for those who may only count.
    """
    mailing = campaign.mailing
    if mailing is None or mailing.started_at is None:
        return {}
    if access.allowed(actor, Permission.VIEW_CONTACTS):
        people = reverse("campaign_people", args=[campaign.pk])
        return {which.value: f"{people}?which={which}" for which in Which}
    if access.allowed(actor, Permission.EXPORT_EVIDENCE):
        return _evidence_of(campaign)
    return {}


def _evidence_of(campaign: Campaign) -> dict[str, str]:
    # The evidence lies above this floor and is known here by the name of its address alone.
    try:
        log = f"{reverse('evidence_messages')}?campaign={campaign.pk}"
    except NoReverseMatch:
        return {}
    one_state = {which: states[0] for which, states in _STATES.items() if len(states) == 1}
    return {
        Which.ALL.value: log,
        **{which.value: f"{log}&state={state}" for which, state in one_state.items()},
    }


def messages_of(actor: Actor, contact_id: int) -> list[dict[str, object]]:
    """What was sent to one contact, newest first, with an audit row of the look; without campaigns by health data for those who
    may not open charts, since each would tell what its segment asked. Needs the permission to view contacts.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    rows = delivery.messages_of_contact(contact_id, clinical=access.allowed(actor, Permission.VIEW_CLINICAL))
    person = Contact.objects.filter(pk=contact_id).values_list("person_key", flat=True).first()
    audit.record(
        "messages.viewed",
        actor=actor,
        patient=bytes(person).hex() if person else "",
        details={"contact": contact_id, "count": len(rows)},
    )
    return rows


def clinical_is_hidden(actor: Actor) -> bool:
    """Whether `messages_of` leaves campaigns by health data out for this actor."""
    return not access.allowed(actor, Permission.VIEW_CLINICAL)
