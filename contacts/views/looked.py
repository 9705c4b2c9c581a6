"""Who looked at one person's record."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts import access
from accounts.access import Permission
from contacts import queries
from contacts.models import Contact
from contacts.queries import Look

_WHAT = {
    "phi.amended": gettext_lazy("Changed the record"),
    "messages.viewed": gettext_lazy("Looked at the messages sent to them"),
    "evidence.viewed": gettext_lazy("Looked at a message's history, without their name"),
}


@require_safe
def looked(request: HttpRequest, pk: int) -> HttpResponse:
    """`/contacts/<id>/looked/`: which colleagues opened the record, when, alone or on a page of a list."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_CONTACTS)
    person = get_object_or_404(Contact, pk=pk, deleted_at=None)
    text = request.GET.get("after", "")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    found = queries.looks(actor, person, after=after)
    context = {
        "trail": [(_("Contacts"), reverse("contacts")), (_("Contact"), reverse("contact", args=[pk]))],
        "rows": [(look, _what(look)) for look in found.rows],
        "with_purposes": found.with_purposes,
        "first_url": "?" if "after" in request.GET else "",
        "next_url": f"?after={found.next}" if found.next else "",
        "log_url": _log_url(pk) if access.allowed(actor, Permission.VIEW_AUDIT) else "",
    }
    return render(request, "contacts/looked.html", context)


def _what(look: Look) -> str:
    if look.action in _WHAT:
        return str(_WHAT[look.action])
    if look.people > 1:
        return _("Saw them on a page of a list, one of %(people)d people") % {"people": look.people}
    return _("Opened health fields") if look.health else _("Opened the record")


def _log_url(pk: int) -> str:
    """Everything that was done with them: a page of an upper room, known by its name alone."""
    try:
        return reverse("audit_patient", args=[pk])
    except NoReverseMatch:
        return ""
