"""What a contact's page shows of this floor: the messages sent to that person, as a fragment that it asks for by name."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from campaigns import queries


@require_safe
def messages(request: HttpRequest, pk: int) -> HttpResponse:
    """`/contacts/<id>/messages/`: subject, state and time of each, newest first."""
    actor = access.of(request)
    context = {"rows": queries.messages_of(actor, pk), "hidden": queries.clinical_is_hidden(actor)}
    return render(request, "campaigns/on_contact.html", context)
