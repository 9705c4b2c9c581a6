"""One's own account: name and clock, password, second factor, and where one is signed in."""

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, actions, devices, passkeys, queries, recovery, sessions, wording
from accounts.forms import OwnForm, PasswordForm
from accounts.models import User
from accounts.views.people import ended_words, record_number
from safeguards.actor import Actor


@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """`/account/`: what one may change about oneself; by POST name and time zone are."""
    actor, person = _oneself(request)
    if request.method != "POST":
        return _page(request, person)
    form = OwnForm.of(person, data=request.POST)
    if form.is_valid():
        try:
            actions.change_own(actor=actor, person=person, **form.cleaned_data)
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, _("Saved."))
            return redirect("account")
    return _page(request, person, own_form=form)


@require_POST
def account_password(request: HttpRequest) -> HttpResponse:
    """`/account/password/`: change one's own password; every other session ends."""
    actor, person = _oneself(request)
    form = PasswordForm(request.POST)
    if form.is_valid():
        # Whoever sits down at an unlocked screen doesn't guess long.
        if not ratelimit.consume(request, action="change_password", user=person):
            form.add_error("old", _("Too many tries. Wait a minute, then try again."))
            return _page(request, person, password_form=form)
        key = request.session.session_key or ""
        try:
            ended = actions.change_password(actor=actor, person=person, session=key, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            # This session goes on under a new key; those that knew the old password don't.
            update_session_auth_hash(request, person)
            sessions.note(request)
            words = _("Your password is changed.")
            messages.success(request, f"{words} {ended_words(ended)}" if ended else words)
            return redirect("account")
    return _page(request, person, password_form=form)


@require_POST
def account_sessions(request: HttpRequest) -> HttpResponse:
    """`/account/sessions/`: end one of one's own sessions (`session`), or all but this one."""
    actor, person = _oneself(request)
    ended = actions.end_own_sessions(
        actor=actor, person=person, only=record_number(request), keep=request.session.session_key or ""
    )
    messages.success(request, ended_words(ended))
    return redirect("account")


def _oneself(request: HttpRequest) -> tuple[Actor, User]:
    actor = access.of(request)
    return actor, User.objects.get(pk=actor.id)


def _page(
    request: HttpRequest,
    person: User,
    *,
    own_form: OwnForm | None = None,
    password_form: PasswordForm | None = None,
) -> HttpResponse:
    [colleague] = queries.with_access([person])
    context = {
        "person": person,
        "colleague": colleague,
        "about": wording.ABOUT_ROLES.get(person.role, ""),
        "sessions": queries.sessions_of(person, request.session.session_key or ""),
        "devices": devices.known_to(person, request.session.get(sessions.DEVICE)),
        "sign_ins": queries.sign_ins_of(person),
        "sessions_url": reverse("account_sessions"),
        "own": True,
        "codes_left": recovery.left(person),
        "passkey_obstacle": passkeys.place(request).obstacle,
        "named_address": passkeys.by_name(request),
        "needs_passkey": access.needs_passkey(person.role),
        "has_app": any(not factor.is_passkey for factor in colleague.factors),
        "now": timezone.now(),
        "own_form": own_form or OwnForm.of(person),
        "password_form": password_form or PasswordForm(),
    }
    refused = bool(own_form or password_form)
    return render(request, "account/own.html", context, status=422 if refused else 200)
