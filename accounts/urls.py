"""Routes of sign-in and the second factor: these six pages of allauth's; what isn't used can't be reached."""

from allauth.account import views as account
from allauth.mfa.base import views as factors
from django.urls import path

from accounts import views

urlpatterns = [
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/factor/", factors.authenticate, name="mfa_authenticate"),
    path("account/factor/set-up/", views.enrol, name="mfa_activate_totp"),
    path("account/factor/again/", factors.reauthenticate, name="mfa_reauthenticate"),
]
