"""Settings, Access: from where each role may be used; and on one's own account the browsers that one signs in with."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, actions, addresses, cidr, networks, queries, sessions, step_up
from accounts.access import Permission
from accounts.cidr import Named
from accounts.forms import NetworksForm
from accounts.models import Role, User
from accounts.views.people import ended_words


@require_GET
def settings_access(request: HttpRequest) -> HttpResponse:
    """`/settings/access/`: from where each role may be used, and how many people that concerns."""
    access.require(access.of(request), Permission.MANAGE_PEOPLE)
    found = networks.by_role(Role.values)
    rows = [(role, found[role], networks.people_of(role)) for role in Role]
    context = {"rows": rows, "own_address": addresses.of(request) or "", "alerts": queries.open_alerts()}
    return render(request, "settings/access.html", context)


@require_http_methods(["GET", "POST"])
def access_role(request: HttpRequest, role: str) -> HttpResponse:
    """`/settings/access/<role>/`: a role's networks; by POST what they would change, before they are saved."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    known = _role(role)
    present = networks.of_role(known)
    if request.method != "POST":
        return _page(request, known, NetworksForm(initial={"networks": cidr.text(present)}))
    form = NetworksForm(request.POST)
    if not form.is_valid():
        return _page(request, known, form)
    wanted: list[Named] = form.cleaned_data["networks"]
    try:
        actions.refuse_to_shut_oneself_out(actor, known, wanted)
    except ValidationError as error:
        form.add_error("networks", error)
        return _page(request, known, form)
    before, after = {each.network for each in present}, {each.network for each in wanted}
    context = {
        "role": known,
        "wanted": wanted,
        "text": cidr.text(wanted),
        "added": [each for each in wanted if each.network not in before],
        "removed": [each for each in present if each.network not in after],
        "unchanged": sorted(present) == sorted(wanted),
        "out": networks.would_be_out(known, wanted),
        "people": networks.people_of(known),
        "asks_code": not sessions.factor_is_fresh(request.session),
        "trail": _trail(known),
    }
    return render(request, "settings/access_change.html", context)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def access_save(request: HttpRequest, role: str) -> HttpResponse:
    """`/settings/access/<role>/save/`: let the role be used from these networks alone."""
    known, form = _role(role), NetworksForm(request.POST)
    if form.is_valid():
        try:
            actions.allow_networks(actor=access.of(request), role=known, wanted=form.cleaned_data["networks"])
        except ValidationError as error:
            form.add_error("networks", error)
        else:
            messages.success(
                request, _("Saved. It holds from the next page on: %(role)s.") % {"role": known.label}
            )
            return redirect("settings_access")
    return _page(request, known, form)


@require_POST
def account_devices(request: HttpRequest) -> HttpResponse:
    """`/account/devices/`: forget one of one's own browsers (`device`); its sessions end."""
    actor = access.of(request)
    given = request.POST.get("device", "")
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    ended = actions.forget_device(actor=actor, person=User.objects.get(pk=actor.id), device=number)
    if ended is None:
        messages.info(request, _("This device was forgotten already."))
    else:
        words = _("The device is forgotten. You get a mail when somebody signs in with it again.")
        messages.success(request, f"{words} {ended_words(ended)}" if ended else words)
    # It may have been this one.
    return redirect("account")


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError:
        raise Http404 from None


def _trail(role: Role | None = None) -> list[tuple[str, str]]:
    trail = [(_("Access"), reverse("settings_access"))]
    return [*trail, (str(role.label), reverse("access_role", args=[role.value]))] if role else trail


def _page(request: HttpRequest, role: Role, form: NetworksForm) -> HttpResponse:
    people = networks.people_of(role)
    context = {
        "role": role,
        "form": form,
        "people_words": ngettext("%(people)d person", "%(people)d people", people) % {"people": people},
        "own_address": addresses.of(request) or "",
        "trail": _trail(),
    }
    return render(request, "settings/access_role.html", context, status=422 if form.errors else 200)
