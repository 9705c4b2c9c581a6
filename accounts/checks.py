"""What `manage.py check` says of the staff's sign-in."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from accounts import passkeys


@register("security")
def passkeys_work(**_options: Any) -> list[CheckMessage]:
    """Passkeys need https (or localhost) and a name: without, administrators can't be held to them."""
    obstacle = passkeys.place().obstacle
    if not obstacle:
        return []
    why = (
        "it is an address, and browsers make passkeys for names only"
        if obstacle == "address"
        else "it has no https, without which browsers offer no passkeys"
    )
    return [
        Warning(
            f"Passkeys can't work at {settings.STAFF_URL}: {why}. Nobody is held to a passkey.",
            hint="Give the staff's pages a name and https (WELLSENT_STAFF_URL).",
            id="accounts.W001",
        )
    ]
