"""What every staff page is given: the navigation, the organisation's name, and whether this is the demonstration."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import access, expiry
from accounts.access import Permission
from accounts.organization.models import Organization
from campaigns.queries import waiting_for_approval
from marketing.home import guides
from marketing.home.settings_tabs import tabs

NavItem = tuple[str, str, str, bool, int]
NavGroup = tuple[str, list[NavItem]]


def shell(request: HttpRequest) -> dict[str, object]:
    """Context of the shell; empty of navigation for strangers and on patients' pages."""
    context: dict[str, object] = {
        "demo": settings.DEMO,
        "request_id": getattr(request, "request_id", ""),
    }
    if getattr(request, "is_public", False) or not hasattr(request, "user"):
        return context
    try:
        actor = access.of(request)
    except access.Denied:
        return context
    organization = Organization.objects.first()
    return context | {
        "organization": organization.name if organization else "",
        "nav": _navigation(request, actor.role),
        "session_standing": expiry.standing(request),
        "may_search": True,
        "help_address": guides.address_about(request.path),
        "settings_tabs": tabs(actor.role, request.path) if request.path.startswith("/settings/") else [],
    }


def navigation(request: HttpRequest) -> list[NavGroup]:
    """The navigation as the signed-in person sees it. Raises Denied."""
    return _navigation(request, access.of(request).role)


def _navigation(request: HttpRequest, role: str) -> list[NavGroup]:
    may = access.ROLES.get(role, frozenset())
    groups = (
        (
            _("Work"),
            (
                ("home", _("Home"), "home", None, 0),
                ("campaigns", _("Campaigns"), "send", Permission.VIEW_CAMPAIGNS, 0),
                ("templates", _("Templates"), "template", Permission.VIEW_CAMPAIGNS, 0),
            ),
        ),
        (
            _("Audience"),
            (
                ("contacts", _("Contacts"), "users", Permission.VIEW_CONTACTS, 0),
                ("imports", _("Imports"), "file-import", Permission.IMPORT_CONTACTS, 0),
                ("lists", _("Lists"), "list-details", Permission.VIEW_CONTACTS, 0),
                ("segments", _("Segments"), "filter", Permission.VIEW_SEGMENTS, 0),
            ),
        ),
        (
            _("Oversight"),
            (
                (
                    "approvals",
                    _("Approvals"),
                    "clipboard-check",
                    Permission.APPROVE_MAILING,
                    waiting_for_approval() if Permission.APPROVE_MAILING in may else 0,
                ),
                ("sending", _("Sending"), "activity", Permission.VIEW_SENDING, 0),
                ("reports", _("Reports"), "chart-bar", Permission.VIEW_REPORTS, 0),
                ("compliance", _("Compliance"), "shield-check", Permission.EXPORT_EVIDENCE, 0),
            ),
        ),
    )
    visible = [
        (
            label,
            [
                (reverse(name), text, icon, count)
                for name, text, icon, needs, count in items
                if needs is None or needs in may
            ],
        )
        for label, items in groups
    ]
    if tabs(role):
        visible.append((_("Organisation"), [(reverse("settings"), _("Settings"), "settings", 0)]))
    # The one whose address is the longest beginning of this page's: imports lie under contacts.
    addresses = [url for _label, items in visible for url, *_rest in items]
    current = max((url for url in addresses if _within(request.path, url)), key=len, default="")
    return [
        (label, [(url, text, icon, url == current, count) for url, text, icon, count in items])
        for label, items in visible
        if items
    ]


def _within(path: str, url: str) -> bool:
    return path == url if url == "/" else path.startswith(url)
