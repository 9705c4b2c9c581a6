"""The tabs of Settings, in their order: one line each, shown to whoever may see the page that it leads to."""

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.access import ROLES, Permission

# The name of the page's address, its words, and the permission that the page itself asks for.
TABS = (
    ("settings_people", _("People"), Permission.MANAGE_PEOPLE),
    ("settings_roles", _("Roles"), Permission.MANAGE_PEOPLE),
    ("settings_access", _("Access"), Permission.MANAGE_PEOPLE),
    ("settings_brand", _("Brand"), Permission.MANAGE_PEOPLE),
    ("settings_sending", _("Sending"), Permission.MANAGE_SENDING),
    ("settings_fields", _("Fields"), Permission.VIEW_CONTACTS),
)

Tab = tuple[str, str, bool]


def tabs(role: str, path: str = "") -> list[Tab]:
    """Address, words, and whether `path` lies within it, of each tab that this role may see; a tab without a page is left out."""
    may = ROLES.get(role, frozenset())
    found = []
    for name, words, needs in TABS:
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        if needs in may:
            found.append((url, str(words), path.startswith(url)))
    return found
