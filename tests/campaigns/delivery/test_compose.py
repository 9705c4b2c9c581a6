"""Composed messages, read back by the standard library."""

import html
import quopri
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.delivery.compose import Compiled, Headers, UnsafePlace, address, quoted_printable
from campaigns.designs.merge import Field, MissingValue, Node, Text, fill

HEADERS = Headers(
    sender_name="St. Mary's Clinic",
    sender_address="news@clinic.example",
    recipient="ann@example.org",
    subject="Your clinic in March",
    at=datetime(2026, 3, 1, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1))),
    token="m1.abcDEF-_09",
    domain="clinic.example",
    list_unsubscribe="https://mail.clinic.example/u/abc?x=1",
    list_id="news.clinic.example",
    feedback_id="c1:org:marketing:clinic",
)
URLS = {"unsubscribe_url": "https://mail.clinic.example/u/abc?a=1&b=2"}


def parsed(message: bytes) -> EmailMessage:
    return message_from_bytes(message, policy=policy.default)


def content(message: bytes, kind: str) -> str:
    body = parsed(message).get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def check_wire(message: bytes) -> None:
    """What every message must be on the wire, whatever was put in."""
    assert message.isascii()
    assert message.count(b"\n") == message.count(b"\r") == message.count(b"\r\n")
    assert message.endswith(b"--\r\n")
    body = message.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not any(line.endswith((b" ", b"\t")) for line in body.split(b"\r\n"))


def build(html_nodes: list[Node], text_nodes: list[Node] | None = None, **more: list[str]) -> Compiled:
    return Compiled.build(
        html_nodes=html_nodes, text_nodes=[Text("text")] if text_nodes is None else text_nodes, **more
    )


NAMES = ("first_name", "city", "ward")
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=200).map(str.strip)
NODES = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=180).map(Text),
        st.sampled_from(NAMES).map(lambda name: Field(name, "friend of=ours")),
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(NODES, st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_the_text_part_is_exactly_what_was_written(nodes: list[Node], values: dict[str, str]) -> None:
    # A tag behind a web address is escaped for a URL; that is the subject of another test.
    nodes = [Text(node.text.replace("//", "/")) if isinstance(node, Text) else node for node in nodes]
    message = build([Text("<p>html</p>")], nodes).render(HEADERS, values)
    check_wire(message)
    assert content(message, "plain") == fill(nodes, values)
    assert content(message, "html") == "<p>html</p>"


@settings(max_examples=50, deadline=None)
@given(NODES, st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_the_html_part_is_what_was_written_with_values_escaped(
    nodes: list[Node], values: dict[str, str]
) -> None:
    nodes = [Text(html.escape(node.text)) if isinstance(node, Text) else node for node in nodes]
    message = build(nodes).render(HEADERS, values)
    check_wire(message)
    escaped = {name: html.escape(value) for name, value in values.items()}
    assert content(message, "html") == fill(nodes, escaped)


def sender_name(message: bytes) -> str:
    """The name in From. Python's newer parser puts a space between neighbouring encoded words of a name, against RFC 2047 §6.2;
    `decode_header` doesn't.
    """
    raw = str(message_from_bytes(message)["From"])
    if "=?" in raw:
        return str(make_header(decode_header(raw))).rpartition("<")[0].strip()
    return str(parsed(message)["from"].addresses[0].display_name)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=120), st.text(max_size=120))
@example("", "\u0800" + "\U00010000" * 10)
def test_headers_say_what_was_given_or_refuse_it(subject: str, name: str) -> None:
    headers = replace(HEADERS, subject=subject, sender_name=name)
    try:
        message = build([Text("x")]).render(headers, {})
    except ValueError:
        controls = [*map(chr, range(32)), *map(chr, range(127, 160)), *map(chr, range(0xD800, 0xE000))]
        assert set(subject + name) & set(controls)
        return
    check_wire(message)
    head = message.partition(b"\r\n\r\n")[0]
    assert head.count(b"\r\nSubject:") == 1
    read = parsed(message)
    assert read["subject"] == subject.strip()
    assert [each.addr_spec for each in read["from"].addresses] == ["news@clinic.example"]
    assert sender_name(message) == name.strip()
    assert read.get_body(("html",)) is not None


