"""What mails of ours show and lead to: pictures by their names, and the page behind the footer's links of a test."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from accounts.organization.models import Brand
from campaigns.designs import queries
from campaigns.designs.blocks import PICTURE_NAME


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """`/i/<name>`: a picture, the same for everybody who asks, and for ever: nobody is counted by it (E1)."""
    found = queries.picture(name) if PICTURE_NAME.fullmatch(name) else None
    if found is None:
        raise Http404
    content, content_type = found
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"},
    )


@require_safe
def test(request: HttpRequest) -> HttpResponse:
    """`/test/`: says that the message was a test, and what the link does in a real one."""
    brand, chosen = Brand.objects.order_by("pk").first(), request.GET.get("l", "")
    with translation.override(chosen if chosen in {"en", "es"} else translation.get_language()):
        return render(
            request,
            "patient/test_link.html",
            {
                "brand_name": brand.name if brand else "",
                "brand_phone": brand.phone if brand else "",
                "privacy_url": brand.privacy_url if brand else "",
            },
        )
