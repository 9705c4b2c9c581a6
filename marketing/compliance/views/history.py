"""One message's history, from what was agreed to what came back."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import access
from campaigns.delivery.models import Message
from campaigns.wording import REASONS
from marketing.compliance import queries
from marketing.compliance.queries.history import KINDS
from marketing.compliance.rules import pseudonym
from marketing.compliance.wording import BOUNCES


@require_safe
def evidence_message(request: HttpRequest, mailing: int, message: int) -> HttpResponse:
    """`/compliance/messages/<mailing>/<message>/`: what became of one message, without a name or an address."""
    actor = access.of(request)
    if max(mailing, message) >= 2**63:
        raise Http404
    try:
        found = queries.history(actor, mailing, message)
    except Message.DoesNotExist:
        raise Http404 from None
    state = Message.State(found.message.state)
    reason = found.message.reason
    return render(
        request,
        "compliance/message.html",
        {
            "trail": [
                (_("Compliance"), reverse("compliance")),
                (_("Message log"), reverse("evidence_messages")),
            ],
            "history": found,
            "person": pseudonym(found.person),
            "state": state.label,
            "pill": KINDS.get(state, "info"),
            "reason": REASONS.get(reason) or BOUNCES.get(reason) or reason.replace("_", " "),
        },
    )
