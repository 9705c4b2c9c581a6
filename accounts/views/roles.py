"""Settings, Roles: what each role may do, read from the one table that every page asks; and who must use a passkey."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access, actions, passkeys, queries, step_up, wording
from accounts.access import ROLES, Permission
from accounts.models import Role


@require_GET
def roles(request: HttpRequest) -> HttpResponse:
    """`/settings/roles/`: the permissions by group, with a column for each role."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    groups = [
        (
            group,
            [
                (wording.permission_words(each), [(role.label, each in ROLES[role]) for role in Role])
                for each in permissions
            ],
        )
        for group, permissions in wording.grouped()
    ]
    seen = [(role.label, *wording.sees(role)) for role in Role]
    context = {
        "roles": [(role.label, wording.ABOUT_ROLES[role]) for role in Role],
        "groups": groups,
        "identity": [(label, identity) for label, identity, _clinical in seen],
        "clinical": [(label, clinical) for label, _identity, clinical in seen],
        "columns": len(Role) + 1,
        "passkeys_required": access.passkeys_required(),
        "passkeys_can_work": passkeys.can_work(),
        "staff_url": settings.STAFF_URL,
        "without_passkey": len(queries.without_passkey(actor)),
    }
    return render(request, "settings/roles.html", context)


@require_http_methods(["GET", "POST"])
@step_up.required(Permission.MANAGE_PEOPLE)
def roles_passkeys(request: HttpRequest) -> HttpResponse:
    """`/settings/roles/passkeys/`: who would be held by requiring passkeys (`required`), before it is saved by POST."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    given = request.POST if request.method == "POST" else request.GET
    required = given.get("required") == "yes"
    if request.method == "POST":
        try:
            actions.require_passkeys(actor=actor, required=required)
        except ValidationError as error:
            messages.error(request, error.messages[0])
        else:
            messages.success(
                request,
                _("Administrators and compliance officers work with a passkey from now on.")
                if required
                else _(
                    "Administrators and compliance officers may sign in with a passkey or an app from now on."
                ),
            )
        # Whoever saved it by an app's code is held as well.
        return redirect("settings_roles")
    context = {
        "required": required,
        "unchanged": required == access.passkeys_required(),
        "can_work": passkeys.can_work(),
        "staff_url": settings.STAFF_URL,
        "without_passkey": queries.without_passkey(actor),
        "own": request.user,
        "trail": [(_("Roles"), reverse("settings_roles"))],
        **step_up.asking(request),
    }
    return render(request, "settings/passkeys.html", context)
