"""What each batch handed over, counted as it is written down: what leaves now is read from these few rows, whatever is queued."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from campaigns.delivery.models import Tally
from campaigns.delivery.outcome import Outcome

KEPT = timedelta(days=2)


def count(outcomes: Iterable[tuple[Outcome, int, int | None, int | None]]) -> None:
    """Add the tallies of one batch: outcome, source, provider, mailing. Rows are added and never changed, so that no two workers
    wait for each other.
    """
    found: Counter[tuple[datetime, int, int | None, int | None, str, int | None]] = Counter(
        (
            outcome.at.replace(second=0, microsecond=0),
            source_id,
            provider_id,
            mailing_id,
            outcome.kind.value,
            outcome.code or None,
        )
        for outcome, source_id, provider_id, mailing_id in outcomes
    )
    Tally.objects.bulk_create(
        Tally(
            minute=minute,
            source_id=source_id,
            provider_id=provider_id,
            mailing_id=mailing_id,
            kind=kind,
            code=code,
            messages=messages,
        )
        for (minute, source_id, provider_id, mailing_id, kind, code), messages in found.items()
    )


def forget_old() -> int:
    """Delete tallies of more than two days ago; returns how many."""
    return Tally.objects.filter(minute__lt=timezone.now() - KEPT).delete()[0]
