"""The attempts behind a number of the sending page."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from accounts import access
from campaigns import queries, wording
from campaigns.delivery.models import EgressSource, Provider
from campaigns.queries import Span
from campaigns.rules import Answer

_WITHIN = (queries.RATE, queries.HOUR, queries.DAY)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """`/sending/attempts/`: what was tried, and what the mail hosts said.

    `what` is an Answer; `within` 5, 60 or 1440 minutes, or `minute` the beginning of one (seconds since 1970, UTC); `source` and
    `provider` are ids; `at` (microseconds since 1970, UTC) and `id` the key of the page before. Whatever makes no sense is as if
    it weren't there.
    """
    given = request.GET
    what = given.get("what", "")
    answer = Answer(what) if what in set(Answer) else Answer.TRIED
    when, words, kept = _span(given.get("minute", ""), given.get("within", ""))
    source = EgressSource.objects.filter(pk=_number(given.get("source", "")) or 0).first()
    provider = Provider.objects.filter(pk=_number(given.get("provider", "")) or 0).first()
    at, last = _moment(given.get("at", "")), _number(given.get("id", ""))
    before = (at, last) if at and last is not None else None
    found = queries.attempts(
        access.of(request), when, answer, source=source, provider=provider, before=before
    )
    narrowed = (
        kept | ({"source": source.pk} if source else {}) | ({"provider": provider.pk} if provider else {})
    )
    asked = narrowed | {"what": answer.value}
    key = {"at": _microseconds(found.next[0]), "id": found.next[1]} if found.next else {}
    context = {
        "trail": [(_("Sending"), reverse("sending"))],
        "rows": [
            (
                line,
                campaign,
                name,
                *wording.ATTEMPTS.get(line.kind, ("mute", line.kind)),
                _history(line.mailing_id, line.message_id),
            )
            for line, campaign, name in found.rows
        ],
        "words": words,
        "since": when.since,
        "source": source,
        "provider": provider,
        "tabs": [
            (f"?{urlencode(narrowed | {'what': each.value})}", wording.ANSWERS[each], each is answer)
            for each in Answer
        ],
        "first_url": f"?{urlencode(asked)}" if before else "",
        "next_url": f"?{urlencode(asked | key)}" if key else "",
        "everything_url": f"?{urlencode(kept | {'what': answer.value})}" if source or provider else "",
    }
    return render(request, "campaigns/sending/attempts.html", context)


def _span(minute: str, within: str) -> tuple[Span, str, dict[str, object]]:
    """The span that an address asks for, in words that a moment follows, and as the address has it."""
    begins = _moment(f"{minute}000000") if minute else None
    if begins:
        begins = begins.replace(second=0, microsecond=0)
        return queries.minute(begins), _("In the minute of"), {"minute": int(begins.timestamp())}
    count = _number(within)
    if count not in _WITHIN:
        count = queries.HOUR
    words = ngettext("In the last minute, since", "In the last %(count)s minutes, since", count) % {
        "count": count
    }
    if count == queries.DAY:
        words = _("In the last 24 hours, since")
    return queries.span(count), words, {"within": count}


def _history(mailing_id: int | None, message_id: int | None) -> str:
    """Where a message's history is shown: a page of an upper floor, known by its name alone. Notices have none."""
    if mailing_id is None or message_id is None:
        return ""
    try:
        return reverse("evidence_message", args=[mailing_id, message_id])
    except NoReverseMatch:
        return ""


def _moment(microseconds: str) -> datetime | None:
    number = _number(microseconds)
    if number is None:
        return None
    whole, rest = divmod(number, 1_000_000)
    try:
        return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest)
    except (OverflowError, ValueError, OSError):
        return None


def _microseconds(moment: datetime) -> int:
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
