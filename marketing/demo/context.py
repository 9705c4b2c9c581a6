"""What pages are given in the demonstration alone: who there is to play, and the code that their authenticator app would show."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from marketing.demo import people


def players(request: HttpRequest) -> dict[str, object]:
    """The people, for the sign-in page and the menu; nothing on the patients' pages."""
    if getattr(request, "is_public", False):
        return {}
    return {
        "demo_players": SimpleLazyObject(people.players),
        "demo_code": SimpleLazyObject(lambda: people.code_for(request)),
        # Asked once the page has made the secret.
        "demo_new_code": SimpleLazyObject(lambda: people.new_code_for(request)),
    }
