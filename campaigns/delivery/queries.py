"""Reads of delivery: how a mailing is getting on, and the evidence of each message."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns.delivery.models import Attempt, Mailing, Message, MessageEvent
from contacts.consent.queries import unsubscribed_by_mailing

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
    """Counts of one mailing, in three queries."""
    states: dict[str, int] = {}
    withheld: dict[str, int] = {}
    tracked = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, reason, count(*), count(*) FILTER (WHERE tracked AND state = 'sent')"
            " FROM delivery_message WHERE mailing_id = %s GROUP BY state, reason",
            [mailing_id],
        )
        for state, reason, count, follow in cursor.fetchall():
            states[state] = states.get(state, 0) + count
            tracked += follow
            if state == Message.State.WITHHELD:
                withheld[reason] = withheld.get(reason, 0) + count
        cursor.execute(
            "SELECT kind, count(DISTINCT message_id), count(*) FILTER (WHERE message_id IS NULL)"
            " FROM delivery_message_event WHERE mailing_id = %s GROUP BY kind",
            [mailing_id],
        )
        events = {kind: (people, untied) for kind, people, untied in cursor.fetchall()}
    opens = events.get(MessageEvent.Kind.OPEN, (0, 0))
    clicks = events.get(MessageEvent.Kind.CLICK, (0, 0))
    audience = Mailing.objects.filter(pk=mailing_id).values_list("audience_size", flat=True).first() or 0
    return Progress(
        states=states,
        withheld=dict(sorted(withheld.items(), key=lambda item: -item[1])),
        audience=audience,
        opened_people=opens[0],
        opened_untied=opens[1],
        clicked_people=clicks[0],
        clicked_untied=clicks[1],
        unsubscribed=unsubscribed_by_mailing(mailing_id),
        tracked=tracked,
    )


def clicks_by_link(mailing_id: int) -> list[tuple[int, str, int]]:
    """For each link of a mailing, in order: its number, its address, and how often it was clicked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.number, l.url, count(e.id) FROM delivery_link l LEFT JOIN delivery_message_event e"
            " ON e.mailing_id = l.mailing_id AND e.kind = 'click' AND e.link_number = l.number"
            " WHERE l.mailing_id = %s GROUP BY l.number, l.url ORDER BY l.number",
            [mailing_id],
        )
        return [(number, url, count) for number, url, count in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One message and the evidence of its last attempt; no name and no address."""

    message_id: int
    person: str
    state: str
    reason: str
    at: datetime
    attempts: int
    source_address: str
    mx_host: str
    tls_version: str
    tls_cipher: str
    tls_verified: bool | None
    code: int | None
    reply: str


_LOG = """
SELECT m.id, encode(m.person_key, 'hex'), m.state, m.reason, m.updated_at, m.attempts,
       host(a.source_address), a.mx_host, a.tls_version, a.tls_cipher, a.tls_verified, a.code, a.reply
FROM delivery_message m
LEFT JOIN LATERAL (
    SELECT * FROM delivery_attempt t WHERE t.mailing_id = m.mailing_id AND t.message_id = m.id
    ORDER BY t.at DESC, t.id DESC LIMIT 1
) a ON true
WHERE m.mailing_id = %s AND m.id > %s ORDER BY m.id LIMIT %s
"""


def message_log(mailing_id: int, *, after: int = 0, limit: int = 2000) -> list[LogLine]:
    """A page of a mailing's message log, by message id."""
    with connection.cursor() as cursor:
        cursor.execute(_LOG, [mailing_id, after, limit])
        return [LogLine(*row) for row in cursor.fetchall()]


def whole_message_log(mailing_id: int) -> Iterator[LogLine]:
    """The whole log, a page at a time, so that a million lines need no more memory than two thousand."""
    after = 0
    while page := message_log(mailing_id, after=after):
        yield from page
        after = page[-1].message_id


def messages_of_contact(contact_id: int, limit: int = 50) -> list[dict[str, Any]]:
    """What was sent to one contact, newest first, for the contact's page."""
    messages = Message.objects.filter(contact_id=contact_id).order_by("-updated_at")[:limit]
    subjects = dict(
        Mailing.objects.filter(pk__in={message.mailing_id for message in messages}).values_list(
            "pk", "version__subject"
        )
    )
    return [{"message": message, "subject": subjects.get(message.mailing_id, "")} for message in messages]


def attempts_of(mailing_id: int, message_id: int) -> list[Attempt]:
    """Every attempt at one message, oldest first."""
    return list(Attempt.objects.filter(mailing_id=mailing_id, message_id=message_id).order_by("at", "id"))


def uncertain_count(mailing_id: int) -> int:
    """Messages begun without an answer: held, and shown to somebody."""
    return Message.objects.filter(mailing_id=mailing_id, state=Message.State.UNCERTAIN).count()
