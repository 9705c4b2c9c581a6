"""Signs messages so that a receiver knows them for ours and unchanged (DKIM, RFC 6376)."""

import base64
import hashlib
import re
from datetime import datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from campaigns.delivery.wire import is_wire_text

KEY_BITS = 2048

_PADDING = padding.PKCS1v15()
_PREHASHED = Prehashed(hashes.SHA256())

_SIGNED = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"reply-to",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-id",
    b"feedback-id",
    b"auto-submitted",
)
# Named once more than they occur, so that adding another one breaks the signature (RFC 6376 §8.15).
_OVERSIGNED = frozenset({b"from", b"to", b"subject", b"date", b"list-unsubscribe", b"list-unsubscribe-post"})

_SPACES = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_LABELS = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


class Signer:
    """Signs with one key of one domain: rsa-sha256, relaxed/relaxed, the whole body (no `l=`)."""

    def __init__(self, domain: str, selector: str, private_key: bytes) -> None:
        """Take the key as PEM; ValueError unless RSA of 2048 bits or more, and names that are A-labels."""
        if not _LABELS.fullmatch(domain) or not _LABELS.fullmatch(selector):
            raise ValueError("domain and selector must be A-labels")
        self._key = _load(private_key)
        self._domain = domain.encode("ascii")
        self._selector = selector.encode("ascii")

    def sign(self, message: bytes, *, at: datetime) -> bytes:
        """Give the DKIM-Signature header, CRLF at its end, to be put before the message.

        `at` is an aware time and becomes `t=`. Refuses (ValueError) a message without From, without an end
        of its headers, or with bare line feeds: what is signed must be what arrives.
        """
        if at.tzinfo is None:
            raise ValueError("the time of signing must be aware")
        end = message.find(b"\r\n\r\n")
        if end < 0 or not is_wire_text(message):
            raise ValueError("the message must have CRLF line ends and a line that ends its headers")
        headers = _headers(message[: end + 2])
        if len(headers.get(b"from", ())) != 1:
            raise ValueError("the message must have exactly one From")
        names: list[bytes] = []
        canonical: list[bytes] = []
        for name in _SIGNED:
            # From the bottom upwards where there are several (RFC 6376 §5.4.2).
            for value in reversed(headers.get(name, [])):
                names.append(name)
                canonical.append(b"%s:%s\r\n" % (name, value))
            if name in _OVERSIGNED:
                names.append(name)
        body_hash = base64.b64encode(hashlib.sha256(_relaxed_body(message[end + 4 :])).digest())
        tags = b"v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=%s; s=%s; t=%d;" % (
            self._domain,
            self._selector,
            int(at.timestamp()),
        )
        names_folded = _fold_names(names)
        head = b" %s\r\n h=%s;\r\n bh=%s;\r\n b=" % (tags, names_folded, body_hash)
        canonical.append(b"dkim-signature:" + _relaxed_value(head))
        digest = hashlib.sha256(b"".join(canonical)).digest()
        signature = base64.b64encode(self._key.sign(digest, _PADDING, _PREHASHED))
        lines = b"\r\n ".join(signature[start : start + 70] for start in range(0, len(signature), 70))
        return b"DKIM-Signature:" + head + lines + b"\r\n"


def generate_key() -> bytes:
    """Make an RSA key of 2048 bits and give it as PEM, unencrypted: to be sealed before it is kept."""
    key = rsa.generate_private_key(65537, KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_record(private_key: bytes) -> str:
    """Give the text of the DNS record of a key (RFC 6376 §3.6.1).

    It stands at `<selector>._domainkey.<domain>`, in strings of at most 255 octets.
    """
    public = _load(private_key).public_key()
    octets = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(octets).decode('ascii')}"


def _load(private_key: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(private_key, None)
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BITS:
        raise ValueError("the key must be RSA of 2048 bits or more")
    return key


def _headers(head: bytes) -> dict[bytes, list[bytes]]:
    """Give the relaxed values of each header, by lower-case name (RFC 6376 §3.4.2)."""
    found: dict[bytes, list[bytes]] = {}
    for line in _FOLD.sub(b"", head).split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        found.setdefault(name.rstrip(b" \t").lower(), []).append(_relaxed_value(value))
    return found


def _relaxed_value(value: bytes) -> bytes:
    return _SPACES.sub(b" ", _FOLD.sub(b"", value)).strip(b" ")


def _relaxed_body(body: bytes) -> bytes:
    """Reduce white space and drop empty lines at the end (RFC 6376 §3.4.4); an empty body stays empty."""
    if b"  " in body or b"\t" in body or b" \r\n" in body:
        body = _SPACES.sub(b" ", body).replace(b" \r\n", b"\r\n")
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _fold_names(names: list[bytes]) -> bytes:
    """Join header names by colons in lines of at most 76 columns."""
    lines, line = [], b""
    for name in names:
        if line and len(line) + len(name) > 70:
            lines.append(line + b":")
            line = name
        else:
            line = line + b":" + name if line else name
    return b"\r\n ".join([*lines, line])
