"""What an open page asks about its session, and where somebody lands who has signed in for a page that waits in another tab."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from accounts import addresses, expiry, networks
from accounts.models import User


@require_http_methods(["GET", "POST"])
def account_session(request: HttpRequest) -> JsonResponse:
    """`/account/session/`: whether the person for whom a page was made is signed in here now; by POST to stay so.

    Answers strangers too, and tells them nothing: `nobody`, or by the page's own value `same` or `another`, never who. The
    seconds left and the token for its forms are the same person's alone. A POST is something that a person did; a GET polls.
    """
    user = request.user
    inside = isinstance(user, User) and getattr(user, "is_verified", bool)()
    # From a network that isn't theirs nobody is in; who comes back to their own finds the page as it was.
    if not isinstance(user, User) or not inside or not networks.lets_in(user.role, addresses.of(request)):
        return JsonResponse({"who": "nobody"})
    if not expiry.is_of(request.headers.get("X-Page", ""), user):
        return JsonResponse({"who": "another"})
    if request.method == "POST":
        expiry.keep_up(request)
    idle, longest = expiry.left(request.session)
    answer = {
        "who": "same",
        "idle": idle,
        "longest": longest,
        "session": expiry.session_mark(request.session),
        "token": get_token(request),
    }
    return JsonResponse(answer)


@require_GET
def account_back(request: HttpRequest) -> HttpResponse:
    """`/account/back/`: signed in again, for a page that waits in another tab with what was typed."""
    return render(request, "account/back.html")
