"""The merge language: what it reads, what it refuses, and that MJML leaves it whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mjml import mjml2html

from campaigns.designs.merge import (
    LONGEST_FALLBACK,
    Field,
    MergeError,
    MissingValue,
    Text,
    fill,
    names,
    parse,
)

FIELDS = {"first_name", "city", "unsubscribe_url", "link:0", "link:1"}
REQUIRED = {"unsubscribe_url", "link:0", "link:1"}


def read(source: str, *, html: bool = False) -> tuple[Text | Field, ...]:
    return parse(source, fields=FIELDS, required=REQUIRED, html=html)


def test_text_and_fields_alternate() -> None:
    assert read("Hello {{ first_name|there }},\n{{city|your town}}{{ unsubscribe_url }}") == (
        Text("Hello "),
        Field("first_name", "there"),
        Text(",\n"),
        Field("city", "your town"),
        Field("unsubscribe_url"),
    )
    assert read("") == ()
    assert read("no tags, {one} brace }}") == (Text("no tags, {one} brace }}"),)


@pytest.mark.parametrize(
    ("source", "line", "column", "problem"),
    [
        ("a\nbc {{ shoe_size|x }}", 2, 4, "no field “shoe_size”"),
        ("{{ first_name }}", 1, 1, "Not everybody has “first_name”"),
        ("{{ first_name| }}", 1, 1, "Not everybody has “first_name”"),
        ("{{ unsubscribe_url| }}", 1, 1, "Not everybody has"),
        ("x {{ first_name|there", 1, 3, "not closed"),
        ("x\n\n{{ first_name {{ city|x }}", 3, 1, "not closed"),
        ("{{ }}", 1, 1, "no readable name"),
        ("{{ first_name.__class__|x }}", 1, 1, "no readable name"),
        ("{{ first_name() | x }}", 1, 1, "no readable name"),
        ("{{ First_Name|x }}", 1, 1, "no readable name"),
        ("{{ first_name|a\nb }}", 1, 1, "on one line"),
        ("{{ first_name|a\u2028b }}", 1, 1, "on one line"),
        ("{{ first_name|" + "x" * (LONGEST_FALLBACK + 1) + " }}", 1, 1, "at most"),
    ],
)
def test_an_error_says_where_and_what_to_do(source: str, line: int, column: int, problem: str) -> None:
    with pytest.raises(MergeError) as caught:
        read(source)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert problem in str(caught.value)


def test_formatting_inside_a_tag_is_refused_in_html() -> None:
    with pytest.raises(MergeError, match="formatting"):
        read("<p>{{ first_<b>name</b>|x }}</p>", html=True)


def test_in_html_names_and_fallbacks_are_unescaped_once() -> None:
    assert read("<p>{{&nbsp;first_name|you &amp;amp; yours&nbsp;}}</p>", html=True) == (
        Text("<p>"),
        Field("first_name", "you &amp; yours"),
        Text("</p>"),
    )


def test_mjml_leaves_tags_whole_in_text_and_attributes() -> None:
    compiled = mjml2html(
        "<mjml><mj-body><mj-section><mj-column>"
        '<mj-text>Hi {{ first_name|you &amp; yours }} <a href="{{ link:1 }}">go</a></mj-text>'
        '<mj-button href="{{ link:0 }}">See {{ city|your town }}</mj-button>'
        '<mj-image src="https://x.example/a.png" alt="{{ first_name|a &quot;friend&quot; }}" />'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    found = {node for node in read(compiled, html=True) if isinstance(node, Field)}
    assert found == {
        Field("first_name", "you & yours"),
        Field("link:1"),
        Field("link:0"),
        Field("city", "your town"),
        Field("first_name", 'a "friend"'),
    }


def test_filling_takes_the_value_then_the_fallback_and_never_leaves_a_hole() -> None:
    nodes = read("Hi {{ first_name|there }} {{ unsubscribe_url }}")
    assert fill(nodes, {"first_name": "Zoë", "unsubscribe_url": "https://u"}) == "Hi Zoë https://u"
    assert fill(nodes, {"first_name": " ", "unsubscribe_url": "https://u"}) == "Hi there https://u"
    for values in ({}, {"unsubscribe_url": ""}):
        with pytest.raises(MissingValue, match="unsubscribe_url"):
            fill(nodes, values)
    assert names(nodes) == {"first_name", "unsubscribe_url"}


def test_a_value_that_looks_like_a_tag_is_text() -> None:
    nodes = read("Hi {{ first_name|there }}")
    assert fill(nodes, {"first_name": "{{ city|x }}"}) == "Hi {{ city|x }}"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["{{", "}}", "{", "}", "|", " ", "first_name", "city", "x", "\n", "<", "&amp;"]))
)
def test_any_text_is_read_or_refused_and_nothing_gets_lost(parts: list[str]) -> None:
    source = "".join(parts)
    try:
        nodes = read(source)
    except MergeError as error:
        assert source.split("\n")[error.line - 1][error.column - 1 :].startswith("{{")
        return
    literal = "".join(node.text for node in nodes if isinstance(node, Text))
    assert "{{" not in literal
    assert len(literal) <= len(source)
    if "{{" not in source:
        assert literal == source
