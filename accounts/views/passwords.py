"""A forgotten password: the page that asks for a link, and the page that the link leads to."""

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, actions, queries, step_up
from accounts.access import Permission
from accounts.actions import LinkGone
from accounts.bridge import actor_of
from accounts.forms import FirstPasswordForm, ForgottenForm
from accounts.models import User
from accounts.organization.models import Organization


@require_http_methods(["GET", "POST"])
def password_forgotten(request: HttpRequest) -> HttpResponse:
    """`/account/password/forgotten/`: ask for a link. The answer is the same whoever has the address, or nobody."""
    form = ForgottenForm(request.POST if request.method == "POST" else None)
    asked = ""
    if form.is_valid():
        if not ratelimit.consume(request, action="password_link"):
            return render(request, "429.html", status=429)
        asked = form.cleaned_data["email"]
        actions.ask_password_link(actor=actor_of(request, User(name="")), email=asked)
    context = {"form": form, "asked": asked, "organization": Organization.objects.first()}
    return render(request, "account/password_forgotten.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def password_link(request: HttpRequest, token: str) -> HttpResponse:
    """`/account/password/new/<token>/`: choose a new password. Looking changes nothing, since scanners follow links."""
    if not ratelimit.consume(request, action="password_link_followed"):
        return render(request, "429.html", status=429)
    person = queries.person_of_link(token)
    if person is None:
        return _gone(request)
    form = FirstPasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.set_password_by_link(
                actor=actor_of(request, person), token=token, password=form.cleaned_data["new"]
            )
        except LinkGone:
            return _gone(request)
        except ValidationError as error:
            form.add_error("new", error)
        else:
            if request.user.is_authenticated:
                logout(request)
            messages.success(
                request, _("Your new password is set. Sign in with it, and with your second factor as ever.")
            )
            return redirect("account_login")
    context = {"form": form, "person": person}
    return render(request, "account/password_new.html", context, status=422 if form.errors else 200)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def person_password(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/password/`: send somebody a link to set a new password."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    person = get_object_or_404(User, pk=pk)
    try:
        actions.send_password_link(actor=actor, person=person)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(
            request,
            _("A link to set a new password is on its way to %(address)s. It works for one hour.")
            % {"address": person.email},
        )
    return redirect("person", pk=pk)


def _gone(request: HttpRequest) -> HttpResponse:
    return render(
        request, "account/password_gone.html", {"organization": Organization.objects.first()}, status=404
    )
