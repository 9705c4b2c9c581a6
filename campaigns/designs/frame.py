"""The frame that shows a mail: a response of its own, the only one whose styles may stand in the page. [INTERFACE, CSP]"""

from django.conf import settings
from django.http import HttpResponse

# Mail needs style attributes and our pictures, which stand on the patients' host, so this response alone allows them; it allows
# nothing else, and runs without an origin.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: {public_url}; script-src 'none'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
)


def framed(html: str) -> HttpResponse:
    """The mail as the whole response, to be shown in a frame of our own pages."""
    policy = _POLICY.format(public_url=settings.PUBLIC_URL)
    return HttpResponse(html, headers={"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"})
