"""Routes of sign-in and the second factor (three pages of allauth's: what isn't used can't be reached), people, oneself."""

from allauth.account import views as account
from django.urls import path

from accounts import views

urlpatterns = [
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    # The names that allauth looks for.
    path("account/factor/", views.authenticate, name="mfa_authenticate"),
    path("account/factor/set-up/", views.enrol, name="mfa_activate_totp"),
    path("account/factor/again/", views.again, name="mfa_reauthenticate"),
    path("account/factor/recovery/", views.recover, name="account_recover"),
    path("account/factor/choose/", views.factor_choose, name="factor_choose"),
    path("account/factor/passkey/", views.passkey_add, name="passkey_add"),
    path("account/factor/lost/", views.factor_lost, name="factor_lost"),
    path("account/factor/<int:pk>/name/", views.passkey_rename, name="passkey_rename"),
    path("account/factor/<int:pk>/remove/", views.factor_remove, name="factor_remove"),
    path("account/recovery-codes/", views.recovery_codes, name="recovery_codes"),
    path("account/recovery-codes/kept/", views.recovery_codes_kept, name="recovery_codes_kept"),
    path("account/", views.account, name="account"),
    path("account/password/", views.account_password, name="account_password"),
    path("account/password/forgotten/", views.password_forgotten, name="password_forgotten"),
    path("account/password/new/<str:token>/", views.password_link, name="password_link"),
    path("account/session/", views.account_session, name="account_session"),
    path("account/back/", views.account_back, name="account_back"),
    path("account/devices/", views.account_devices, name="account_devices"),
    path("account/sessions/", views.account_sessions, name="account_sessions"),
    path("account/factor/replace/", views.replace, name="account_factor"),
    path("account/invitation/<str:token>/", views.account_invitation, name="account_invitation"),
    path("settings/people/", views.people, name="settings_people"),
    path("settings/people/invite/", views.person_invite, name="person_invite"),
    path("settings/people/invitations/<int:pk>/again/", views.invitation_resend, name="invitation_resend"),
    path(
        "settings/people/invitations/<int:pk>/restore/", views.invitation_restore, name="invitation_restore"
    ),
    path(
        "settings/people/invitations/<int:pk>/withdraw/",
        views.invitation_withdraw,
        name="invitation_withdraw",
    ),
    path("settings/roles/", views.roles, name="settings_roles"),
    path("settings/roles/passkeys/", views.roles_passkeys, name="settings_passkeys"),
    path("settings/access/", views.settings_access, name="settings_access"),
    path("settings/access/alerts/", views.settings_alerts, name="settings_alerts"),
    path("settings/access/alerts/<int:pk>/close/", views.alert_close, name="alert_close"),
    path("settings/access/<slug:role>/", views.access_role, name="access_role"),
    path("settings/access/<slug:role>/save/", views.access_save, name="access_save"),
    path("settings/people/<int:pk>/", views.person, name="person"),
    path("settings/people/<int:pk>/role/", views.person_role, name="person_role"),
    path("settings/people/<int:pk>/deactivate/", views.person_deactivate, name="person_deactivate"),
    path("settings/people/<int:pk>/reactivate/", views.person_reactivate, name="person_reactivate"),
    path("settings/people/<int:pk>/factor/", views.person_factor, name="person_factor"),
    path("settings/people/<int:pk>/password/", views.person_password, name="person_password"),
    path("settings/people/<int:pk>/unlock/", views.person_unlock, name="person_unlock"),
    path("settings/people/<int:pk>/sessions/", views.person_sessions, name="person_sessions"),
]
