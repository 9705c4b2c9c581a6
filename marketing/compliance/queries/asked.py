"""What somebody asks of one kind of evidence, and the rows that answer it in a file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accounts import access
from accounts import queries as accounts
from accounts.access import Permission
from accounts.queries import Factor, StaffFilter
from campaigns.delivery.message_log import LogFilter, lines_of_log, sent_after_each
from contacts.consent.queries import LedgerFilter, StopFilter, all_acts, pages_of_stops
from marketing.compliance.acts import words_of
from marketing.compliance.rules import Kind, utc
from safeguards.actor import Actor
from safeguards.log import RowFilter, all_rows
from safeguards.queries import EventFilter, all_events

Row = tuple[object, ...]
Filter = LogFilter | LedgerFilter | StopFilter | EventFilter | StaffFilter | RowFilter


@dataclass(frozen=True, slots=True)
class Asked:
    """A kind of evidence and its filter; `words` tell the filter to a reader, `named` to the audit log (no person's value)."""

    kind: Kind
    filter: Filter
    words: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)


def messages_of_mailing(mailing_id: int) -> Asked:
    """The whole message log of one mailing."""
    mailing = str(mailing_id)
    return Asked(Kind.MESSAGES, LogFilter(mailing_id), {"mailing": mailing}, {"mailing": mailing})


def rows(actor: Actor, asked: Asked) -> Iterator[Row]:
    """The rows of a file, oldest first, never all in memory. Needs the permission to export evidence.

    Staff, the access log and the audit log need the permission to view the audit log besides.
    """
    access.require(actor, Permission.EXPORT_EVIDENCE)
    match asked.filter:
        case LogFilter():
            return _messages(asked.filter)
        case LedgerFilter():
            return _acts(asked.filter)
        case StopFilter():
            return _stops(asked.filter)
        case EventFilter():
            access.require(actor, Permission.VIEW_AUDIT)
            return _events(actor, asked.filter)
        case RowFilter():
            access.require(actor, Permission.VIEW_AUDIT)
            return _log(asked.filter)
        case StaffFilter():
            return _staff(actor, asked.filter)


def _messages(asked: LogFilter) -> Iterator[Row]:
    for line in lines_of_log(asked):
        yield (
            line.mailing_id,
            line.message_id,
            line.person,
            line.state,
            line.reason,
            utc(line.at),
            line.attempts,
            line.source_address,
            line.mx_host,
            line.tls_version,
            line.tls_cipher,
            line.tls_verified,
            line.code,
            line.reply,
        )


def _acts(asked: LedgerFilter) -> Iterator[Row]:
    for act in all_acts(asked):
        yield (
            act.pk,
            bytes(act.person_key).hex(),
            bytes(act.address_hash).hex(),
            act.act,
            act.subject,
            act.topic.slug if act.topic else "",
            act.source,
            act.text_version,
            evidence_words(act.evidence),
            utc(act.given_at),
            utc(act.recorded_at),
        )


def evidence_words(evidence: Mapping[str, object]) -> str:
    """What was kept as evidence of an act of consent, in one line."""
    return "; ".join(f"{name}: {value}" for name, value in sorted(evidence.items()))


def _stops(asked: StopFilter) -> Iterator[Row]:
    for page in pages_of_stops(asked):
        after = sent_after_each([stop.pk for stop in page])
        for stop in page:
            yield (
                stop.pk,
                bytes(stop.address_hash).hex(),
                stop.scope,
                stop.brand.name if stop.brand else "",
                stop.topic.slug if stop.topic else "",
                stop.source,
                stop.reason,
                stop.mailing_id,
                stop.message_id,
                utc(stop.asked_at),
                utc(stop.at),
                "" if stop.seconds_to_effect is None else f"{stop.seconds_to_effect:.3f}",
                utc(stop.lifted_at),
                stop.lifted_by,
                after.get(stop.pk, 0),
            )


def _events(actor: Actor, asked: EventFilter) -> Iterator[Row]:
    names = accounts.names(actor)
    for event in all_events(asked):
        _name, role = names.get(event.actor_id, ("", "")) if event.actor_kind == "user" else ("", "")
        yield (
            event.pk,
            utc(event.at),
            event.action,
            event.outcome,
            event.actor_display or event.actor_id,
            event.actor_kind,
            role,
            event.purpose,
            " ".join(event.details.get("fields", [])),
            event.details.get("count", event.details.get("rows")),
            event.patient,
            event.ip,
            event.request_id,
        )


def _log(asked: RowFilter) -> Iterator[Row]:
    for event in all_rows(asked):
        link = getattr(event, "link", None)
        yield (
            event.pk,
            utc(event.at),
            event.action,
            words_of(event.action),
            event.outcome,
            event.actor_display,
            event.actor_kind,
            event.actor_id,
            event.session_hash,
            event.method,
            event.factor,
            event.ip,
            event.user_agent,
            event.target_kind,
            event.target_id,
            event.patient,
            event.purpose,
            event.reason,
            json.dumps(event.details, ensure_ascii=False, sort_keys=True),
            event.request_id,
            event.version,
            link.sequence if link else "",
            bytes(link.hash).hex() if link else "",
            bytes(link.previous).hex() if link else "",
        )


def _staff(actor: Actor, asked: StaffFilter) -> Iterator[Row]:
    for colleague in accounts.staff(actor, asked):
        user = colleague.user
        factors: list[Factor | None] = [*colleague.factors] or [None]
        for factor in factors:
            yield (
                user.pk,
                user.name,
                user.email,
                user.role,
                user.is_active,
                factor.kind if factor else "none",
                utc(factor.since) if factor else "",
                utc(factor.last_used) if factor else "",
                utc(user.last_login),
                colleague.sessions,
                utc(user.created_at),
            )
