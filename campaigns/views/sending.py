"""What leaves now, and the few things that an administrator changes about it while it leaves."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from campaigns import queries
from campaigns.delivery import actions, load
from campaigns.delivery.models import EgressSource, IpPool, Provider
from campaigns.forms import LimitsForm, RateForm, RestForm
from campaigns.rules import Answer
from campaigns.sending import sending
from campaigns.wording import FLOWS, HOLDS
from safeguards.actor import Actor


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What leaves now. Its moving parts call the workers a moment later; `?call` does so at once, also without a script."""
    return render(request, "campaigns/sending/page.html", _now(request, call="call" in request.GET))


@require_GET
def now(request: HttpRequest) -> HttpResponse:
    """The moving parts of the page, asked for again every few seconds."""
    return render(request, "campaigns/sending/moving.html", _now(request))


def _now(request: HttpRequest, *, call: bool = True) -> dict[str, Any]:
    actor = access.of(request)
    found = sending(actor, call=call)
    kind, title, words = FLOWS[found.flow]
    attempts_url = _attempts_url(actor)
    return {
        "sending": found,
        "flow_kind": kind,
        "flow_title": title,
        "flow_words": words,
        "rows": [
            (row, *HOLDS[row.hold], queries.leads(actor, row.campaign) if row.campaign else {})
            for row in found.mailings
        ],
        "attempts_url": attempts_url,
        "rate_leads": _leads(attempts_url),
        "pools": [
            (card, [(row, _leads(attempts_url, source=row.source.pk)) for row in card.sources])
            for card in found.pools
        ],
        "busy": [(row, _leads(attempts_url, provider=row.provider.pk)) for row in found.busy],
        "may_manage": access.allowed(actor, Permission.MANAGE_SENDING),
        "may_open_campaigns": access.allowed(actor, Permission.VIEW_CAMPAIGNS),
        "rate_minutes": load.RATE_MINUTES,
    }


def _attempts_url(actor: Actor) -> str:
    """Where the numbers lead, for those who may read the message log."""
    return reverse("sending_attempts") if access.allowed(actor, Permission.EXPORT_EVIDENCE) else ""


def _leads(address: str, **narrowed: int) -> dict[str, str]:
    """Where each number of a source, of a provider or of all leads; nowhere for those who may not read the log."""
    if not address:
        return {}
    spans = {
        "rate": (Answer.SENT, queries.RATE),
        "tried": (Answer.TRIED, queries.RATE),
        "hour": (Answer.SENT, queries.HOUR),
        "deferred": (Answer.DEFERRED, queries.HOUR),
        "refused": (Answer.REFUSED, queries.HOUR),
        "day": (Answer.SENT, queries.DAY),
    }
    return {
        name: f"{address}?{urlencode({'what': answer.value, 'within': within} | narrowed)}"
        for name, (answer, within) in spans.items()
    }


