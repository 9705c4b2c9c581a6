"""Signatures, verified by dkimpy."""

from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.delivery.dkim import Signer, generate_key, public_record

KEY = generate_key()
SIGNER = Signer("clinic.example", "s1", KEY)
RECORD = public_record(KEY).encode()
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEAD = (
    b"From: Clinic <news@clinic.example>\r\n"
    b"To: ann@example.org\r\n"
    b"Subject: hello\r\n"
    b"Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n"
    b"Message-ID: <x@clinic.example>\r\n"
    b"List-Unsubscribe: <https://clinic.example/u>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)


def signed(message: bytes) -> bytes:
    return SIGNER.sign(message, at=AT) + message


def verified(message: bytes) -> bool:
    asked: list[bytes] = []

    def record(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return RECORD

    result: bool = dkim.verify(message, dnsfunc=record)
    assert asked == [b"s1._domainkey.clinic.example."]
    return result


@pytest.mark.parametrize(
    "headers",
    [
        HEAD,
        HEAD.replace(b"hello", b"a long\r\n subject on\r\n\tthree lines"),
        HEAD.replace(b"Subject: hello", b"SUBJECT:\t  odd \t space  "),
        HEAD.replace(b"Subject: hello", b"Subject:"),
        HEAD + b"Received: by a\r\nReceived: by b\r\nX-Other: not signed\r\n",
        HEAD + b"Reply-To: one@clinic.example\r\nReply-To: two@clinic.example\r\n",
        HEAD.replace(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b"text\r\n",
        b"text\r\n\r\n\r\n",
        b"  \t \r\n \r\n",
        b" a\t\t b \r\n.\r\n  \r\n",
        b"end \t\r\n",
    ],
)
def test_an_independent_verifier_accepts(headers: bytes, body: bytes) -> None:
    assert verified(signed(headers + b"\r\n" + body))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(" \tab.é", max_size=9), max_size=6))
def test_any_white_space_in_the_body_is_canonical(lines: list[str]) -> None:
    assert verified(signed(HEAD + b"\r\n" + "".join(f"{line}\r\n" for line in lines).encode()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: hello", b"Subject: hallo"),
        (b"body", b"bodi"),
        (b"<https://clinic.example/u>", b"<https://evil.example/u>"),
        (b"body", b"body\r\nappended"),
        (b"To: ann@example.org", b"To: eve@example.org"),
        *[
            (b"X-Place: 1\r\n", b"%s: added\r\n" % name)
            for name in (b"From", b"To", b"Subject", b"Date", b"List-Unsubscribe", b"List-Unsubscribe-Post")
        ],
    ],
)
def test_a_changed_or_added_part_is_noticed(old: bytes, new: bytes) -> None:
    message = signed(HEAD + b"X-Place: 1\r\n\r\nbody\r\n")
    assert verified(message)
    assert message.count(old) == 1
    assert not verified(message.replace(old, new))


def test_the_header_is_narrow_and_says_what_it_covers() -> None:
    header = SIGNER.sign(HEAD + b"\r\nbody\r\n", at=AT)
    assert header.endswith(b"\r\n")
    assert max(map(len, header.split(b"\r\n"))) <= 78
    flat = header.replace(b"\r\n ", b"").replace(b" ", b"")
    assert b"t=1772366400;" in flat
    assert b"l=" not in flat.replace(b"rel=", b"").split(b"bh=")[0]
    covered = flat.partition(b";h=")[2].partition(b";")[0].split(b":")
    assert covered.count(b"from") == covered.count(b"list-unsubscribe-post") == 2
    assert covered.count(b"message-id") == 1


def test_the_published_record_is_that_of_the_key() -> None:
    record = public_record(generate_key())
    assert record.startswith("v=DKIM1; k=rsa; p=MIIBIjANBgkq")
    assert record != public_record(generate_key())


@pytest.mark.parametrize(
    "message",
    [
        HEAD + b"no end",
        HEAD + b"\r\nno end",
        HEAD + b"\r\nbare\nline feed\r\n",
        HEAD + b"\r\nbare\rreturn\r\n",
        b"To: a@b.example\r\n\r\n",
        HEAD * 2 + b"\r\n",
    ],
)
def test_what_would_not_arrive_as_signed_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="must"):
        SIGNER.sign(message, at=AT)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        SIGNER.sign(HEAD + b"\r\n", at=AT.replace(tzinfo=None))


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_weak_and_other_keys_are_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    for key in (pem(weak), pem(ed25519.Ed25519PrivateKey.generate())):
        with pytest.raises(ValueError, match="2048"):
            Signer("clinic.example", "s1", key)


@pytest.mark.parametrize(
    ("domain", "selector"),
    [("a b", "s"), ("clinic.example; x=", "s"), ("clinic.example", "s\r\n"), ("", "s")],
)
def test_names_that_would_break_the_header_are_refused(domain: str, selector: str) -> None:
    with pytest.raises(ValueError, match="A-labels"):
        Signer(domain, selector, KEY)
