"""Writing rows: in the caller's transaction, or on a connection of their own for what is about to be rolled back."""

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from django.db import connections, models
from django.utils import timezone

from safeguards.actor import Actor
from safeguards.audit import canonical, schema
from safeguards.models import AuditEvent

_COLUMNS = canonical.COLUMNS[:-1]


def _row(
    action: str,
    actor: Actor,
    target: models.Model | None,
    patient: str,
    purpose: str,
    outcome: str,
    reason: str,
    details: Mapping[str, Any] | None,
) -> AuditEvent:
    given = schema.checked(action, details)
    if outcome not in {"success", "failure", "denied"}:
        raise ValueError(outcome)
    return AuditEvent(
        at=timezone.now(),
        action=action,
        outcome=outcome,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_display=actor.display[:200],
        session_hash=actor.session_hash,
        method=actor.method,
        factor=actor.factor,
        ip=actor.ip,
        user_agent=actor.user_agent[:300],
        target_kind=target._meta.label_lower if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        patient=patient,
        purpose=purpose[:200],
        reason=reason[:300],
        details=given,
        request_id=actor.request_id,
        version=canonical.VERSION,
    )


def record(
    action: str,
    *,
    actor: Actor,
    target: models.Model | None = None,
    patient: str = "",
    purpose: str = "",
    outcome: str = "success",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write one row in the present transaction: the act and its evidence stand or fall together.

    `patient` is a pseudonym (hexadecimal person key). Raises Undeclared for an unknown action or detail, and Unfit for a detail
    of another kind than was declared.
    """
    event = _row(action, actor, target, patient, purpose, outcome, reason, details)
    event.save(force_insert=True)
    return event


def record_apart(
    action: str,
    *,
    actor: Actor,
    target: models.Model | None = None,
    patient: str = "",
    purpose: str = "",
    outcome: str = "denied",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write one row on a connection of its own, for refusals and failures whose transaction is about to be rolled back."""
    event = _row(action, actor, target, patient, purpose, outcome, reason, details)
    values = [getattr(event, name) for name in _COLUMNS]
    values[_COLUMNS.index("details")] = json.dumps(event.details)
    columns, marks = ", ".join(_COLUMNS), ", ".join(["%s"] * len(_COLUMNS))
    with closing(connections.create_connection("default")) as apart, apart.cursor() as cursor:
        cursor.execute(f"INSERT INTO safeguards_audit_event ({columns}) VALUES ({marks})", values)  # noqa: S608 - our own columns
