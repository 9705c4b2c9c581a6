"""Our own keys at rest: TOTP secrets and DKIM private keys, sealed apart from health data."""

from safeguards import crypto, keyring
from safeguards.fields import Sealed, message_of

_LABEL = b"secret"


class Unreadable(crypto.SealBroken):
    """The secret was altered, stands in another place, or was sealed by a key that this database doesn't have."""


def seal(place: str, value: str) -> Sealed:
    """Seal a secret for the place it stands in, such as `delivery.dkim|clinic.example`."""
    return Sealed(keyring.seal(keyring.Purpose.SECRET, _LABEL, value.encode(), place.encode()))


def unseal(place: str, sealed: Sealed) -> str:
    """Open a secret. Raises Unreadable if it was altered, or sealed for another place or by a key that is gone."""
    try:
        return keyring.unseal(_LABEL, message_of(sealed), place.encode()).decode()
    except (crypto.SealBroken, keyring.KeyMissing) as error:
        raise Unreadable(str(error)) from None


def seal_bytes(place: str, value: str) -> bytes:
    """As `seal`, for stores that keep bytes or text of their own, such as allauth's authenticators."""
    return message_of(seal(place, value))


def unseal_bytes(place: str, message: bytes) -> str:
    """As `unseal`, for the same stores."""
    return unseal(place, Sealed(message))
