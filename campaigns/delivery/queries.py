"""Reads of delivery: how a mailing is getting on. The evidence of each message is message_log's."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from campaigns.delivery.models import Mailing, Message, MessageEvent
from contacts.consent.queries import messages_that_ended, unsubscribed_by_mailings

UNFINISHED = (Message.State.QUEUED, Message.State.CLAIMED, Message.State.ATTEMPTING)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a mailing has got. `states` counts messages; `opened` and `clicked` are people where they may be known
    (`..._people`) and events without a person otherwise (`..._untied`).
    """

    states: dict[str, int]
    withheld: dict[str, int]
    audience: int
    opened_people: int
    opened_untied: int
    clicked_people: int
    clicked_untied: int
    unsubscribed: int
    tracked: int

    @classmethod
    def of_states(cls, states: dict[str, int], audience: int) -> "Progress":
        """The same from the states alone, for lists."""
        return cls(states, {}, audience, 0, 0, 0, 0, 0, 0)

    @property
    def sent(self) -> int:
        return self.states.get(Message.State.SENT, 0)

    @property
    def waiting(self) -> int:
        return sum(self.states.get(state, 0) for state in UNFINISHED)

    @property
    def settled(self) -> int:
        return sum(self.states.values()) - self.waiting

    @property
    def opened(self) -> int:
        return self.opened_people + self.opened_untied

    @property
    def clicked(self) -> int:
        return self.clicked_people + self.clicked_untied

    @property
    def withheld_total(self) -> int:
        return sum(self.withheld.values())


def progress(mailing_id: int) -> Progress:
    """Counts of one mailing."""
    return progress_of([mailing_id])[mailing_id]


def progress_of(mailing_ids: Collection[int]) -> dict[int, Progress]:
    """Counts of some mailings by their ids, in four queries however many they are."""
    ids = list(mailing_ids)
    states: dict[int, dict[str, int]] = {each: {} for each in ids}
    withheld: dict[int, dict[str, int]] = {each: {} for each in ids}
    tracked = dict.fromkeys(ids, 0)
    events: dict[int, dict[str, tuple[int, int]]] = {each: {} for each in ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mailing_id, state, reason, count(*), count(*) FILTER (WHERE tracked AND state = 'sent')"
            " FROM delivery_message WHERE mailing_id = ANY(%s) GROUP BY mailing_id, state, reason",
            [ids],
        )
        for mailing_id, state, reason, count, follow in cursor.fetchall():
            states[mailing_id][state] = states[mailing_id].get(state, 0) + count
            tracked[mailing_id] += follow
            if state == Message.State.WITHHELD:
                withheld[mailing_id][reason] = withheld[mailing_id].get(reason, 0) + count
        cursor.execute(
            "SELECT mailing_id, kind, count(DISTINCT message_id), count(*) FILTER (WHERE message_id IS NULL)"
            " FROM delivery_message_event WHERE mailing_id = ANY(%s) GROUP BY mailing_id, kind",
            [ids],
        )
        for mailing_id, kind, people, untied in cursor.fetchall():
            events[mailing_id][kind] = (people, untied)
    audiences = dict(Mailing.objects.filter(pk__in=ids).values_list("pk", "audience_size"))
    unsubscribed = unsubscribed_by_mailings(ids)
    found = {}
    for each in ids:
        opens = events[each].get(MessageEvent.Kind.OPEN, (0, 0))
        clicks = events[each].get(MessageEvent.Kind.CLICK, (0, 0))
        found[each] = Progress(
            states=states[each],
            withheld=dict(sorted(withheld[each].items(), key=lambda item: -item[1])),
            audience=audiences.get(each, 0),
            opened_people=opens[0],
            opened_untied=opens[1],
            clicked_people=clicks[0],
            clicked_untied=clicks[1],
            unsubscribed=unsubscribed.get(each, 0),
            tracked=tracked[each],
        )
    return found


def clicks_by_link(mailing_id: int) -> list[tuple[int, str, int]]:
    """For each link of a mailing, in order: its number, its address, and how often it was clicked."""
    return clicks_by_link_of([mailing_id])[mailing_id]


def clicks_by_link_of(mailing_ids: Collection[int]) -> dict[int, list[tuple[int, str, int]]]:
    """The same for some mailings by their ids, in one query."""
    ids = list(mailing_ids)
    found: dict[int, list[tuple[int, str, int]]] = {each: [] for each in ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.mailing_id, l.number, l.url, count(e.id) FROM delivery_link l LEFT JOIN delivery_message_event e"
            " ON e.mailing_id = l.mailing_id AND e.mailing_id = ANY(%s) AND e.kind = 'click' AND e.link_number = l.number"
            " WHERE l.mailing_id = ANY(%s) GROUP BY l.mailing_id, l.number, l.url ORDER BY l.number",
            [ids, ids],
        )
        for mailing_id, number, url, count in cursor.fetchall():
            found[mailing_id].append((number, url, count))
    return found


def messages_of_contact(contact_id: int, *, clinical: bool, limit: int = 50) -> list[dict[str, object]]:
    """What was sent to one contact, newest first, for the contact's page; `clinical` includes mailings by health data."""
    messages = Message.objects.filter(contact_id=contact_id).order_by("-updated_at")
    if not clinical:
        messages = messages.exclude(mailing_id__in=Mailing.objects.filter(clinical=True).values("pk"))
    shown = list(messages[:limit])
    subjects = dict(
        Mailing.objects.filter(pk__in={message.mailing_id for message in shown}).values_list(
            "pk", "version__subject"
        )
    )
    return [{"message": message, "subject": subjects.get(message.mailing_id, "")} for message in shown]


def recipients(
    mailing_id: int,
    *,
    states: Collection[str] = (),
    reason: str = "",
    without: Collection[str] = (),
    event: str | None = None,
    unsubscribed: bool = False,
    after: int,
    limit: int,
) -> list[Message]:
    """Messages of a mailing with ids above `after`, ascending: in these states (none: in any), withheld for this reason and not
    for those `without`, with an event of this kind that may be tied to a person, or by whose link somebody unsubscribed.
    """
    found = Message.objects.filter(mailing_id=mailing_id, id__gt=after)
    if states:
        found = found.filter(state__in=states)
    if reason:
        found = found.filter(reason=reason)
    if without:
        found = found.exclude(reason__in=without)
    if event:
        events = MessageEvent.objects.filter(mailing_id=mailing_id, kind=event, message_id__isnull=False)
        found = found.filter(id__in=events.values("message_id"))
    if unsubscribed:
        found = found.filter(id__in=messages_that_ended(mailing_id))
    return list(found.order_by("id")[:limit])


def uncertain_count(mailing_id: int) -> int:
    """Messages begun without an answer: held, and shown to somebody."""
    return Message.objects.filter(mailing_id=mailing_id, state=Message.State.UNCERTAIN).count()
