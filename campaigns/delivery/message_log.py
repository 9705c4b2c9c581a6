"""The message log: one line a message with the evidence of its last attempt, over one mailing or all; and what is behind a line.

Nothing here knows a name or an address. Pages are read by key, newest first, so that the thousandth page of a million lines costs
as much as the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns.delivery.models import Attempt, Message, MessageEvent

Key = tuple[int, int]
"""A mailing's id and a message's id: the key of the log."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What of the log is asked for; None and empty ask for everything. `since` and `until` are aware, until excluded.

    A moment is that of the message's last change. TLS version and source address are those of its last attempt.
    """

    mailing_id: int | None = None
    state: str = ""
    reason: str = ""
    tls_version: str = ""
    source_address: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One message and the evidence of its last attempt; no name and no address."""

    mailing_id: int
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

    @property
    def key(self) -> Key:
        return self.mailing_id, self.message_id


_LINES = """
SELECT m.mailing_id, m.id, encode(m.person_key, 'hex'), m.state, m.reason, m.updated_at, m.attempts,
       host(a.source_address), a.mx_host, a.tls_version, a.tls_cipher, a.tls_verified, a.code, a.reply
FROM delivery_message m
LEFT JOIN LATERAL (
    SELECT * FROM delivery_attempt t WHERE t.mailing_id = m.mailing_id AND t.message_id = m.id
    ORDER BY t.at DESC, t.id DESC LIMIT 1
) a ON true
"""
# The first of each pair lets whole partitions be passed over; the row comparison is what the primary key's index answers.
_NEWER_FIRST = (
    "m.mailing_id <= %s AND (m.mailing_id, m.id) < (%s, %s)",
    " ORDER BY m.mailing_id DESC, m.id DESC LIMIT %s",
)
_OLDER_FIRST = (
    "m.mailing_id >= %s AND (m.mailing_id, m.id) > (%s, %s)",
    " ORDER BY m.mailing_id, m.id LIMIT %s",
)
_CONDITIONS = {
    "mailing_id": "m.mailing_id = %s",
    "state": "m.state = %s",
    "reason": "m.reason = %s",
    "tls_version": "a.tls_version = %s",
    "source_address": "a.source_address = %s::inet",
    "since": "m.updated_at >= %s",
    "until": "m.updated_at < %s",
}


def page_of_log(
    asked: LogFilter, *, after: Key | None, limit: int, oldest_first: bool = False
) -> list[LogLine]:
    """A page of the log behind a key, newest message first unless told otherwise."""
    sql, values = page_query(asked, after=after, limit=limit, oldest_first=oldest_first)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [LogLine(*row) for row in cursor.fetchall()]


def page_query(
    asked: LogFilter, *, after: Key | None, limit: int, oldest_first: bool = False
) -> tuple[str, list[Any]]:
    """The query of a page and its values."""
    conditions, values = [], []
    for name, condition in _CONDITIONS.items():
        if (value := getattr(asked, name)) not in (None, ""):
            conditions.append(condition)
            values.append(value)
    beyond, order = _OLDER_FIRST if oldest_first else _NEWER_FIRST
    if after is not None:
        conditions.append(beyond)
        values += [after[0], *after]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"{_LINES}{where}{order}", [*values, limit]


def lines_of_log(asked: LogFilter, size: int = 2000) -> Iterator[LogLine]:
    """All that is asked for, oldest first, a page at a time: a million lines need no more memory than two thousand."""
    after: Key | None = None
    while page := page_of_log(asked, after=after, limit=size, oldest_first=True):
        yield from page
        after = page[-1].key


def message_log(mailing_id: int, *, after: int = 0, limit: int = 2000) -> list[LogLine]:
    """A page of one mailing's log, by message id."""
    return page_of_log(LogFilter(mailing_id), after=(mailing_id, after), limit=limit, oldest_first=True)


def whole_message_log(mailing_id: int) -> Iterator[LogLine]:
    """The whole log of one mailing, oldest first."""
    return lines_of_log(LogFilter(mailing_id))


def attempts_of(mailing_id: int, message_id: int) -> list[Attempt]:
    """Every attempt at one message, oldest first."""
    return list(Attempt.objects.filter(mailing_id=mailing_id, message_id=message_id).order_by("at", "id"))


