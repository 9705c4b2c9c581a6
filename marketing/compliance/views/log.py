"""The audit log: its rows by filters, one row whole, its verification, and what was done with one patient."""

from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Permission
from contacts.rules import fields
from marketing.compliance import actions, queries
from marketing.compliance.acts import KINDS, TARGETS, words_of
from marketing.compliance.forms import LogForm, PatientForm
from marketing.compliance.models import Verification
from marketing.compliance.queries.log import COUNTED, Row
from marketing.compliance.rules import Kind, pseudonym
from marketing.compliance.views.tabs import tabs
from marketing.compliance.wording import (
    ABOUT,
    ADVICE,
    FOUND,
    OPENED,
    OUTCOME_PILLS,
    OUTCOMES,
    TITLES,
)
from safeguards.actor import Actor
from safeguards.log import RowFilter

PAGE = 25
# So many fields stand in a line of the list; the row's own page has all of them.
FEW = 6
VERIFICATIONS = 10


@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    """`/compliance/log/`: every act, newest first, by the filters in the address that make sense."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_AUDIT)
    form = LogForm(request.GET)
    sensible = form.is_valid()
    asked = form.asked()
    rows = cast(RowFilter, asked.filter)
    found = queries.log_rows(actor, rows, after=_number(request, "after"), limit=PAGE, named=asked.named)
    query = request.GET.copy()
    query.pop("after", None)
    more = query.copy()
    if found.more:
        more["after"] = str(found.rows[-1].event.pk)
    context = {
        "tabs": tabs(Kind.LOG),
        "title": TITLES[Kind.LOG],
        "about": ABOUT[Kind.LOG],
        "form": form,
        "sensible": sensible,
        "filters": asked.words,
        "here": reverse("audit_log"),
        "state": queries.log_state(actor),
        "rows": [shown(actor, row) for row in found.rows],
        "count": found.count,
        "counted": COUNTED,
        "only_staff": rows.actor_kind == "user" and not rows.actor_id,
        "chips": _chips(request),
        "everybody_url": _changed(request, by="all"),
        "first_url": f"?{query.urlencode()}" if "after" in request.GET else None,
        "next_url": f"?{more.urlencode()}" if found.more else None,
        "csv_url": f"{reverse('evidence_csv', args=[Kind.LOG.value])}?{query.urlencode()}",
        "taken_url": reverse("evidence_taken", args=[Kind.LOG.value]),
        "taken": queries.taken(actor, Kind.LOG),
    }
    return render(request, "compliance/log.html", context)


def _chips(request: HttpRequest) -> list[tuple[str, str, bool]]:
    """One press to what is looked for most: words, address, whether it is chosen."""
    outcome, by = request.GET.get("outcome", ""), request.GET.get("by", "")
    return [
        (_("What the staff did"), _changed(request, by="", outcome=""), not by and not outcome),
        (
            _("Only refused"),
            _changed(request, outcome="" if outcome == "denied" else "denied"),
            outcome == "denied",
        ),
        (_("The system's too"), _changed(request, by="" if by == "all" else "all"), by == "all"),
    ]


def _changed(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    query.pop("after", None)
    for name, value in changes.items():
        if value:
            query[name] = value
        else:
            query.pop(name, None)
    return f"?{query.urlencode()}"


def shown(actor: Actor, row: Row) -> dict[str, object]:
    """A row as the templates show it."""
    event = row.event
    action = event.action
    table = event.details.get("table", "")
    opened = action == "phi.revealed" and table in OPENED
    named = [_(fields.BY_KEY[each].label) if each in fields.BY_KEY else each for each in row.fields]
    return {
        "row": row,
        "event": event,
        "what": OPENED[table] if opened else words_of(action),
        "fields": named,
        "first_fields": named[:FEW],
        "more_fields": len(named[FEW:]),
        "outcome": OUTCOMES.get(event.outcome, event.outcome),
        "pill": OUTCOME_PILLS.get(event.outcome, "mute"),
        "kind": KINDS.get(event.actor_kind, event.actor_kind),
        "patient": pseudonym(event.patient or (event.actor_id if event.actor_kind == "patient" else "")),
        "person_url": _rows(person=event.actor_id) if event.actor_kind != "patient" else "",
        "target": TARGETS[event.target_kind].words if event.target_kind in TARGETS else event.target_kind,
        "target_url": _page_of(actor, event.target_kind, event.target_id),
    }


def _rows(**query: str) -> str:
    return f"{reverse('audit_log')}?{'&'.join(f'{name}={value}' for name, value in query.items())}"


def _page_of(actor: Actor, kind: str, number: str) -> str:
    """The page of a thing, where it has one that this person may see."""
    target = TARGETS.get(kind)
    if target is None or not target.page or not number:
        return ""
    if target.needs is not None and not access.allowed(actor, target.needs):
        return ""
    try:
        return reverse(target.page, args=[number])
    except NoReverseMatch:
        return ""


@require_safe
def audit_row(request: HttpRequest, pk: int) -> HttpResponse:
    """`/compliance/log/<id>/`: one row whole, its place in the chain as it is now, and what stands around it."""
    actor = access.of(request)
    found = queries.log_row(actor, pk) if pk < 2**63 else None
    if found is None:
        raise Http404
    event = found.row.event
    details = {name: value for name, value in event.details.items() if name not in ("patients", "fields")}
    context = shown(actor, found.row) | {
        "trail": [(_("Compliance"), reverse("compliance")), (TITLES[Kind.LOG], reverse("audit_log"))],
        "detail": found,
        "place": found.place,
        "details": [(name.replace("_", " "), _said(value)) for name, value in sorted(details.items())],
        "named": len(event.details.get("patients", ())),
        "same_request": [shown(actor, each) for each in found.same_request],
        "same_session": [shown(actor, each) for each in found.same_session],
        "session_url": _rows(session=event.session_hash) if event.session_hash else "",
        "request_url": _rows(request=event.request_id, by="all") if event.request_id else "",
        "address_url": _rows(ip=event.ip) if event.ip else "",
        "object_url": _rows(object=event.target_kind, object_id=event.target_id, by="all")
        if event.target_id
        else "",
    }
    return render(request, "compliance/log_row.html", context)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in sorted(value.items())) or "—"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "—"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value) if value not in (None, "") else "—"


@require_POST
def audit_verify(request: HttpRequest) -> HttpResponse:
    """`/compliance/log/verify/`: have the whole chain walked in the background."""
    walk = actions.ask_verification(actor=access.of(request))
    return redirect("audit_verification", pk=walk.pk)


@require_safe
def audit_verification(request: HttpRequest, pk: int) -> HttpResponse:
    """`/compliance/log/verifications/<id>/`: how far a walk over the chain is, and what it found, with what to do.

    Asked for as a fragment, its moving part alone.
    """
    actor = access.of(request)
    walk = queries.verification(actor, pk) if pk < 2**63 else None
    if walk is None:
        raise Http404
    context = {
        "trail": [(_("Compliance"), reverse("compliance")), (TITLES[Kind.LOG], reverse("audit_log"))],
        "walk": walk,
        "findings": _findings(walk),
        "unlisted": walk.found - len(walk.findings),
    }
    if request.headers.get("HX-Request"):
        return render(request, "compliance/parts/verification.html", context)
    context["walks"] = queries.verifications(actor, limit=VERIFICATIONS)
    return render(request, "compliance/verification.html", context)


def _findings(walk: Verification) -> list[tuple[str, str]]:
    """What was found, in words, and what to do."""
    found = []
    for what, where, code, more in walk.findings:
        words = (
            str(FOUND[what]) % {"where": where} if what in FOUND else f"{what[:1].upper()}{what[1:]} {where}"
        )
        advice = str(ADVICE.get(code, _("Show this to whoever runs the system.")))
        found.append((f"{words}: {more}" if more else words, advice))
    return found


@require_http_methods(["GET", "POST"])
def audit_patients(request: HttpRequest) -> HttpResponse:
    """`/compliance/log/patients/`: look somebody up by address or record number; by POST, since it names a person."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_AUDIT)
    form = PatientForm(request.POST if request.method == "POST" else None)
    found = None
    if form.is_valid():
        found = queries.find_patients(actor, form.cleaned_data["text"])
        if len(found) == 1:
            return redirect("audit_patient", pk=found[0].contact_id)
        # What was typed doesn't come back: the page is left on the desk.
        form = PatientForm()
    context = {
        "trail": [(_("Compliance"), reverse("compliance")), (TITLES[Kind.LOG], reverse("audit_log"))],
        "form": form,
        "found": [(each, pseudonym(each.pseudonym)) for each in found] if found is not None else None,
    }
    return render(request, "compliance/log_patients.html", context)