def test_every_header_is_in_its_place() -> None:
    headers = replace(
        HEADERS, sender_name="Klinik „Süd“", subject="Ihr März", reply_to="front@bücher.example"
    )
    message = build([Text("x")]).render(headers, {})
    read = parsed(message)
    assert read["from"].addresses[0].display_name == "Klinik „Süd“"
    assert read["subject"] == "Ihr März"
    assert read["date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert read["message-id"] == "<m1.abcDEF-_09@clinic.example>"
    assert read["list-unsubscribe"].strip() == "<https://mail.clinic.example/u/abc?x=1>"
    assert read["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert read["list-id"] == "<news.clinic.example>"
    assert read["feedback-id"] == "c1:org:marketing:clinic"
    assert read["reply-to"] == "front@xn--bcher-kva.example"
    assert read["mime-version"] == "1.0"
    assert "auto-submitted" not in read
    assert read.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]


def test_a_notice_has_no_list_headers_and_says_that_it_is_automatic() -> None:
    headers = replace(HEADERS, list_unsubscribe=None, list_id=None, feedback_id=None, automatic=True)
    read = parsed(build([Text("x")]).render(headers, {}))
    assert read["auto-submitted"] == "auto-generated"
    assert not [name for name in read if name.lower().startswith(("list-", "feedback"))]


EVIL = ["\r\nBcc: eve@evil.example", "\nX: y", "\rX: y", "\0", "a\x85b"]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    "field",
    [
        "sender_name",
        "sender_address",
        "recipient",
        "subject",
        "token",
        "domain",
        "list_unsubscribe",
        "list_id",
        "feedback_id",
        "reply_to",
    ],
)
def test_nothing_breaks_out_of_a_header(field: str, evil: str) -> None:
    value = getattr(HEADERS, field) or "front@clinic.example"
    for hostile in (value + evil, evil + value, value[:3] + evil + value[3:]):
        change: dict[str, Any] = {field: hostile}
        with pytest.raises(ValueError):
            build([Text("x")]).render(replace(HEADERS, **change), {})


