"""What permissions, roles, and devices are called on the pages."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import rules
from accounts.access import IDENTITY_FIELDS, ROLES, Permission
from accounts.models import Role

P = Permission

# In the order of the pages. What stands in no group comes last, in the permission's own words.
GROUPS: tuple[tuple[Promise, dict[Permission, Promise]], ...] = (
    (
        gettext_lazy("Audience"),
        {
            P.VIEW_CONTACTS: gettext_lazy("See who the contacts are: names, addresses, telephone numbers"),
            P.VIEW_CLINICAL: gettext_lazy("Open health fields of a contact, for a reason that is kept"),
            P.IMPORT_CONTACTS: gettext_lazy("Import contacts from a file"),
            P.EDIT_CONTACTS: gettext_lazy("Add, correct and delete contacts, and keep lists"),
            P.EDIT_CONSENT: gettext_lazy("Ask a contact for consent"),
            P.VIEW_SEGMENTS: gettext_lazy("See segments and their counts"),
            P.EDIT_SEGMENTS: gettext_lazy("Describe and change segments"),
        },
    ),
    (
        gettext_lazy("Campaigns"),
        {
            P.VIEW_CAMPAIGNS: gettext_lazy("See campaigns and templates"),
            P.EDIT_CAMPAIGNS: gettext_lazy("Write campaigns and templates"),
            P.LAUNCH_CAMPAIGN: gettext_lazy("Send campaigns, stop and resume them"),
            P.APPROVE_MAILING: gettext_lazy("Approve campaigns of others, or send them back"),
            P.VIEW_SENDING: gettext_lazy("See what leaves now, how fast, and by which addresses"),
            P.VIEW_REPORTS: gettext_lazy("Read reports"),
        },
    ),
    (
        gettext_lazy("Oversight"),
        {
            P.EXPORT_EVIDENCE: gettext_lazy("Read the evidence and take it away as files"),
            P.VIEW_AUDIT: gettext_lazy("Read the audit log"),
            P.MANAGE_PEOPLE: gettext_lazy("Manage people, the organisation and its brands"),
            P.MANAGE_SENDING: gettext_lazy("Change rates, let addresses rest, change signing keys"),
        },
    ),
)
_WORDS = {permission: words for _group, items in GROUPS for permission, words in items.items()}
# What parts of the system do by themselves is no person's.
_NOBODYS = frozenset({P.DELIVER, P.INDEX_CONTACTS})

ABOUT_ROLES: dict[str, Promise] = {
    Role.ADMINISTRATOR: gettext_lazy("Runs the house: people, settings, and all that the others do."),
    Role.MARKETER: gettext_lazy("Imports contacts, describes segments, writes and sends campaigns."),
    Role.APPROVER: gettext_lazy("Looks at what is about to be sent, and says yes or no."),
    Role.ANALYST: gettext_lazy("Counts. Sees no contact."),
    Role.COMPLIANCE: gettext_lazy("Reads the evidence, and takes it away. Sends nothing."),
    Role.DEVELOPER: gettext_lazy("Works on integrations. Sees neither contacts nor campaigns."),
}


def permission_words(permission: Permission) -> str:
    """A permission as a person says it; one that nobody has put into words yet, by its own name."""
    return str(_WORDS.get(permission, permission.value.capitalize()))


def in_order(permissions: frozenset[Permission]) -> list[Permission]:
    """Permissions of people in the order in which they are shown."""
    known = [permission for permission in _WORDS if permission in permissions]
    return known + sorted(permissions - set(_WORDS) - _NOBODYS)


def grouped() -> list[tuple[str, list[Permission]]]:
    """All permissions that a person can have, by group."""
    groups = [(str(group), list(items)) for group, items in GROUPS]
    rest = in_order(frozenset(Permission) - set(_WORDS))
    return [*groups, (_("Other"), rest)] if rest else groups


def sees(role: str) -> tuple[bool, bool]:
    """Whether a role sees who somebody is, and whether it may open health fields."""
    may = ROLES.get(role, frozenset())
    return P.VIEW_CONTACTS in may and bool(IDENTITY_FIELDS), P.VIEW_CLINICAL in may


def device_words(user_agent: str) -> str:
    """A browser on a system, as far as they are known."""
    browser, system = rules.device(user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown device")
