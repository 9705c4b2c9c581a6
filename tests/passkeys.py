"""A passkey in software: what an authenticator and a browser make of our challenges, good and forged."""

import base64
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from fido2 import cbor
from fido2.cose import ES256

from accounts.models import User

PRESENT, VERIFIED, NEW = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    """Bytes as they stand in JSON."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class SoftKey:
    """One passkey. What it says of origin, host, counter and verification can be bent, as an attacker would."""

    count: int = 0
    origin: str = field(default_factory=lambda: settings.STAFF_URL)
    host: str = field(default_factory=lambda: urlsplit(settings.STAFF_URL).hostname or "")
    verified: bool = True
    cross_origin: bool = False
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: os.urandom(16))

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {
            "type": f"webauthn.{kind}",
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        }
        return json.dumps(said).encode()

    def _head(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", flags, self.count)

    def create(self, challenge: str) -> dict[str, Any]:
        """What navigator.credentials.create() gives, as our script sends it."""
        cose = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]
        public = cbor.encode(dict(cose))
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + public
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": self._head(NEW) + attested})
        return {
            "id": text(self.id),
            "rawId": text(self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": text(self._client_data("create", challenge)),
                "attestationObject": text(attestation),
            },
            "clientExtensionResults": {},
        }

    def get(self, challenge: str) -> dict[str, Any]:
        """What navigator.credentials.get() gives; the counter grows by one."""
        self.count += 1
        head, said = self._head(0), self._client_data("get", challenge)
        signature = self.key.sign(head + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "id": text(self.id),
            "rawId": text(self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": text(said),
                "authenticatorData": text(head),
                "signature": text(signature),
                "userHandle": None,
            },
            "clientExtensionResults": {},
        }


def given(user: User, key: SoftKey | None = None, name: str = "Work laptop") -> Authenticator:
    """A passkey that the person has already."""
    made = (key or SoftKey()).create(text(os.urandom(32)))
    return Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"name": name, "credential": made}
    )