@pytest.mark.parametrize(
    "url",
    [
        "http://plain.example/u",
        "https://a.example/ü",
        "https://a.example/>,<mailto:x@y",
        "javascript:alert(1)",
        "https://a.example/" + "x" * 900,
    ],
)
def test_an_unsubscribe_address_is_plain_https(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        build([Text("x")]).render(replace(HEADERS, list_unsubscribe=url), {})


@pytest.mark.parametrize(
    ("given_address", "wire"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann.O'Hara+x@Example.ORG", "Ann.O'Hara+x@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_an_address_goes_out_as_ascii(given_address: str, wire: str) -> None:
    assert address(given_address) == wire


@pytest.mark.parametrize(
    "text",
    ["", "ann", "@example.org", "ann@", "a b@example.org", "a..b@example.org", "ann@exa mple.org", "ann@-",
    "a@b@c", "<ann@example.org>",
     "ann@example.org,eve@evil.example", '"a b"@example.org', "x" * 65 + "@example.org", "zoë@example.org",
     "ann@example..org"],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        address(text)
    assert not text or text not in str(caught.value)
    if text.startswith("zoë"):
        assert "beyond ASCII" in str(caught.value)


def test_values_are_escaped_for_the_place_where_they_stand() -> None:
    name, link = Field("first_name", "x"), Field("unsubscribe_url")
    compiled = build(
        [
            Text("<p title='"), name, Text("'>"), name, Text('</p><a href="https://a.example/?n='), name,
            Text('&amp;m='), name, Text('">1</a><a href="'), link, Text('">2</a><a href="'), name,
            Text('">3</a>'),
        ],
        [name, Text(" https://a.example/?n="), name, Text(" "), link],
    )  # fmt: skip
    message = compiled.render(HEADERS, {"first_name": '"O\'Hara" <&é/>', **URLS})
    check_wire(message)
    quoted = "%22O%27Hara%22%20%3C%26%C3%A9%2F%3E"
    marked = "&quot;O&#x27;Hara&quot; &lt;&amp;é/&gt;"
    assert content(message, "html") == (
        f"<p title='{marked}'>{marked}</p>"
        f'<a href="https://a.example/?n={quoted}&amp;m={quoted}">1</a>'
        f'<a href="https://mail.clinic.example/u/abc?a=1&amp;b=2">2</a><a href="{quoted}">3</a>'
    )
    assert content(message, "plain") == (
        f'"O\'Hara" <&é/> https://a.example/?n={quoted} {URLS["unsubscribe_url"]}'
    )


@pytest.mark.parametrize(
    "before",
    [
        "<style>p { color: ",
        "<script>var x = '",
        "<p ",
        "<p title=",
        '<p style="color:',
        '<a onclick="f(',
        "<!-- ",
        "<",
        '<STYLE type="a>b">',
        "<p title='a'class=",
    ],
)
def test_a_tag_where_nothing_makes_it_safe_is_refused(before: str) -> None:
    with pytest.raises(UnsafePlace, match="first_name"):
        build([Text(before), Field("first_name", "x"), Text("'\">--></style></script>")])


@pytest.mark.parametrize(
    "before",
    [
        "<style>p > a { color: red }</style><p>",
        "<!-- a > b --><p>",
        "<!--[if mso | IE]><table><tr><td><![endif]-->",
        "<!--[if mso]><p>",
        "<!--[if !mso]><!--><p>",
        "<p title='a > b'>",
        "<script>if (a < b) {}</script>",
        "1 &lt; 2 ",
    ],
)
def test_a_tag_between_tags_is_taken(before: str) -> None:
    message = build([Text(before), Field("first_name", "x"), Text("</p>")]).render(
        HEADERS, {"first_name": "<b>"}
    )
    assert content(message, "html") == f"{before}&lt;b&gt;</p>"


def test_a_link_goes_by_its_redirect_or_straight_to_its_target() -> None:
    nodes: list[Node] = [Text('<a href="'), Field("link:0"), Text('">x</a>')]
    compiled = build(nodes, links=["https://clinic.example/flu?a=1"])
    assert 'href="https://clinic.example/flu?a=1"' in content(compiled.render(HEADERS, {}), "html")
    redirected = compiled.render(HEADERS, {"link:0": "https://t.clinic.example/c/abc"})
    assert 'href="https://t.clinic.example/c/abc"' in content(redirected, "html")
    with pytest.raises(MissingValue, match="link:1"):
        build([Field("link:1")], links=["https://clinic.example/"]).render(HEADERS, {})
    with pytest.raises(ValueError, match="https"):
        build(nodes, links=["javascript:alert(1)"])


@pytest.mark.parametrize("url", ["javascript:alert(1)", 'https://x.example/"><script>', "http://x.example/"])
def test_a_link_that_is_no_https_address_is_not_sent(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        build([Field("unsubscribe_url")]).render(HEADERS, {"unsubscribe_url": url})


def test_nobody_gets_a_hole_or_the_value_of_somebody_else() -> None:
    compiled = build([Field("first_name", "friend"), Text(" "), Field("unsubscribe_url")])
    assert compiled.fields == {"first_name", "unsubscribe_url"}
    first = compiled.render(HEADERS, {"first_name": "Ann", **URLS})
    second = compiled.render(HEADERS, {"first_name": "", **URLS})
    assert content(first, "html").startswith("Ann ")
    assert content(second, "html").startswith("friend ")
    with pytest.raises(MissingValue, match="unsubscribe_url"):
        compiled.render(HEADERS, {"first_name": "Ann"})


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from("a =é.\t\n€"), max_size=300))
def test_quoted_printable_leaves_room_for_a_soft_break(text: str) -> None:
    encoded = quoted_printable(text)
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert len(encoded.rpartition(b"\r\n")[2]) <= 75


@pytest.mark.parametrize("before", range(61, 77))
def test_a_last_line_that_just_fits_is_broken_outside_of_an_escape(before: int) -> None:
    text = "a" * before + "=" + "a" * (76 - before - 3)
    encoded = quoted_printable(text)
    assert len(encoded.rpartition(b"\r\n")[2]) <= 75
    assert quopri.decodestring(encoded) == text.encode()


def test_a_naive_date_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        build([Text("x")]).render(
            replace(HEADERS, at=datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)), {}
        )
