"""One's own second factors: how somebody chooses, sets up, names, replaces and removes them."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.generic.edit import FormView

from accounts import access, actions, bridge, factors, passkeys, queries, recovery, step_up
from accounts.access import Held
from accounts.forms import EnrolForm, PasskeyNameForm
from accounts.models import User
from safeguards.actor import Actor


@require_GET
def factor_choose(request: HttpRequest) -> HttpResponse:
    """`/account/factor/choose/`: what somebody needs who may not go on to work yet, and why; a passkey first, or an app."""
    person, why = _person(request), access.held(request)
    if why is None:
        return redirect("account")
    if why == Held.CODES:
        return redirect("recovery_codes")
    owned = Authenticator.objects.filter(user=person)
    if why == Held.ENROL and owned.exists():
        # Enrolled in another browser since the password was typed here: that factor is asked for.
        logout(request)
        return redirect("account_login")
    context = {
        "why": why.name,
        "role": person.get_role_display(),
        "needs_passkey": access.needs_passkey(person.role),
        "has_passkey": owned.filter(type=Authenticator.Type.WEBAUTHN).exists(),
        "obstacle": passkeys.place(request).obstacle,
        "named_address": passkeys.by_name(request),
        "administrators": [each for each in queries.administrators() if each.pk != person.pk],
        "again": reverse("mfa_reauthenticate"),
    }
    return render(request, "account/factor_choose.html", context)


@require_http_methods(["GET", "POST"])
@step_up.enrolling
def passkey_add(request: HttpRequest) -> HttpResponseBase:
    """`/account/factor/passkey/`: make a passkey, under a name of one's own."""
    person = _person(request)
    if _is_stale(request, person):
        return redirect("factor_choose")
    here = passkeys.place(request)
    form = PasskeyNameForm(request.POST if request.method == "POST" else None)
    problem = ""
    if form.is_valid():
        try:
            credential, made = passkeys.made(request, person, request.POST.get("passkey", ""))
            added = actions.add_passkey(
                actor=bridge.actor_of(request, person),
                person=person,
                name=form.cleaned_data["name"],
                credential=credential,
                sign_count=made.counter,
            )
        except passkeys.Refused as refused:
            bridge.refused_factor(request, person, refused.reason)
            problem = refused.words
        except ValidationError as error:
            form.add_error(None, error)
        else:
            bridge.verify(request, added)
            messages.success(request, _("“%(name)s” is set up.") % {"name": added.data["name"]})
            return _onward(request, person)
    context = {
        "form": form,
        "problem": problem,
        "options": passkeys.creation_options(request, person),
        "obstacle": here.obstacle,
        "named_address": passkeys.by_name(request),
        "held": access.held(request),
    }
    return render(request, "account/passkey_add.html", context, status=422 if form.errors or problem else 200)


class EnrolView(ActivateTOTPView):
    """`/account/factor/set-up/`: scan, type the code, and go on; for whoever has no app, or came by a recovery code."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Past allauth's own dispatch, which leads to pages that we don't have; `step_up.enrolling` has asked.
        if _is_stale(request, _person(request)):
            return redirect("factor_choose")
        if access.held(request) not in {Held.ENROL, Held.RECOVERY}:
            return redirect("account_factor" if access.held(request) is None else "factor_choose")
        response: HttpResponseBase = FormView.dispatch(self, request, *args, **kwargs)
        return response

    def form_valid(self, form: EnrolForm) -> HttpResponseBase:
        with transaction.atomic():
            self.make_room(form.user)
            super().form_valid(form)
        # The code that proved the app is used up: it doesn't sign in as well (RFC 6238 section 5.2).
        device = factors.app_of(form.user)
        if device is not None:
            device.last_t = form.step
            device.save(update_fields=["last_t"])
        return self.onward(form.user)

    def make_room(self, person: User) -> None:
        """After a recovery code the old app is lost, and a person has one app at most."""
        if access.held(self.request) is not Held.ENROL:
            key = self.request.session.session_key or ""
            actions.replace_factor(actor=access.oneself(self.request), person=person, session=key)

    def onward(self, person: User) -> HttpResponseBase:
        """Where the person goes next."""
        return _onward(self.request, person)

    def get_success_url(self) -> str:
        return reverse("account")


class ReplaceView(EnrolView):
    """`/account/factor/replace/`: an app beside passkeys, or a new app in place of the old one, which works until then."""

    template_name = "mfa/totp/replace_form.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.had_app = factors.app_of(_person(request)) is not None
        response: HttpResponseBase = FormView.dispatch(self, request, *args, **kwargs)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"had_app": self.had_app}

    def onward(self, person: User) -> HttpResponseBase:
        messages.success(
            self.request,
            _("Your new app is set up. The old one works no more.")
            if self.had_app
            else _("Your app is set up."),
        )
        return redirect("account")


@require_POST
def passkey_rename(request: HttpRequest, pk: int) -> HttpResponse:
    """`/account/factor/<id>/name/`: call one's own passkey something else."""
    actor, person = _oneself(request)
    passkey = get_object_or_404(Authenticator, pk=pk, user=person, type=Authenticator.Type.WEBAUTHN)
    try:
        actions.rename_passkey(actor=actor, person=person, passkey=passkey, name=request.POST.get("name", ""))
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("Saved."))
    return redirect("account")


