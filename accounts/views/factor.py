"""Enrolment of the second factor, where allauth's own page would lead on to pages that we don't have; and its replacement."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic.edit import FormView

from accounts import access, actions, step_up
from accounts.forms import EnrolForm
from accounts.models import FactorDevice, User


class EnrolView(ActivateTOTPView):
    """`/account/factor/set-up/`: scan, type the code, and go on to work."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A second app would be a second secret for one person; allauth would offer to remove the first.
        if Authenticator.objects.filter(user_id=request.user.pk).exists():
            return redirect(settings.LOGIN_REDIRECT_URL)
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def form_valid(self, form: EnrolForm) -> HttpResponse:
        with transaction.atomic():
            self.make_room(form.user)
            response: HttpResponse = super().form_valid(form)
        # The code that proved the app is used up: it doesn't sign in as well (RFC 6238 section 5.2).
        FactorDevice.objects.filter(user=form.user).update(last_t=form.step)
        return response

    def make_room(self, person: User) -> None:
        """Nothing stands in the way of a first app."""

    def get_success_url(self) -> str:
        return settings.LOGIN_REDIRECT_URL


class ReplaceView(EnrolView):
    """`/account/factor/replace/`: a new app in place of the old one, which works until the new one does."""

    template_name = "mfa/totp/replace_form.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Past allauth's own dispatch, which knows of no other app where there is one already.
        response: HttpResponseBase = FormView.dispatch(self, request, *args, **kwargs)
        return response

    def form_valid(self, form: EnrolForm) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _("Your new app is set up. The old one works no more."))
        return response

    def make_room(self, person: User) -> None:
        key = self.request.session.session_key or ""
        actions.replace_factor(actor=access.of(self.request), person=person, session=key)

    def get_success_url(self) -> str:
        return reverse("account")


enrol = EnrolView.as_view()
replace = step_up.required(asks_reading=True)(ReplaceView.as_view())
