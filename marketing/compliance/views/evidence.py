"""The evidence: an overview, a filtered list of each kind, and its file to take away."""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import access, step_up
from accounts.queries import StaffFilter
from campaigns.delivery.message_log import LogFilter
from campaigns.delivery.models import Message
from campaigns.wording import REASONS
from contacts.consent.queries import LedgerFilter, StopFilter
from marketing.compliance import actions, queries
from marketing.compliance.forms import FORMS
from marketing.compliance.queries import Asked
from marketing.compliance.queries.evidence import Access
from marketing.compliance.queries.history import KINDS
from marketing.compliance.rules import Kind, pseudonym
from marketing.compliance.views.tabs import address, tabs
from marketing.compliance.wording import (
    ABOUT,
    ACCESS_WORDS,
    BOUNCES,
    OPENED,
    OUTCOME_PILLS,
    OUTCOMES,
    SOURCES,
    TITLES,
)
from safeguards.actor import Actor
from safeguards.queries import EventFilter

PAGE = 25
_KEY = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")

# Rows as the templates show them, each with the key that the next page begins behind.
Rows = list[tuple[str, Any]]


@require_safe
def compliance(request: HttpRequest) -> HttpResponse:
    """`/compliance/`: each kind of evidence in one number, and whether it can be relied on."""
    actor = access.of(request)
    context = {"overview": queries.overview(actor), "tabs": tabs(None), "people_url": address(Kind.ACCESS)}
    return render(request, "compliance/overview.html", context)


@require_safe
def listing(request: HttpRequest, kind: Kind) -> HttpResponse:
    """`/compliance/<kind>/`: one page of a kind of evidence, by the filters in the address that make sense."""
    actor = access.of(request)
    form = FORMS[kind](request.GET)
    sensible = form.is_valid()
    asked = form.asked()
    rows = _ROWS[kind](actor, asked, _key(request.GET.get("after", "")))
    query = request.GET.copy()
    query.pop("after", None)
    more = query.copy()
    # The staff of one organisation stand on one page.
    shown = len(rows) if kind is Kind.STAFF else PAGE
    if len(rows) > shown:
        more["after"] = rows[shown - 1][0]
    return render(
        request,
        f"compliance/{kind.name.lower()}.html",
        {
            "tabs": tabs(kind),
            "title": TITLES[kind],
            "about": ABOUT[kind],
            "form": form,
            "sensible": sensible,
            "filters": asked.words,
            "here": reverse(f"evidence_{kind.name.lower()}"),
            "rows": [row for _, row in rows[:shown]],
            "first_url": f"?{query.urlencode()}" if "after" in request.GET else None,
            "next_url": f"?{more.urlencode()}" if len(rows) > shown else None,
            "csv_url": f"{reverse('evidence_csv', args=[kind.value])}?{query.urlencode()}",
            "taken_url": reverse("evidence_taken", args=[kind.value]),
            "taken": queries.taken(actor, kind),
        },
    )


@step_up.required(access.Permission.EXPORT_EVIDENCE, asks_reading=True, takes_away=True)
@require_safe
def evidence_csv(request: HttpRequest, kind: str) -> HttpResponseBase:
    """`/compliance/<kind>.csv`: the file, for a fresh code. SHA-256 stands in a header, then on the page and in the audit log.

    A filter that makes no sense leads back to the page that says so: a file must never hold more than was asked for.
    """
    actor, kind = access.of(request), _kind(kind)
    access.require(actor, access.Permission.EXPORT_EVIDENCE)
    form = FORMS[kind](request.GET)
    if not form.is_valid():
        return redirect(f"{address(kind).partition('?')[0]}?{request.GET.urlencode()}")
    evidence = actions.export_evidence(actor=actor, asked=form.asked())
    response = FileResponse(
        evidence.file, as_attachment=True, filename=evidence.name, content_type="text/csv; charset=utf-8"
    )
    response["X-Content-SHA256"] = evidence.sha256
    return response


@require_safe
def evidence_taken(request: HttpRequest, kind: str) -> HttpResponse:
    """`/compliance/<kind>/taken/`: the files of a kind that were taken away, as the part of its page that is asked for again."""
    found = _kind(kind)
    context = {"taken": queries.taken(access.of(request), found)}
    return render(request, "compliance/parts/taken_rows.html", context)


def _kind(given: str) -> Kind:
    try:
        return Kind(given)
    except ValueError:
        raise Http404 from None


def _key(given: str) -> tuple[int, int] | None:
    match = _KEY.fullmatch(given)
    return (int(match[1]), int(match[2] or 0)) if match else None


def _messages(actor: Actor, asked: Asked, after: tuple[int, int] | None) -> Rows:
    found = queries.messages(actor, cast(LogFilter, asked.filter), after=after, limit=PAGE + 1)
    return [
        (
            f"{line.mailing_id}-{line.message_id}",
            {
                "line": line,
                "campaign": campaign,
                "person": pseudonym(line.person),
                "state": Message.State(line.state).label,
                "pill": KINDS.get(Message.State(line.state), "info"),
                "reason": REASONS.get(line.reason)
                or BOUNCES.get(line.reason)
                or line.reason.replace("_", " "),
            },
        )
        for line, campaign in found
    ]


def _acts(actor: Actor, asked: Asked, after: tuple[int, int] | None) -> Rows:
    before = after[0] if after else None
    found = queries.acts(actor, cast(LedgerFilter, asked.filter), before=before, limit=PAGE + 1)
    return [
        (
            str(act.pk),
            {
                "act": act,
                "person": pseudonym(bytes(act.person_key).hex()),
                "agreed": act.act == "opt_in",
                "evidence": queries.evidence_words(act.evidence),
            },
        )
        for act in found
    ]


def _stops(actor: Actor, asked: Asked, after: tuple[int, int] | None) -> Rows:
    before = after[0] if after else None
    found = queries.opt_outs(actor, cast(StopFilter, asked.filter), before=before, limit=PAGE + 1)
    return [
        (
            str(stop.pk),
            {
                "stop": stop,
                "address": pseudonym(bytes(stop.address_hash).hex()),
                "source": SOURCES.get(stop.source, stop.source),
                "sent_after": sent_after,
            },
        )
        for stop, sent_after in found
    ]


def _accesses(actor: Actor, asked: Asked, after: tuple[int, int] | None) -> Rows:
    before = after[0] if after else None
    found = queries.accesses(
        actor, cast(EventFilter, asked.filter), before=before, limit=PAGE + 1, named=asked.named
    )
    return [
        (
            str(each.id),
            {
                "access": each,
                "patient": pseudonym(each.patient),
                "what": _what(each),
                "outcome": OUTCOMES.get(each.outcome, each.outcome),
                "pill": OUTCOME_PILLS.get(each.outcome, "mute"),
            },
        )
        for each in found
    ]


def _what(each: Access) -> object:
    if each.action == "phi.revealed" and each.table in OPENED:
        return OPENED[each.table]
    return ACCESS_WORDS.get(each.action, each.action)


def _staff(actor: Actor, asked: Asked, after: tuple[int, int] | None) -> Rows:
    return [("", colleague) for colleague in queries.staff(actor, cast(StaffFilter, asked.filter))]


_ROWS: Mapping[Kind, Callable[[Actor, Asked, tuple[int, int] | None], Rows]] = {
    Kind.MESSAGES: _messages,
    Kind.CONSENT: _acts,
    Kind.OPT_OUTS: _stops,
    Kind.ACCESS: _accesses,
    Kind.STAFF: _staff,
}
