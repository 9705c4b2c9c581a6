"""One's own recovery codes: made, shown once, and kept."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, actions, recovery, step_up
from accounts.access import Held
from accounts.forms import KeptForm
from accounts.models import User
from accounts.organization.models import Organization
from safeguards.actor import Actor


@require_http_methods(["GET", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponseBase:
    """`/account/recovery-codes/`: what they are for; by POST new ones are made, and shown this once."""
    return redirect("factor_choose") if _oneself(request) is None else _codes(request)


@step_up.required()
def _codes(request: HttpRequest) -> HttpResponse:
    actor = access.oneself(request)
    person = User.objects.get(pk=actor.id)
    context: dict[str, object] = {"left": recovery.left(person), "first": access.held(request) == Held.CODES}
    if request.method == "POST":
        context |= _shown(actions.make_recovery_codes(actor=actor, person=person), person)
    return render(request, "account/recovery_codes.html", context)


@require_POST
def recovery_codes_kept(request: HttpRequest) -> HttpResponse:
    """`/account/recovery-codes/kept/`: the codes that were shown are kept, and count from now on."""
    found = _oneself(request)
    if found is None:
        return redirect("factor_choose")
    actor, person = found
    if not KeptForm(request.POST).is_valid():
        messages.error(
            request, _("Tick that you have kept the codes. They were shown once: make new ones here.")
        )
        return redirect("recovery_codes")
    kept = actions.keep_recovery_codes(actor=actor, person=person)
    if not kept:
        messages.error(request, _("There were no new codes to keep. Make some here."))
        return redirect("recovery_codes")
    first = request.session.pop(access.CODES_TO_KEEP, False)
    messages.success(request, _("Your recovery codes are in force. Older ones work no more."))
    return redirect("home" if first else "account")


def _shown(codes: list[str], person: User) -> dict[str, object]:
    organization = Organization.objects.first()
    heading = _("Recovery codes of %(email)s for Wellsent") % {"email": person.email}
    lines = [
        heading,
        organization.name if organization else "",
        f"{timezone.localtime():%Y-%m-%d}",
        "",
        *codes,
    ]
    return {"codes": "\n".join(codes), "as_text": "\n".join(lines), "form": KeptForm()}


def _oneself(request: HttpRequest) -> tuple[Actor, User] | None:
    """Who is asking; None for a session that has to set up a factor first."""
    if access.held(request) not in {None, Held.CODES}:
        return None
    actor = access.oneself(request)
    return actor, User.objects.get(pk=actor.id)