@require_http_methods(["GET", "POST"])
def rest(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a source address rest until a time."""
    actor, source = _manager(request), get_object_or_404(EgressSource, pk=pk)
    form = RestForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        until, before = form.cleaned_data["until"], source.suspended_until
        try:
            actions.rest_source(actor=actor, source=source, until=until, why=form.cleaned_data["why"])
        except actions.NotPossible as error:
            form.add_error("day", str(error))
        else:
            _say_rested(request, source, before)
            return redirect("sending")
    return _form(
        request,
        form,
        title=_("Let %s rest") % source.source_address,
        about=_(
            "Nothing is sent by it until then. What is being handed over this moment still leaves; its other messages wait and "
            "keep their address, because providers remember who came first."
        ),
        button=_("Let it rest"),
    )


@require_POST
def until(request: HttpRequest, pk: int, seconds: int) -> HttpResponse:
    """Let a source rest until a moment (seconds since 1970, UTC) as it did before; one that has passed wakes it."""
    actor, source = _manager(request), get_object_or_404(EgressSource, pk=pk)
    before = source.suspended_until
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise Http404 from None
    try:
        if moment > timezone.now():
            actions.rest_source(actor=actor, source=source, until=moment, why=source.suspended_why)
            _say_rested(request, source, before)
        else:
            actions.wake_source(actor=actor, source=source)
            messages.success(
                request,
                _("%s sends again.") % source.source_address,
                extra_tags=f"undo={_until_address(source, before)}",
            )
    except actions.NotPossible as error:
        messages.error(request, str(error))
    return redirect("sending")


def _say_rested(request: HttpRequest, source: EgressSource, before: datetime | None) -> None:
    messages.success(
        request,
        _("%s rests. Running workers know it from their next batch on.") % source.source_address,
        extra_tags=f"undo={_until_address(source, before)}",
    )


def _until_address(source: EgressSource, before: datetime | None) -> str:
    resting = before is not None and before > timezone.now()
    return reverse("sending_until", args=[source.pk, int(before.timestamp()) if before and resting else 0])


@require_http_methods(["GET", "POST"])
def pool(request: HttpRequest, pk: int) -> HttpResponse:
    """Change how fast a pool sends."""
    actor, found = _manager(request), get_object_or_404(IpPool, pk=pk)
    form = RateForm(
        request.POST if request.method == "POST" else None,
        initial={"per_second": found.rate, "burst": found.burst},
    )
    if (
        request.method == "POST"
        and form.is_valid()
        and _change_pool(request, actor, found, form.cleaned_data)
    ):
        return redirect("sending")
    return _form(
        request,
        form,
        title=_("Rate of %s") % found.name,
        about=_("All addresses of the pool together send no faster, whatever is due."),
        button=_("Change the rate"),
    )


@require_POST
def pool_as(request: HttpRequest, pk: int, before: str) -> HttpResponse:
    """Put a pool's rate back as it was: `rate,burst`."""
    actor, found = _manager(request), get_object_or_404(IpPool, pk=pk)
    _change_pool(request, actor, found, _read(before, RateForm))
    return redirect("sending")


def _change_pool(request: HttpRequest, actor: Actor, found: IpPool, wanted: dict[str, Any]) -> bool:
    before = f"{found.per_second:g},{found.burst}"
    try:
        actions.change_pool_rate(
            actor=actor, pool=found, per_second=wanted["per_second"], burst=wanted["burst"]
        )
    except actions.NotPossible as error:
        messages.error(request, str(error))
        return False
    messages.success(
        request,
        _("The rate of %s is changed. Running workers keep to it from their next batch on.") % found.name,
        extra_tags=f"undo={reverse('sending_pool_as', args=[found.pk, before])}",
    )
    return True


@require_http_methods(["GET", "POST"])
def provider(request: HttpRequest, pk: int) -> HttpResponse:
    """Change how gently a provider is treated."""
    actor, found = _manager(request), get_object_or_404(Provider, pk=pk)
    names = LimitsForm.base_fields
    form = LimitsForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(found, name) for name in names} | {"per_second": found.rate},
    )
    if (
        request.method == "POST"
        and form.is_valid()
        and _change_provider(request, actor, found, form.cleaned_data)
    ):
        return redirect("sending")
    return _form(
        request,
        form,
        title=_("Limits for %s") % found.name,
        about=_(
            "They hold for each of our addresses by itself. Raise them slowly: a provider that feels pushed defers everything."
        ),
        button=_("Change the limits"),
    )


@require_POST
def provider_as(request: HttpRequest, pk: int, before: str) -> HttpResponse:
    """Put a provider's limits back as they were: `rate,burst,connections,messages on each`."""
    actor, found = _manager(request), get_object_or_404(Provider, pk=pk)
    _change_provider(request, actor, found, _read(before, LimitsForm))
    return redirect("sending")


def _change_provider(request: HttpRequest, actor: Actor, found: Provider, wanted: dict[str, Any]) -> bool:
    before = f"{found.per_second:g},{found.burst},{found.connections},{found.per_connection}"
    try:
        actions.change_provider_limits(
            actor=actor,
            provider=found,
            per_second=wanted["per_second"],
            burst=wanted["burst"],
            connections=wanted["connections"],
            per_connection=wanted["per_connection"],
        )
    except actions.NotPossible as error:
        messages.error(request, str(error))
        return False
    messages.success(
        request,
        _("The limits for %s are changed. Running workers keep to them from their next batch on.")
        % found.name,
        extra_tags=f"undo={reverse('sending_provider_as', args=[found.pk, before])}",
    )
    return True


def _read(before: str, form: type[RateForm]) -> dict[str, Any]:
    """The numbers of an undo's address, by the form's own rules; Http404 for anything else."""
    numbers = before.split(",")
    names = list(form.base_fields)
    read = form(dict(zip(names, numbers, strict=False)))
    if len(numbers) != len(names) or not read.is_valid():
        raise Http404
    return read.cleaned_data


def _manager(request: HttpRequest) -> Actor:
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_SENDING)
    return actor


def _form(
    request: HttpRequest, form: RateForm | RestForm, *, title: str, about: str, button: str
) -> HttpResponse:
    return render(
        request,
        "campaigns/sending/form.html",
        {
            "form": form,
            "title": title,
            "about": about,
            "button": button,
            "trail": [(_("Sending"), reverse("sending"))],
        },
        status=422 if form.is_bound else 200,
    )
