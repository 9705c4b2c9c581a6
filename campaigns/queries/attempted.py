"""Reads of single attempts behind the sending page's numbers, for those who may read the message log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import access
from accounts.access import Permission
from campaigns.delivery import load
from campaigns.delivery.message_log import AttemptFilter, AttemptKey, AttemptLine, page_of_attempts
from campaigns.delivery.models import EgressSource, Provider
from campaigns.delivery.outcome import Kind
from campaigns.models import Campaign
from campaigns.rules import Answer
from safeguards.actor import Actor

ATTEMPTS_PER_PAGE = 50
# The spans that the sending page counts by, in minutes.
RATE, HOUR, DAY = load.RATE_MINUTES, load.MINUTES, 24 * 60


_KINDS: dict[Answer, Sequence[str]] = {
    Answer.TRIED: (),
    Answer.SENT: (Kind.ACCEPTED.value,),
    Answer.DEFERRED: sorted(load.DEFERRED),
    Answer.REFUSED: sorted(load.REFUSED),
}


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment until before another (aware)."""

    since: datetime
    until: datetime


def span(within: int, now: datetime | None = None) -> Span:
    """The last minutes as the sending page counts them: a rate by whole minutes, an hour and a day by the minutes begun in it."""
    now = now or timezone.now()
    this = now.replace(second=0, microsecond=0)
    if within == RATE:
        return Span(this - timedelta(minutes=within), this)
    return Span(this - timedelta(minutes=within - 1), this + timedelta(minutes=1))


def minute(begins: datetime) -> Span:
    """One minute."""
    return Span(begins, begins + timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Attempts:
    """A page of attempts with the campaign of each (None for a notice), and the key of the next page."""

    rows: list[tuple[AttemptLine, Campaign | None, str]]
    next: AttemptKey | None


def attempts(
    actor: Actor,
    when: Span,
    answer: Answer,
    *,
    source: EgressSource | None = None,
    provider: Provider | None = None,
    before: AttemptKey | None = None,
) -> Attempts:
    """The attempts behind a number of the sending page, the newest first. Nobody is named: a message is known by its number.

    Needs the permissions to view sending and to export evidence.
    """
    access.require(actor, Permission.VIEW_SENDING)
    access.require(actor, Permission.EXPORT_EVIDENCE)
    asked = AttemptFilter(
        since=when.since,
        until=when.until,
        source_address=source.source_address if source else "",
        provider_id=provider.pk if provider else None,
        kinds=_KINDS[answer],
    )
    found = page_of_attempts(asked, before=before, limit=ATTEMPTS_PER_PAGE + 1)
    lines = found[:ATTEMPTS_PER_PAGE]
    mailings = {line.mailing_id for line in lines}
    campaigns = {each.mailing_id: each for each in Campaign.objects.filter(mailing_id__in=mailings - {None})}
    providers = dict(Provider.objects.values_list("pk", "name"))
    rows = [
        (line, campaigns.get(line.mailing_id), providers.get(line.provider_id or 0, "")) for line in lines
    ]
    more = len(found) > ATTEMPTS_PER_PAGE
    return Attempts(rows, (lines[-1].at, lines[-1].id) if more else None)
