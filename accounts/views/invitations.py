"""Invitations: how an administrator sends them, and the page that the link in the mail leads to."""

from allauth.account.forms import LoginForm
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, actions, queries, step_up, wording
from accounts.access import Permission
from accounts.actions import InvitationGone
from accounts.bridge import actor_of
from accounts.forms import FirstPasswordForm, InviteForm
from accounts.models import Invitation, Role, User
from accounts.organization.models import Organization


@require_http_methods(["GET", "POST"])
@step_up.required(Permission.MANAGE_PEOPLE)
def person_invite(request: HttpRequest) -> HttpResponse:
    """`/settings/people/invite/`: ask somebody by mail to open an account."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.invite_person(actor=actor, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(
                request,
                _("An invitation is on its way to %(address)s. Its link works for seven days.")
                % {"address": form.cleaned_data["email"]},
            )
            return redirect("settings_people")
    context = {
        "form": form,
        "roles": [(role.label, wording.ABOUT_ROLES[role]) for role in Role],
        **step_up.asking(request),
        "trail": [(_("People"), reverse("settings_people"))],
    }
    return render(request, "settings/invite.html", context, status=422 if form.errors else 200)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def invitation_resend(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/invitations/<id>/again/`: a new link in a new mail; the old one ends."""
    invitation = get_object_or_404(Invitation, pk=pk)
    try:
        actions.resend_invitation(actor=access.of(request), invitation=invitation)
    except InvitationGone:
        messages.error(request, _("This invitation isn't open any more."))
    else:
        messages.success(
            request,
            _("A new link is on its way to %(address)s. The one before works no more.")
            % {"address": invitation.email},
        )
    return redirect("settings_people")


@require_POST
def invitation_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/invitations/<id>/withdraw/`: the link works no more; takes a right away, so no code is asked for."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    invitation = get_object_or_404(Invitation, pk=pk)
    try:
        actions.withdraw_invitation(actor=actor, invitation=invitation)
    except InvitationGone:
        messages.error(request, _("This invitation isn't open any more."))
    else:
        messages.success(
            request,
            _("The invitation to %(name)s is withdrawn. Its link works no more.") % {"name": invitation.name},
            extra_tags=f"undo={reverse('invitation_restore', args=[pk])}",
        )
    return redirect("settings_people")


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def invitation_restore(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/invitations/<id>/restore/`: take a withdrawal back."""
    invitation = get_object_or_404(Invitation, pk=pk)
    try:
        actions.restore_invitation(actor=access.of(request), invitation=invitation)
    except InvitationGone:
        messages.error(request, _("It can't be taken back any more. Send a new invitation instead."))
    else:
        messages.success(request, _("The link in the mail works again."))
    return redirect("settings_people")


@require_http_methods(["GET", "POST"])
def account_invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """`/account/invitation/<token>/`: choose a password; the second factor comes next, as at every first sign-in.

    Looking changes nothing, since scanners follow links. Whoever was signed in in this browser is signed out.
    """
    # Nobody makes the server hash passwords for hours; looking alone is cheap, and isn't counted.
    if not ratelimit.consume(request, action="invitation"):
        return render(request, "429.html", status=429)
    invitation = queries.invited_by_link(token)
    if invitation is None:
        return _gone(request)
    form = FirstPasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        organization = Organization.objects.first()
        invited = User(name=invitation.name, role=invitation.role)
        try:
            person = actions.accept_invitation(
                actor=actor_of(request, invited),
                token=token,
                password=form.cleaned_data["new"],
                time_zone=organization.time_zone if organization else "",
            )
        except InvitationGone:
            return _gone(request)
        except ValidationError as error:
            form.add_error("new", error)
        else:
            return _signed_in(request, person, form.cleaned_data["new"])
    context = {
        "form": form,
        "invitation": invitation,
        "organization": Organization.objects.first(),
        "about": wording.ABOUT_ROLES.get(invitation.role, ""),
        "somebody": request.user if request.user.is_authenticated else None,
    }
    return render(request, "account/invitation.html", context, status=422 if form.errors else 200)


def _signed_in(request: HttpRequest, person: User, password: str) -> HttpResponseBase:
    """By the form that everybody signs in by; the guard leads on to setting up the factor."""
    if request.user.is_authenticated:
        logout(request)
    form = LoginForm({"login": person.email, "password": password}, request=request)
    if not form.is_valid():
        messages.success(request, _("Your account is open. Sign in with your new password."))
        return redirect("account_login")
    response: HttpResponseBase = form.login(request)
    return response


def _gone(request: HttpRequest) -> HttpResponse:
    return render(
        request, "account/invitation_gone.html", {"organization": Organization.objects.first()}, status=404
    )
