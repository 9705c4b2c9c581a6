"""Sealing: AES-256-GCM with a key derived per message, so that one data key may seal without a practical limit.

A sealed message is `version(1) key_id(4) nonce(24) ciphertext tag(16)`. The first half of the nonce goes into the
derivation, the second is GCM's own, which lifts the 2^32 messages that SP 800-38D section 8.3 allows one key with random
nonces. The header is authenticated with the caller's context (AAD). Imported by the doors alone.
"""

import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_HEADER = struct.Struct(">BI")
_VERSION = 1
_NONCE = 24
OVERHEAD = _HEADER.size + _NONCE + 16


class SealBroken(Exception):
    """The message was altered, was sealed for another place, or is no sealed message at all."""


def seal(key: bytes, key_id: int, label: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Seal `plaintext` under a data key of 32 bytes, bound to `label` (what for) and `context` (where it stands)."""
    nonce = os.urandom(_NONCE)
    header = _HEADER.pack(_VERSION, key_id)
    derived = hmac.digest(key, label + nonce[:12], "sha256")
    return header + nonce + AESGCM(derived).encrypt(nonce[12:], plaintext, header + context)


def key_id_of(message: bytes) -> int:
    """The id of the data key that sealed the message. Raises SealBroken for anything too short or too new."""
    if len(message) < OVERHEAD:
        raise SealBroken("too short to be sealed")
    version, key_id = _HEADER.unpack_from(message)
    if version != _VERSION:
        raise SealBroken(f"sealed in an unknown format, version {version}")
    return int(key_id)


def unseal(key: bytes, label: bytes, message: bytes, context: bytes) -> bytes:
    """Open a sealed message. Raises SealBroken if a single bit of it, its label or its context differs."""
    key_id_of(message)
    header, nonce = message[: _HEADER.size], message[_HEADER.size : _HEADER.size + _NONCE]
    derived = hmac.digest(key, label + nonce[:12], "sha256")
    try:
        return AESGCM(derived).decrypt(nonce[12:], message[_HEADER.size + _NONCE :], header + context)
    except InvalidTag:
        raise SealBroken("the authentication tag does not match") from None
