"""Anchors: signed statements of how far the chain had come, kept outside the database.

A chain shows that a row was changed; it can't show that its end was cut off, or that whoever owns the database computed all of it
anew. What was written down elsewhere, under a key that the database doesn't hold, can. Every anchor carries the hash of the one
before it, so none can be taken out or moved unseen. [BEHAVIOURS F2]
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from safeguards.audit import canonical

_LABEL = b"wellsent anchor 1\n"
ANCHOR, PURGED, HEAD, RESTORED = "anchor", "purged", "head", "restored"


class AnchorKeyMalformed(ValueError):
    """WELLSENT_ANCHOR_KEY isn't 64 hexadecimal digits, or a public key isn't."""


class AnchorStore(Protocol):
    """Where anchors are kept: append-only, in the order in which they were put. A folder here; an object store with a
    retention lock fits the same four verbs."""

    def put(self, line: bytes) -> None:
        """Keep one line for good; it is durable when this returns. Raises OSError."""

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Every line with its place, oldest first, torn ones included. Raises OSError."""

    def backwards(self) -> Iterator[bytes]:
        """The same without places, newest first. Raises OSError."""

    def put_head(self, line: bytes) -> None:
        """Lay this line in the place of the last head. Raises OSError."""

    def head(self) -> bytes | None:
        """The last head, or None. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the store, read. `sequence` and `hash` are the chain's; `previous` is the SHA-256 of the line before.

    Of a manifest of a purge (`kind` purged), `sequence` and `hash` are those of the last link that was removed; `more` says what
    it says besides. `mends` are SHA-256 of torn lines that stood between the last entry and this one.
    """

    kind: str
    number: int
    at: datetime
    sequence: int
    hash: str
    count: int
    previous: str
    key: str
    signature: bytes
    line: bytes
    mends: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The hash by which the next entry and the audit row name this one."""
        return digest(self.line)

    def signed(self) -> bool:
        """Whether a key that we know signed exactly this."""
        fields = json.loads(self.line)
        del fields["signature"]
        public = public_keys().get(self.key)
        if public is None:
            return False
        try:
            public.verify(self.signature, _LABEL + canonical.encoded(fields))
        except (InvalidSignature, canonical.NotCanonical):
            return False
        return True


_KNOWN = {
    "kind",
    "number",
    "at",
    "sequence",
    "hash",
    "count",
    "previous",
    "key",
    "signature",
    "mends",
}


def digest(line: bytes) -> str:
    """SHA-256 of a line, in hexadecimal."""
    return hashlib.sha256(line).hexdigest()


def _private() -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(settings.ANCHOR_KEY))
    except ValueError:
        # The message of fromhex would quote what it was given.
        raise AnchorKeyMalformed("WELLSENT_ANCHOR_KEY must be 64 hexadecimal digits") from None


def public_key() -> str:
    """The public half of the key that signs now, in hexadecimal: what an auditor keeps."""
    return _private().public_key().public_bytes_raw().hex()


def key_id(public: str) -> str:
    """The short name of a public key, as it stands in an anchor."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]


def public_keys() -> dict[str, Ed25519PublicKey]:
    """The keys whose anchors count, by their short names: the present one and those that were used before it."""
    found = {}
    try:
        for public in (public_key(), *settings.ANCHOR_PUBLIC_KEYS):
            found[key_id(public)] = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    except AnchorKeyMalformed:
        raise
    except ValueError:
        raise AnchorKeyMalformed(
            "WELLSENT_ANCHOR_PUBLIC_KEYS must be keys of 64 hexadecimal digits"
        ) from None
    return found


def write(
    kind: str,
    *,
    number: int,
    at: datetime,
    sequence: int,
    hash: bytes,
    count: int,
    previous: str,
    mends: tuple[str, ...] = (),
    more: Mapping[str, Any] = canonical.NOTHING,
) -> bytes:
    """A signed line (without its end of line), in canonical JSON."""
    fields: dict[str, Any] = {
        **more,
        "kind": kind,
        "number": number,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "sequence": sequence,
        "hash": hash.hex(),
        "count": count,
        "previous": previous,
        "key": key_id(public_key()),
        "mends": list(mends),
    }
    fields["signature"] = _private().sign(_LABEL + canonical.encoded(fields)).hex()
    return canonical.encoded(fields)


def read(line: bytes) -> Entry | None:
    """A line as an entry, whoever signed it; None where it isn't one (it may have been torn by a crash)."""
    try:
        fields = json.loads(line)
        return Entry(
            kind=str(fields["kind"]),
            number=int(fields["number"]),
            at=datetime.fromisoformat(fields["at"]).astimezone(UTC),
            sequence=int(fields["sequence"]),
            hash=str(fields["hash"]),
            count=int(fields["count"]),
            previous=str(fields["previous"]),
            key=str(fields["key"]),
            signature=bytes.fromhex(fields["signature"]),
            line=line,
            mends=tuple(map(str, fields["mends"])),
            more={name: value for name, value in fields.items() if name not in _KNOWN},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
