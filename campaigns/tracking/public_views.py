"""The open pixel and the click redirect. They write down that it happened, and send people only where the mail had said (E2)."""

import base64
import contextlib

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from accounts import access
from campaigns.delivery import actions
from campaigns.delivery.models import Link, MessageEvent
from contacts.consent.public_views import gone
from safeguards import tokens
from safeguards.tokens import BadToken, LinkToken

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def _write_down(request: HttpRequest, token: LinkToken, kind: str, link: int | None) -> None:
    # HEAD is a program asking whether the link is alive, not somebody following it.
    if request.method == "HEAD":
        return
    actions.record_event(
        actor=access.patient(request, token.person_key),
        mailing_id=token.mailing_id,
        message_id=token.message_id or None,
        kind=kind,
        link_number=link,
    )


@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """`/o/<token>.gif`: one transparent pixel, also for a token that we never made: it gives nothing away."""
    with contextlib.suppress(BadToken):
        _write_down(request, tokens.open_link("o", token), MessageEvent.Kind.OPEN, None)
    return HttpResponse(_PIXEL, content_type="image/gif")


@require_safe
def clicked(request: HttpRequest, token: str) -> HttpResponse:
    """`/c/<token>/`: on to the address that was stored when the mail was made; to a plain page for any other token."""
    try:
        opened = tokens.open_link("c", token)
        link = Link.objects.get(mailing_id=opened.mailing_id, number=opened.number)
    except (BadToken, Link.DoesNotExist):
        return gone(request)
    _write_down(request, opened, MessageEvent.Kind.CLICK, link.number)
    return HttpResponseRedirect(link.url)
