"""The sandbox's own certificate authority, and certificates that are good or bad on purpose."""

import os
import ssl
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_ROOT_LIFE = timedelta(days=3650)
_HOST_LIFE = timedelta(days=397)
_RENEW_BEFORE = timedelta(days=30)


class Certificate(StrEnum):
    """What a mail host shows in the handshake."""

    GOOD = "good"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    STRANGER = "stranger"
    """Signed by nobody we know."""


class Authority:
    """Keeps root and host certificates in a folder; keys are readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        """Open the authority in `folder`, making its root at the first start and when it is about to end."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        if not self._lasts(self.ca_file):
            self._key, self._root = _make_root()
            _write(folder / "ca.key", _private(self._key))
            _write(self.ca_file, self._root.public_bytes(serialization.Encoding.PEM))
            for old in folder.glob("host-*.pem"):
                old.unlink()
        else:
            key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError("the sandbox's authority has a key of another kind; remove its folder")
            self._key = key
            self._root = x509.load_pem_x509_certificate(self.ca_file.read_bytes())

    def server_context(self, host: str, certificate: Certificate = Certificate.GOOD) -> ssl.SSLContext:
        """Make the server side's context of a mail host: TLS 1.2 or later, with the certificate asked for."""
        path = self._folder / f"host-{certificate}-{host}.pem"
        if certificate is Certificate.EXPIRED or not self._lasts(path):
            _write(path, self._issue(host, certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(path)
        return context

    def _issue(self, host: str, certificate: Certificate) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        name = f"not-{host}" if certificate is Certificate.WRONG_NAME else host
        end = datetime.now(UTC) + (-timedelta(days=1) if certificate is Certificate.EXPIRED else _HOST_LIFE)
        known = certificate is not Certificate.STRANGER
        signer, issuer = (self._key, self._root.subject) if known else (key, _name(host))
        built = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - _HOST_LIFE - timedelta(hours=1))
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
            .sign(signer, hashes.SHA256())
        )
        return _private(key) + built.public_bytes(serialization.Encoding.PEM)

    def _lasts(self, path: Path) -> bool:
        if not path.exists():
            return False
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        return certificate.not_valid_after_utc > datetime.now(UTC) + _RENEW_BEFORE


def _make_root() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = _name("Wellsent sandbox authority")
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, root


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner alone from its first byte on."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    draft.rename(path)
