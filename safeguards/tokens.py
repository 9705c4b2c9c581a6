"""Hashes and MACs: keyed hashes of addresses and people, and the sealed tokens that stand in links."""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from safeguards import crypto, keyring
from safeguards.keyring import Purpose

_KEY_LENGTH = 16
_LINK = struct.Struct(">16s16sIQQI")
# Sealed messages begin with their version, which is never zero.
_TOTALS = struct.Struct(">BQI")
_TOTALS_MARK = 0


class BadToken(Exception):
    """The token was altered, cut, or never ours."""


def normalise(address: str) -> str:
    """The one form of an e-mail address: trimmed, NFC, lower case, the domain as A-labels (RFC 5890).

    Lower-casing the local part goes beyond RFC 5321 section 2.4 and is what every mailbox provider does. Raises ValueError, in
    words for the person who typed it, where the address is malformed. Deliverability is not asked here.
    """
    try:
        parsed = validate_email(
            unicodedata.normalize("NFC", address.strip()),
            check_deliverability=False,
            test_environment=True,
            allow_smtputf8=False,
        )
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return f"{parsed.local_part}@{parsed.ascii_domain or parsed.domain}".lower()


def address_key(address: str) -> bytes:
    """The keyed hash (128 bits) of a normalised address: equal for equal addresses, useless without the key.

    Its key is never rotated, since suppressions have no plaintext to be keyed again from.
    """
    return normal_address_key(normalise(address))


def normal_address_key(normal: str) -> bytes:
    """The same of an address that `normalise` has returned; for long files, since normalising takes most of the time."""
    return _keyed(b"address", normal)


def person_key(external_id: str) -> bytes:
    """The keyed hash (128 bits) of the id that the clinic's own system gives a person."""
    return _keyed(b"person", unicodedata.normalize("NFC", external_id.strip()))


def random_person_key() -> bytes:
    """A person key for a contact who has no external id."""
    return secrets.token_bytes(_KEY_LENGTH)


def _keyed(label: bytes, value: str) -> bytes:
    _, key = keyring.current(Purpose.ADDRESS)
    return hmac.digest(key, label + b"\0" + value.encode(), "sha256")[:_KEY_LENGTH]


def mac(label: str, message: bytes, length: int = 10) -> bytes:
    """A MAC under the token key, for short return-path addresses. `length` is in bytes."""
    _, key = keyring.current(Purpose.TOKEN)
    return hmac.digest(key, b"mac|" + label.encode() + b"\0" + message, "sha256")[:length]


def same(left: bytes, right: bytes) -> bool:
    """Compare two MACs in constant time."""
    return hmac.compare_digest(left, right)


@dataclass(frozen=True, slots=True)
class LinkToken:
    """What a link in a message knows: whom (as hashes), on whose behalf, which message, and which link.

    Of a totals-only link only the mailing and the number are known; the rest is zero.
    """

    address_hash: bytes
    person_key: bytes
    brand_id: int
    mailing_id: int
    message_id: int
    number: int = 0


def _text(message: bytes) -> str:
    return base64.urlsafe_b64encode(message).rstrip(b"=").decode()


def seal_link(kind: str, token: LinkToken) -> str:
    """A URL-safe token of about 130 characters for one kind of link (`u`, `p`, `c`, `o`). It never expires (C5)."""
    payload = _LINK.pack(
        token.address_hash, token.person_key, token.brand_id, token.mailing_id, token.message_id, token.number
    )
    message = keyring.seal(Purpose.TOKEN, b"link", payload, kind.encode())
    return _text(message)


def totals_link(kind: str, mailing_id: int, number: int = 0) -> str:
    """A token that names a mailing and one of its links and nobody, the same in everybody's mail (C5, E1).

    It is authenticated and not sealed: sealing draws a nonce, and a nonce would tell one batch of recipients from the next.
    """
    payload = _TOTALS.pack(_TOTALS_MARK, mailing_id, number)
    return _text(payload + mac(f"totals|{kind}", payload, 16))


def _open_totals(kind: str, message: bytes) -> LinkToken:
    payload, given = message[: _TOTALS.size], message[_TOTALS.size :]
    if not same(given, mac(f"totals|{kind}", payload, 16)):
        raise BadToken
    _, mailing_id, number = _TOTALS.unpack(payload)
    return LinkToken(bytes(16), bytes(16), 0, mailing_id, 0, number)


def open_link(kind: str, text: str) -> LinkToken:
    """What a link's token says. Raises BadToken for anything that we didn't make for this kind of link."""
    try:
        message = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if _text(message) != text:
            # The last letter has bits to spare: one token has one spelling (RFC 4648 section 3.5).
            raise BadToken
        if message[:1] == bytes([_TOTALS_MARK]):
            return _open_totals(kind, message)
        payload = keyring.unseal(b"link", message, kind.encode())
        return LinkToken(*_LINK.unpack(payload))
    except (binascii.Error, ValueError, struct.error, crypto.SealBroken, keyring.KeyMissing):
        raise BadToken from None


def new_single_use() -> tuple[str, bytes]:
    """A random token of 256 bits and the hash to store of it."""
    text = secrets.token_urlsafe(32)
    return text, hash_single_use(text)


def hash_single_use(text: str) -> bytes:
    """The stored form of a single-use token. A plain hash suffices: 256 random bits can't be guessed back."""
    return hashlib.sha256(text.encode()).digest()
