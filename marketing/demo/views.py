"""The demo's own pages. They ask for no sign-in: everybody on them is invented, and none of it exists outside the demo."""

import re

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.delivery.sandbox.mailbox import Mailbox, Received
from marketing.demo import arrived, patients
from marketing.demo import people as cast
from marketing.demo.arrived import Mail
from marketing.demo.middleware import PREFIX

_BODY_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; script-src 'none'; form-action 'none'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'self'; sandbox allow-popups "
    "allow-popups-to-escape-sandbox"
)
# How a mail may be looked at: the part of the address, and the word on the tab.
_SHOWN = ("desktop", "phone", "dark", "pictures-off", "text", "source")


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """`/demo/`: who there is to play, with passwords and present codes."""
    return render(request, "demo/people.html", {"players": cast.players()})


@require_safe
def codes(request: HttpRequest) -> HttpResponse:
    """The table of people alone, asked for again every few seconds, since codes change."""
    return render(request, "demo/codes.html", {"players": cast.players()})


@require_safe
def code(request: HttpRequest) -> HttpResponse:
    """The code beside its field, asked for again every few seconds."""
    return render(request, "demo/code.html", {"step_up": "step-up" in request.GET})


@require_POST
def continue_as(request: HttpRequest, short: str) -> HttpResponseBase:
    """Sign in as one of the people: the password is typed for the evaluator, by the form that everybody signs in by.

    What is left is the code, which the next page shows beside its field. Whoever was signed in is signed out.
    """
    player = cast.player(short)
    if player is None:
        raise Http404
    logout(request)
    form = LoginForm({"login": player.email, "password": player.password}, request=request)
    if not form.is_valid():
        messages.error(request, _("Too many sign-ins at once. Wait a minute, then try again."))
        return redirect("account_login")
    wanted = request.POST.get("next", "")
    response: HttpResponseBase = form.login(
        request, redirect_url=wanted if get_adapter().is_safe_url(wanted) else None
    )
    return response


def _mailbox() -> Mailbox:
    return Mailbox(settings.SANDBOX_DIR / "mail")


def _mail(mail_id: str) -> Mail:
    box = _mailbox()
    try:
        return arrived.read(box, mail_id)
    except KeyError:
        raise Http404 from None


def _page(request: HttpRequest) -> tuple[Page[Received], list[tuple[Received, str]]]:
    box = _mailbox()
    words = request.GET.get("q", "").strip().lower()
    entries = [entry for entry in reversed(box.entries()) if words in entry.recipient.lower()]
    page = Paginator(entries, 25).get_page(request.GET.get("page"))
    return page, [(entry, arrived.subject(box, entry.id)) for entry in page]


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """`/demo/inbox/`: what arrived, newest first."""
    page, rows = _page(request)
    return render(
        request, "demo/inbox.html", {"page": page, "rows": rows, "words": request.GET.get("q", "").strip()}
    )


@require_safe
def inbox_rows(request: HttpRequest) -> HttpResponse:
    """The list alone, asked for again every few seconds: mail arrives while one looks."""
    page, rows = _page(request)
    return render(
        request,
        "demo/inbox_rows.html",
        {"page": page, "rows": rows, "words": request.GET.get("q", "").strip()},
    )


@require_safe
def mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """`/demo/inbox/<id>/`: one mail as its reader sees it, or its source, with what the headers say and whether it holds."""
    shown = request.GET.get("view", "desktop")
    if shown not in _SHOWN:
        raise Http404
    found = _mail(mail_id)
    names = (_("Desktop"), _("Phone"), _("Dark"), _("Pictures off"), _("Plain text"), _("Source"))
    return render(
        request,
        "demo/mail.html",
        {
            "trail": [(_("The patients\u2019 inbox"), reverse("demo_inbox"))],
            "mail": found,
            "entry": found.received,
            "shown": shown,
            "tabs": list(zip(_SHOWN, names, strict=True)),
            "checks": arrived.checks(found) if shown == "source" else [],
            "headers": arrived.explained(found) if shown == "source" else [],
        },
    )


@require_safe
def body(request: HttpRequest, mail_id: str) -> HttpResponse:
    """The HTML part in a frame of its own, in which nothing runs; links open in a new tab, on the address that one came by."""
    content = _mail(mail_id).html
    if not content:
        raise Http404
    if request.GET.get("view") == "pictures-off":
        content = re.sub(r'(<img\b[^>]*?)\ssrc="[^"]*"', r"\1", content)
    if request.GET.get("view") == "dark":
        content = _darkened(content)
    content = content.replace("<head>", '<head><base target="_blank">', 1)
    # The staff's own links by the address that one came by, the patients' below it.
    content = content.replace(f"{settings.PUBLIC_URL}/", PREFIX).replace(
        f'href="{settings.STAFF_URL}/', 'href="/'
    )
    response = HttpResponse(content)
    response["Content-Security-Policy"] = _BODY_CSP
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


# What programs do that darken every mail by themselves: light is turned to dark, hues and pictures stay.
_DARK = (
    "<style>html{background:#fff;filter:invert(.92) hue-rotate(180deg)}"
    "img{filter:invert(1) hue-rotate(180deg)}</style>"
)


def _darkened(content: str) -> str:
    """A frame's colour scheme doesn't reach the mail's own media query, so it is answered here."""
    own = content.replace("(prefers-color-scheme: dark)", "all").replace("(prefers-color-scheme:dark)", "all")
    return own if own != content else content.replace("</head>", f"{_DARK}</head>", 1)


@require_POST
def one_click(request: HttpRequest, mail_id: str) -> HttpResponse:
    """What a mail program's own "Unsubscribe" does: one POST to the address in the header (RFC 8058)."""
    found = _mail(mail_id)
    if not found.one_click:
        raise Http404
    status = patients.unsubscribe(found.one_click)
    if status == 200:
        messages.success(
            request,
            _(
                "One POST to the address in the header, without a cookie: answered with 200. Nothing more is sent to %(who)s."
            )
            % {"who": found.received.recipient},
        )
    else:
        messages.error(request, _("The address in the header answered with %(status)d.") % {"status": status})
    return redirect("demo_mail", mail_id)