@require_POST
@step_up.required()
def factor_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """`/account/factor/<id>/remove/`: take one's own passkey or app out of use; never the last."""
    actor, person = _oneself(request)
    factor = get_object_or_404(Authenticator, pk=pk, user=person)
    stands_on_it = getattr(getattr(request.user, "otp_device", None), "authenticator_id", None) == factor.pk
    try:
        actions.remove_factor(actor=actor, person=person, factor=factor)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("account")
    if stands_on_it:
        logout(request)
        messages.info(
            request, _("It is removed. You had signed in with it, so sign in again with another one.")
        )
        return redirect("account_login")
    messages.success(request, _("It is removed, and signs nobody in any more."))
    return redirect("account")


@require_http_methods(["GET", "POST"])
def factor_lost(request: HttpRequest) -> HttpResponse:
    """`/account/factor/lost/`: after a recovery code and a new factor, the ones from before that are lost are removed."""
    actor, person = _oneself(request)
    if not request.session.get(bridge.RECOVERED) or access.held(request) not in {
        None,
        Held.CODES,
        Held.PASSKEY,
    }:
        return redirect("account")
    present = getattr(request.user, "otp_device", None)
    before = [
        each
        for each in Authenticator.objects.filter(user=person).order_by("created_at")
        if each.pk != getattr(present, "authenticator_id", None)
    ]
    if request.method == "POST":
        lost = set(request.POST.getlist("lost"))
        gone = [each for each in before if str(each.pk) in lost]
        for each in gone:
            try:
                actions.remove_factor(actor=actor, person=person, factor=each)
            except ValidationError as error:
                messages.error(request, error.messages[0])
        if gone:
            messages.success(request, _("What you lost signs nobody in any more."))
        del request.session[bridge.RECOVERED]
        return _onward(request, person)
    shown = [queries.factor_shown(each) for each in before]
    return render(request, "account/factor_lost.html", {"factors": shown})


def _onward(request: HttpRequest, person: User) -> HttpResponse:
    """The next page after a factor was added: what is lost, recovery codes that nobody has yet, then work."""
    others = Authenticator.objects.filter(user=person).count() > 1
    if request.session.get(bridge.RECOVERED) and others:
        return redirect("factor_lost")
    request.session.pop(bridge.RECOVERED, None)
    if not recovery.left(person):
        request.session[access.CODES_TO_KEEP] = True
    if access.held(request) == Held.PASSKEY:
        return redirect("factor_choose")
    if request.session.get(access.CODES_TO_KEEP):
        return redirect("recovery_codes")
    first = Authenticator.objects.filter(user=person).count() == 1
    return redirect("home" if first else "account")


def _is_stale(request: HttpRequest, person: User) -> bool:
    """Whether somebody who typed the password alone has enrolled elsewhere meanwhile: the password doesn't add to that."""
    return access.held(request) is Held.ENROL and Authenticator.objects.filter(user_id=person.pk).exists()


def _person(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise access.Denied("not signed in")
    return user


def _oneself(request: HttpRequest) -> tuple[Actor, User]:
    actor = access.oneself(request)
    return actor, User.objects.get(pk=actor.id)


enrol = step_up.enrolling(EnrolView.as_view())
replace = step_up.required(asks_reading=True)(ReplaceView.as_view())
