"""The demo's own pages. They ask for no sign-in: everybody on them is invented, and none of it exists outside the demo."""

import email
import email.policy
from email.message import EmailMessage

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from campaigns.delivery.sandbox.mailbox import Mailbox
from marketing.demo.people import players

_BODY_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: {public_url}; script-src 'none'; form-action 'none'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'self'; sandbox allow-popups "
    "allow-popups-to-escape-sandbox"
)


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """`/demo/`: who there is to play, with passwords and present codes."""
    return render(request, "demo/people.html", {"players": players()})


@require_safe
def codes(request: HttpRequest) -> HttpResponse:
    """The table of people alone, asked for again every few seconds, since codes change."""
    return render(request, "demo/codes.html", {"players": players()})


def _mailbox() -> Mailbox:
    return Mailbox(settings.SANDBOX_DIR / "mail")


def _message(mail_id: str) -> EmailMessage:
    try:
        raw = _mailbox().read(mail_id)
    except (FileNotFoundError, ValueError, KeyError):
        raise Http404 from None
    message: EmailMessage = email.message_from_bytes(raw, policy=email.policy.default)
    return message


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """`/demo/inbox/`: what arrived, newest first."""
    entries = list(reversed(_mailbox().entries()))
    page = Paginator(entries, 25).get_page(request.GET.get("page"))
    rows = [(entry, str(_message(entry.id)["Subject"])) for entry in page]
    return render(request, "demo/inbox.html", {"page": page, "rows": rows})


@require_safe
def mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """`/demo/inbox/<id>/`: one mail as its reader sees it, how it came, and its headers."""
    message = _message(mail_id)
    entry = next((entry for entry in _mailbox().entries() if entry.id == mail_id), None)
    plain = message.get_body(("plain",))
    return render(
        request,
        "demo/mail.html",
        {
            "trail": [(_("The patients\u2019 inbox"), reverse("demo_inbox"))],
            "entry": entry,
            "subject": str(message["Subject"]),
            "headers": [(name, str(value)) for name, value in message.items()],
            "plain": plain.get_content() if plain is not None else "",
        },
    )


@require_safe
def body(request: HttpRequest, mail_id: str) -> HttpResponse:
    """The HTML part in a frame of its own, in which nothing runs; links open in a new tab."""
    part = _message(mail_id).get_body(("html",))
    if part is None:
        raise Http404
    content = part.get_content().replace("<head>", '<head><base target="_blank">', 1)
    response = HttpResponse(content)
    response["Content-Security-Policy"] = _BODY_CSP.format(public_url=settings.PUBLIC_URL)
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response
