"""What comes back: opens and clicks, written down as they arrive."""

from django.db import connection
from django.utils import timezone

from campaigns.delivery import rules
from campaigns.delivery.models import MessageEvent
from safeguards.actor import Actor


def record_event(
    *,
    actor: Actor,
    mailing_id: int,
    message_id: int | None,
    kind: str,
    link_number: int | None = None,
) -> None:
    """Append one open or click, with the caller's address shortened. `message_id` is None for totals-only tracking (E1).

    This ledger is its own evidence: an audit row for each open would drown the log (F2).
    """
    if kind not in MessageEvent.Kind.values:
        raise ValueError(kind)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_message_event (at, mailing_id, message_id, kind, link_number, network)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [timezone.now(), mailing_id, message_id, kind, link_number, rules.shorten(actor.ip or "")],
        )
