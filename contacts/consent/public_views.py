"""The patients' own pages: confirm, choose, stop. No sign-in, no JavaScript, nothing about health; English and Spanish.

GET changes nothing: mail scanners follow links and run scripts (C5). The tokens say whom as hashes, never an address.
"""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.organization.models import Brand
from contacts.consent import actions
from contacts.consent.models import Topic
from contacts.consent.queries import standings_by_topic, stopped_everything, unmendable_here
from contacts.consent.rules import Standing
from safeguards import tokens
from safeguards.tokens import BadToken, LinkToken

Page = Callable[[HttpRequest, str], HttpResponse]


def _in_their_language(page: Page) -> Page:
    """Answer in the language chosen by `?l=`, or else the browser's."""

    @wraps(page)
    def answer(request: HttpRequest, token: str) -> HttpResponse:
        chosen = request.GET.get("l", "")
        with translation.override(chosen if chosen in {"en", "es"} else translation.get_language()):
            return page(request, token)

    return answer


def page_context(request: HttpRequest, brand: Brand | None) -> dict[str, object]:
    """What every patient's page is given: the brand's name, telephone and privacy notice, and the chosen language to pass on."""
    chosen = request.GET.get("l", "")
    return {
        "brand": brand,
        "brand_name": brand.name if brand else "",
        "brand_phone": brand.phone if brand else "",
        "privacy_url": brand.privacy_url if brand else "",
        "language_query": f"?l={chosen}" if chosen in {"en", "es"} else "",
    }


def gone(request: HttpRequest) -> HttpResponse:
    """The link is not, or no longer, good: say whom to call rather than what went wrong."""
    return render(request, "consent/gone.html", page_context(request, Brand.objects.first()), status=404)


def _opened(kind: str, token: str) -> tuple[LinkToken, Brand]:
    opened = tokens.open_link(kind, token)
    brand = Brand.objects.filter(pk=opened.brand_id).first()
    if brand is None:
        raise BadToken
    return opened, brand


# No CSRF token on any of these pages: the link's own token is the authority, there is no session to forge, and a patient whose
# phone refuses cookies can still choose.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_in_their_language
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """`/f/confirm/<token>/`: one button, and then thanks."""
    try:
        confirmation = actions.confirmation_of(token)
        context = page_context(request, confirmation.brand) | {"topics": list(confirmation.topics.all())}
        if request.method == "POST":
            actor = access.patient(request, bytes(confirmation.person_key))
            actions.confirm(actor=actor, token=token)
            return render(request, "consent/confirmed.html", context)
    except actions.TokenUsed:
        return gone(request)
    return render(request, "consent/confirm.html", context)


# RFC 8058: a mailbox provider posts without cookie or CSRF token; the sealed token is the authority.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_in_their_language
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """`/u/<token>/`: a page with one button, and the target of one-click (RFC 8058 section 3.1). Repeating it changes nothing."""
    asked_at = timezone.now()
    try:
        opened, brand = _opened("u", token)
    except BadToken:
        return gone(request)
    context = page_context(request, brand) | {"preferences": tokens.seal_link("p", opened)}
    if request.method != "POST":
        return render(request, "consent/unsubscribe.html", context)
    actor = access.patient(request, opened.person_key)
    if request.POST.get("List-Unsubscribe") == "One-Click":
        actions.unsubscribe(actor=actor, token=opened, source="one-click", asked_at=asked_at)
        return HttpResponse("OK", content_type="text/plain; charset=utf-8")
    match request.POST.get("do"):
        case "stop":
            actions.unsubscribe(actor=actor, token=opened, source="unsubscribe page", asked_at=asked_at)
            return render(request, "consent/unsubscribed.html", context)
        case "undo":
            actions.undo_unsubscribe(actor=actor, token=opened)
            if stopped_everything(opened.address_hash, brand.pk):
                # Something wider stands, which this page didn't say and can't take back.
                return redirect(
                    f"{reverse('public_preferences', args=[context['preferences']])}{context['language_query']}"
                )
            return render(request, "consent/undone.html", context)
        case _:
            raise Http404


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_in_their_language
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """`/p/<token>/`: which topics, or none. The token is the authority, as for unsubscribing; there is no session to forge."""
    asked_at = timezone.now()
    try:
        opened, brand = _opened("p", token)
    except BadToken:
        return gone(request)
    saved = False
    if request.method == "POST":
        actor = access.patient(request, opened.person_key)
        match request.POST.get("do"):
            case "stop":
                actions.unsubscribe(actor=actor, token=opened, source="unsubscribe page", asked_at=asked_at)
            case "save":
                ticked = request.POST.getlist("topic")
                chosen = {topic.pk for topic in Topic.objects.all() if str(topic.pk) in ticked}
                actions.choose_topics(actor=actor, token=opened, topic_ids=chosen)
            case _:
                raise Http404
        saved = True
    standings = standings_by_topic(opened.address_hash, opened.person_key, brand.pk)
    return render(
        request,
        "consent/preferences.html",
        page_context(request, brand)
        | {
            "topics": [(topic, standing is Standing.REACHABLE) for topic, standing in standings],
            "held": unmendable_here(opened.address_hash),
            "stopped": stopped_everything(opened.address_hash, brand.pk),
            "saved": saved,
        },
    )
