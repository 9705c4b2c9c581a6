"""The message that the delivery benchmarks send: 28 KB, personalised, two parts."""

import random
from datetime import UTC, datetime

from campaigns.delivery.compose import Compiled, Headers
from campaigns.designs.merge import Node, parse

_WORDS = [
    "care",
    "visit",
    "appointment",
    "portal",
    "record",
    "member",
    "clinic",
    "benefit",
    "renew",
    "notice",
    "health",
    "plan",
    "team",
    "review",
    "schedule",
    "secure",
    "message",
    "update",
    "provider",
    "screening",
    "annual",
    "wellness",
    "coverage",
    "reminder",
    "support",
    "pharmacy",
    "lab",
    "result",
]
_FIELDS = {
    "first_name",
    "last_name",
    "city",
    "unsubscribe_url",
    "open_url",
    *(f"link:{n}" for n in range(20)),
}
_REQUIRED = {name for name in _FIELDS if name.endswith("_url") or name.startswith("link:")}
_ROW = (
    '<tr><td style="padding:12px 24px;font-family:Arial,Helvetica,sans-serif;font-size:16px">{}</td></tr>\n'
)
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def sources() -> tuple[str, str]:
    """Write the author's HTML and text, the same at every run."""
    choice = random.Random(7).choice  # noqa: S311 - the same sample each time

    def words(count: int) -> str:
        return " ".join(choice(_WORDS) for _ in range(count)).capitalize() + "."

    rows = [_ROW.format("Hello {{ first_name|there }} {{ last_name|friend }},")]
    while sum(map(len, rows)) < 21_500:
        number = len(rows)
        extra = " {{ city|your town }}" if number % 9 == 0 else ""
        if number % 5 == 0:
            extra += f' <a href="{{{{ link:{number // 5 - 1} }}}}">Open {number}</a>'
        rows.append(_ROW.format(words(22) + extra))
    rows.append(
        _ROW.format('<a href="{{ unsubscribe_url }}">Unsubscribe</a> <img src="{{ open_url }}" alt="">')
    )
    html = '<!doctype html><html lang="en"><head><title>News</title></head><body><table>\n'
    html += "".join(rows) + "</table></body></html>\n"
    lines = ["Hello {{ first_name|there }} {{ last_name|friend }},", ""]
    while sum(map(len, lines)) < 3_800:
        lines.append(words(11))
    return html, "\n".join([*lines, "Unsubscribe: {{ unsubscribe_url }}", ""])


def nodes() -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Read both parts."""
    html, text = sources()
    return (
        parse(html, fields=_FIELDS, required=_REQUIRED, html=True),
        parse(text, fields=_FIELDS, required=_REQUIRED),
    )


def compiled() -> Compiled:
    """Compile the design."""
    html, text = nodes()
    return Compiled.build(html_nodes=html, text_nodes=text)


def headers(number: int) -> Headers:
    """Make the headers of one recipient."""
    token = f"{number:032x}"
    return Headers(
        sender_name="St. Mary's Clinic",
        sender_address="news@clinic.example",
        recipient=f"user{number}@domain{number % 50}.example",
        subject="Your July update",
        at=AT,
        token=token,
        domain="clinic.example",
        list_unsubscribe=f"https://mail.clinic.example/u/{token}",
        list_id="news.clinic.example",
        feedback_id="c1:org:marketing:clinic",
    )


def values(number: int) -> dict[str, str]:
    """Make the values of one recipient."""
    token = f"{number:032x}"
    return {
        "first_name": f"Zoë{number % 97}",
        "last_name": f"O'Brien-{number}",
        "city": "Malmö",
        "unsubscribe_url": f"https://mail.clinic.example/u/{token}",
        "open_url": f"https://mail.clinic.example/o/{token}",
        **{f"link:{link}": f"https://mail.clinic.example/c/{token}/{link}" for link in range(20)},
    }
