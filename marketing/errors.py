"""Error pages: whole, plain, and with the request's id to quote."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The page for an address that leads nowhere, or to something that this person may not know of."""
    return HttpResponse(render_to_string("404.html", _context(request), request), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for our own mistakes. Rendered without context processors, which may be what failed."""
    return HttpResponse(render_to_string("500.html", _context(request)), status=500)


def _context(request: HttpRequest) -> dict[str, str]:
    return {"request_id": getattr(request, "request_id", "")}