def events_of(mailing_id: int, message_id: int) -> list[MessageEvent]:
    """What came back of one message, oldest first; nothing where the mailing counted totals only, or nothing."""
    events = MessageEvent.objects.filter(
        mailing_id=mailing_id, message_id=message_id, kind__in=MessageEvent.Kind.values
    )
    return list(events.order_by("at", "id"))


@dataclass(frozen=True, slots=True)
class AttemptFilter:
    """Attempts from `since` until before `until` (aware), by source address, provider and outcome; None and empty ask for all."""

    since: datetime
    until: datetime
    source_address: str = ""
    provider_id: int | None = None
    kinds: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt. Without a mailing it was a notice's; `provider_id` is its message's, None where that is gone or a notice."""

    id: int
    at: datetime
    mailing_id: int | None
    message_id: int | None
    kind: str
    source_address: str
    mx_host: str
    tls_version: str
    code: int | None
    reply: str
    provider_id: int | None


AttemptKey = tuple[datetime, int]
"""An attempt's moment and id: the key of the table."""

_ATTEMPTS = """
SELECT a.id, a.at, a.mailing_id, a.message_id, a.kind, host(a.source_address), a.mx_host, a.tls_version, a.code, a.reply,
       m.provider_id
FROM delivery_attempt a
LEFT JOIN delivery_message m ON m.mailing_id = a.mailing_id AND m.id = a.message_id
WHERE a.at >= %s AND a.at < %s
"""


def page_of_attempts(asked: AttemptFilter, *, before: AttemptKey | None, limit: int) -> list[AttemptLine]:
    """A page of attempts older than a key, the newest first."""
    sql: list[str] = [_ATTEMPTS]
    values: list[Any] = [asked.since, asked.until]
    optional: list[tuple[str, Any]] = [
        ("a.source_address = %s::inet", asked.source_address),
        ("m.provider_id = %s", asked.provider_id),
        ("a.kind = ANY(%s)", list(asked.kinds)),
    ]
    for condition, value in optional:
        if value:
            sql.append(f"AND {condition}")
            values.append(value)
    if before is not None:
        sql.append("AND (a.at, a.id) < (%s, %s)")
        values += before
    with connection.cursor() as cursor:
        cursor.execute(f"{' '.join(sql)} ORDER BY a.at DESC, a.id DESC LIMIT %s", [*values, limit])
        return [AttemptLine(*row) for row in cursor.fetchall()]


def begun_since(since: datetime) -> int:
    """How many messages belong to mailings that began to leave since then, whatever became of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM delivery_message m JOIN delivery_mailing g ON g.id = m.mailing_id"
            " WHERE g.started_at >= %s",
            [since],
        )
        count: int = cursor.fetchone()[0]
        return count


# What a suppression covers, as contacts.consent.rules.stops has it; and what was accepted while it stood.
_AFTER = """
FROM consent_suppression s
JOIN delivery_message m ON m.address_hash = s.address_hash AND m.state = 'sent' AND m.updated_at > s.at
JOIN delivery_mailing g ON g.id = m.mailing_id
JOIN delivery_attempt a ON a.mailing_id = m.mailing_id AND a.message_id = m.id AND a.code BETWEEN 200 AND 299
WHERE a.at > s.at AND (s.lifted_at IS NULL OR a.at < s.lifted_at)
AND CASE s.scope WHEN 'brand' THEN s.brand_id IS NULL OR s.brand_id = g.brand_id
                 WHEN 'topic' THEN s.topic_id = g.topic_id ELSE true END
"""


def sent_after_opt_outs() -> int:
    """How many messages were accepted for an address while a suppression that covers them stood. It should be 0 (C7)."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(DISTINCT (m.mailing_id, m.id)) {_AFTER}")
        count: int = cursor.fetchone()[0]
        return count


def sent_after_each(suppression_ids: Sequence[int]) -> Mapping[int, int]:
    """The same for some suppressions, by their ids; those after which nothing was sent aren't in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.id, count(DISTINCT (m.mailing_id, m.id)) {_AFTER} AND s.id = ANY(%s) GROUP BY s.id",
            [list(suppression_ids)],
        )
        return dict(cursor.fetchall())


def message_of(mailing_id: int, message_id: int) -> Message:
    """One message. Raises Message.DoesNotExist."""
    return Message.objects.get(mailing_id=mailing_id, id=message_id)
