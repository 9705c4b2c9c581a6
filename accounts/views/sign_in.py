"""Signing in after the password: a passkey or the app's code, whichever the person has, or a recovery code."""

from allauth.account.adapter import get_adapter
from allauth.account.internal.decorators import login_stage_required
from allauth.mfa.base.internal.flows import check_rate_limit, post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import bridge, factors, passkeys, recovery, step_up
from accounts.forms import CodeForm, RecoveryForm
from accounts.models import User

_of_stage = login_stage_required(stage=AuthenticateStage.key, redirect_urlname="account_login")


@_of_stage  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "POST"])
def authenticate(request: HttpRequest) -> HttpResponseBase:
    """`/account/factor/`: show a passkey, or type the code."""
    stage = request._login_stage  # type: ignore[attr-defined]
    person: User = stage.login.user
    form = CodeForm(request.POST if "code" in request.POST else None)
    problem = ""
    if request.method == "POST":
        shown, problem = _shown(request, person, form)
        if shown is not None:
            post_authentication(request, shown)
            response: HttpResponseBase = stage.exit()
            return response
    context = {
        # A code that was refused isn't shown again.
        "form": CodeForm() if problem else form,
        "problem": problem,
        "ways": step_up.ways(request, person),
        "place": passkeys.place(),
        "has_codes": bool(recovery.left(person)),
    }
    return render(request, "mfa/authenticate.html", context)


@_of_stage  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "POST"])
def recover(request: HttpRequest) -> HttpResponseBase:
    """`/account/factor/recovery/`: a recovery code, which lets the person set up a new factor and nothing else."""
    stage = request._login_stage  # type: ignore[attr-defined]
    person: User = stage.login.user
    form, problem = RecoveryForm(request.POST if request.method == "POST" else None), ""
    if form.is_valid():
        problem = _within_limits(person)
        if not problem:
            device, problem = recovery.use(request, person, form.cleaned_data["code"])
            if device is not None:
                bridge.sign_in_by_recovery(request, device)
                response: HttpResponseBase = stage.exit()
                return response
        form = RecoveryForm()
    return render(request, "account/recover.html", {"form": form, "problem": problem})


@step_up.required(asks_reading=True)
def again(request: HttpRequest) -> HttpResponse:
    """`/account/factor/again/`: show a factor again, and go back to where it was asked for."""
    wanted = request.GET.get("next", "")
    return redirect(wanted if get_adapter().is_safe_url(wanted) else "/")


def _shown(request: HttpRequest, person: User, form: CodeForm) -> tuple[Authenticator | None, str]:
    """What was shown, where it is good; otherwise the problem in words, or nothing where the form tells it."""
    if problem := _within_limits(person):
        return None, problem
    if "passkey" in request.POST:
        return passkeys.use(request, person, request.POST["passkey"])
    if not form.is_valid():
        return None, ""
    problem = factors.use_code(request, person, form.cleaned_data["code"])
    app = None if problem else factors.app_of(person)
    return (app.authenticator if app else None), problem


def _within_limits(person: User) -> str:
    """allauth's own limit, the outer bound of ours; the problem in words where it is reached."""
    try:
        check_rate_limit(person)
    except ValidationError as error:
        return str(error.messages[0])
    return ""
