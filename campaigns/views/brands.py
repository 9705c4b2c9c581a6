"""Settings, Brand: the organisation, and the identities under which it writes. Whoever made a change can undo it once."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from accounts.organization import actions as organization
from accounts.organization.models import Brand, Organization
from campaigns import queries
from campaigns.delivery import actions as delivery
from campaigns.designs import queries as designs
from campaigns.forms import BrandForm, OrganizationForm
from safeguards.actor import Actor

_BRAND = ("name", "from_name", "from_address", "postal_address", "phone", "privacy_url")
_ORGANIZATION = ("name", "phone", "time_zone")
# What stood there before the last change, in the session of whoever made it. Nothing of it is anybody's health.
_BEFORE = "brand_before"


@require_http_methods(["GET", "POST"])
def brands(request: HttpRequest) -> HttpResponse:
    """`/settings/brand/`: the organisation, which is changed by POST, and its brands."""
    actor = _administrator(request)
    stands = Organization.objects.first()
    form = OrganizationForm(
        request.POST if request.method == "POST" else None,
        initial=_values(stands, _ORGANIZATION) if stands else None,
    )
    if form.is_valid():
        try:
            after = organization.set_up(actor=actor, **form.cleaned_data)
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            undo = _remember(request, stands, after, _ORGANIZATION)
            messages.success(request, _("The organisation is saved."), extra_tags=undo)
            return redirect("settings_brand")
    context = {"form": form, "brands": queries.brands(actor)}
    return render(request, "settings/brands.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def brand(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/brand/<id>/`: change one."""
    actor = _administrator(request)
    return _edit(request, actor, get_object_or_404(Brand, pk=pk))


@require_http_methods(["GET", "POST"])
def brand_new(request: HttpRequest) -> HttpResponse:
    """`/settings/brand/new/`: add one."""
    return _edit(request, _administrator(request), None)


@require_POST
def brand_footer(request: HttpRequest) -> HttpResponse:
    """`/settings/brand/footer/`: the end of a message as what is being typed would make it."""
    _administrator(request)
    return render(request, "settings/parts/footer.html", _footer(request.POST.dict()))


@require_POST
def brand_undo(request: HttpRequest) -> HttpResponse:
    """`/settings/brand/undo/`: take the last change back, unless somebody has changed it again since."""
    actor = _administrator(request)
    before = request.session.pop(_BEFORE, None)
    if before is None:
        messages.error(request, _("There is nothing to take back any more."))
        return redirect("settings_brand")
    fields = _BRAND if before["brand"] else _ORGANIZATION
    found = Brand.objects.get(pk=before["brand"]) if before["brand"] else Organization.objects.first()
    if found is None or _values(found, fields) != before["after"]:
        messages.error(request, _("It was changed again since, so nothing is taken back."))
        return redirect("settings_brand")
    try:
        if isinstance(found, Brand):
            delivery.save_brand(actor=actor, brand=found, **before["values"])
        else:
            organization.set_up(actor=actor, **before["values"])
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("It is as it was before."))
    return redirect("settings_brand")


def _administrator(request: HttpRequest) -> Actor:
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    return actor


def _edit(request: HttpRequest, actor: Actor, stands: Brand | None) -> HttpResponse:
    form = BrandForm(
        request.POST if request.method == "POST" else None,
        initial=_values(stands, _BRAND) if stands else None,
    )
    if form.is_valid():
        try:
            after = delivery.save_brand(actor=actor, brand=stands, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            words = _("%(brand)s is saved.") % {"brand": after.name}
            messages.success(request, words, extra_tags=_remember(request, stands, after, _BRAND))
            return redirect("settings_brand")
    used = next((row for row in queries.brands(actor) if stands and row.brand.pk == stands.pk), None)
    shown = {each.name: each.value() or "" for each in form}
    context = {
        "form": form,
        "row": used,
        "brand": stands,
        "sending_url": _sending_url(),
        "trail": [(_("Brand"), reverse("settings_brand"))],
        **_footer(shown),
    }
    return render(request, "settings/brand.html", context, status=422 if form.errors else 200)


def _values(found: Brand | Organization, fields: tuple[str, ...]) -> dict[str, str]:
    return {field: getattr(found, field) for field in fields}


def _remember(
    request: HttpRequest,
    before: Brand | Organization | None,
    after: Brand | Organization,
    fields: tuple[str, ...],
) -> str:
    """Keep what stood there before; gives the tag of the message that offers to take the change back, if there is one."""
    if before is None or _values(before, fields) == _values(after, fields):
        return ""
    request.session[_BEFORE] = {
        "brand": before.pk if isinstance(before, Brand) else None,
        "values": _values(before, fields),
        "after": _values(after, fields),
    }
    return f"undo={reverse('brand_undo')}"


def _footer(typed: dict[str, Any]) -> dict[str, str]:
    why, who = designs.footer(
        brand=str(typed.get("name", ""))[:120] or _("Your brand"),
        postal_address=str(typed.get("postal_address", ""))[:300] or _("its postal address"),
    )
    return {
        "why": why,
        "who": who,
        "sender": f"{str(typed.get('from_name', ''))[:120]} <{str(typed.get('from_address', ''))[:254]}>",
    }


def _sending_url() -> str:
    """Where domains to sign for are kept, as far as there is such a page."""
    try:
        return reverse("settings_sending")
    except NoReverseMatch:
        return ""