@require_safe
def audit_patient(request: HttpRequest, pk: int) -> HttpResponse:
    """`/compliance/log/patients/<contact>/`: everything that was done with one patient, and what no row can tell."""
    actor = access.of(request)
    by = request.GET.get("by", "")
    by = by if by in ("user", "patient", "system") else ""
    found = (
        queries.patient_view(actor, pk, by=by, after=_number(request, "after"), limit=PAGE)
        if pk < 2**63
        else None
    )
    if found is None:
        access.require(actor, Permission.VIEW_AUDIT)
        raise Http404
    may_open = access.allowed(actor, Permission.VIEW_CONTACTS)
    last = found.rows.rows[-1].event.pk if found.rows.more else None
    messages_url = f"{reverse('evidence_messages')}"
    context = {
        "trail": [
            (_("Compliance"), reverse("compliance")),
            (TITLES[Kind.LOG], reverse("audit_log")),
            (_("Look somebody up"), reverse("audit_patients")),
        ],
        "view": found,
        "pseudonym": pseudonym(found.patient.pseudonym),
        "rows": [shown(actor, row) for row in found.rows.rows],
        "count": found.rows.count,
        "counted": COUNTED,
        "chips": [
            (words, _changed(request, by=key), key == by)
            for key, words in (
                ("", _("All")),
                ("user", _("By the staff")),
                ("patient", _("By the patient")),
                ("system", _("By the system")),
            )
        ],
        "first_url": _changed(request) if "after" in request.GET else None,
        "next_url": _changed(request, after=str(last)) if last else None,
        "contact_url": reverse("contact", args=[pk]) if may_open and not found.patient.is_deleted else "",
        "csv_url": f"{reverse('evidence_csv', args=[Kind.LOG.value])}?contact={pk}&by={by or 'all'}",
        "batches_url": _rows(opened="people"),
        "messages_url": messages_url,
    }
    return render(request, "compliance/log_patient.html", context)


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
