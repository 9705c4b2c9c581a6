"""Settings, Roles: what each role may do, read from the one table that every page asks."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access, wording
from accounts.access import ROLES, Permission
from accounts.models import Role


@require_GET
def roles(request: HttpRequest) -> HttpResponse:
    """`/settings/roles/`: the permissions by group, with a column for each role."""
    access.require(access.of(request), Permission.MANAGE_PEOPLE)
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
    }
    return render(request, "settings/roles.html", context)
