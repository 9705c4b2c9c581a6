"""What delivery decides without asking anybody: back-off, replies, digests, who is a minor, how an envelope is named."""

import base64
import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

ADULT = 18
# Marketing: 15 min, doubling, at most 4 h, given up after 48 h. Transactional: sooner and denser, for 24 h.
_MARKETING_FIRST, _MARKETING_MOST, MARKETING_LIFE = (
    timedelta(minutes=15),
    timedelta(hours=4),
    timedelta(hours=48),
)
_TRANSACTIONAL = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 40, 60))
TRANSACTIONAL_LIFE = timedelta(hours=24)
LANE_WAIT = timedelta(minutes=1)


def back_off(attempts: int, *, transactional: bool, jitter: float) -> timedelta:
    """How long to wait after the given number of attempts (from 1). `jitter` in -1…1 moves it by up to a tenth."""
    if transactional:
        wait = _TRANSACTIONAL[min(attempts, len(_TRANSACTIONAL)) - 1]
    else:
        wait = min(_MARKETING_FIRST * 2 ** min(attempts - 1, 10), _MARKETING_MOST)
    return wait * (1 + jitter / 10)


class Verdict(StrEnum):
    """What a refusal with 5xx means for the message, its recipient and its lane."""

    SUPPRESS = "suppress"
    """The address doesn't exist: bounce, and never again."""
    BOUNCE = "bounce"
    """This message is refused; the address may be good."""
    SUSPEND = "suspend"
    """They refuse our address, not the recipient: the source rests, and the message is queued again."""
    PAUSE = "pause"
    """They refuse what we send or how we sign it: pause the mailing and tell somebody."""


_ABOUT_US = re.compile(
    r"\[BL|S3150|block ?list|blacklist|reputation|spamhaus|poor reputation|listed (at|by|in)", re.I
)
_NOBODY = {"5.1.1", "5.1.10", "5.1.2", "5.1.3"}
_POLICY = {"5.7.26", "5.7.515", "5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.25", "5.7.27"}


def read_refusal(code: int, enhanced: str, reply: str) -> Verdict:
    """Read a 5xx reply (RFC 3463 classes; the words that large providers use about our own address)."""
    if _ABOUT_US.search(reply):
        return Verdict.SUSPEND
    if enhanced in _NOBODY:
        return Verdict.SUPPRESS
    if enhanced in _POLICY:
        return Verdict.PAUSE
    if (
        not enhanced
        and code in {550, 551, 553}
        and re.search(r"(no such|unknown) (user|recipient|mailbox)", reply, re.I)
    ):
        return Verdict.SUPPRESS
    return Verdict.BOUNCE


def age(born: date, today: date) -> int:
    """Whole years; people born on 29 February have their birthday on 1 March."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def is_minor(birth_date: str | None, today: date) -> bool:
    """Whether somebody is under 18. Without a date of birth nobody is known to be."""
    return birth_date is not None and age(date.fromisoformat(birth_date), today) < ADULT


def digest(parts: Mapping[str, object]) -> str:
    """SHA-256, in hexadecimal, over canonical JSON: what an approval binds."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def pick_source(weights: Sequence[tuple[int, int]], occurrence: int) -> int:
    """The source id for an occurrence, by weight, always the same one: greylisting remembers who came first."""
    total = sum(weight for _, weight in weights)
    place = (
        int.from_bytes(hashlib.sha256(occurrence.to_bytes(8, "big", signed=True)).digest()[:8], "big") % total
    )
    for source_id, weight in weights:
        if place < weight:
            return source_id
        place -= weight
    raise AssertionError("weights add up")


def envelope_sender(message_id: int, mac: bytes, domain: str) -> str:
    """The return path: `b1.<id>.<MAC>@<domain>`, no address in it, at most 64 characters before the @ (RFC 5321 §4.5.3.1.1)."""
    number = base64.b32encode(message_id.to_bytes(8, "big").lstrip(b"\0") or b"\0").decode().rstrip("=")
    return f"b1.{number}.{base64.b32encode(mac).decode().rstrip('=')}@{domain}".lower()


def shorten(ip: str) -> str:
    """An address cut to its network: /24 for IPv4, /48 for IPv6 (E1). Empty for anything else."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    length = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address.packed, length), strict=False).network_address)


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a message after an attempt: its state, when it is due again, and whether the attempt counts."""

    state: str
    reason: str = ""
    due: datetime | None = None
    counts: bool = True


def retry(
    *, now: datetime, first_due: datetime, attempts: int, transactional: bool, jitter: float, lane: bool
) -> Next:
    """Queue again, or give up when the message's life is over. Trouble of the lane doesn't use up an attempt."""
    life = TRANSACTIONAL_LIFE if transactional else MARKETING_LIFE
    wait = (
        LANE_WAIT * (1 + jitter / 10)
        if lane
        else back_off(attempts, transactional=transactional, jitter=jitter)
    )
    if now + wait > first_due + life:
        return Next("expired")
    return Next("queued", due=now + wait, counts=not lane)
