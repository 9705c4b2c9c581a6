"""Enrolment of the second factor, where allauth's own page would lead on to pages that we don't have."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from accounts.forms import EnrolForm
from accounts.models import FactorDevice


class EnrolView(ActivateTOTPView):
    """`/account/factor/set-up/`: scan, type the code, and go on to work."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A second app would be a second secret for one person; allauth would offer to remove the first.
        if Authenticator.objects.filter(user_id=request.user.pk).exists():
            return redirect(settings.LOGIN_REDIRECT_URL)
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def form_valid(self, form: EnrolForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        # The code that proved the app is used up: it doesn't sign in as well (RFC 6238 section 5.2).
        FactorDevice.objects.filter(user=form.user).update(last_t=form.step)
        return response

    def get_success_url(self) -> str:
        return settings.LOGIN_REDIRECT_URL


enrol = EnrolView.as_view()
