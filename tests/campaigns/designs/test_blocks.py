"""Blocks: an author's words are never markup, whatever they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.designs import merge
from campaigns.designs.blocks import (
    KINDS,
    Block,
    Button,
    Divider,
    Heading,
    Links,
    MalformedDocument,
    Picture,
    Text,
    clean,
    read,
    written,
)
from campaigns.designs.lint import MERGEABLE, lint, stops
from campaigns.designs.mjml import (
    Sender,
    Unsafe,
    compile_message,
    look_over,
    placeholders,
    with_pictures,
    without_open_pixel,
)
from tests.campaigns.designs.reading import Read, read_html

SENDER = Sender("Northfield Health", "12 Harbor Street, Boston, MA 02110", "Clinic news")

# What an attacker, or a careless paste, would write; mixed by Hypothesis with anything else.
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</mj-text><mj-raw><script>",
    "<!-- -->",
    "]]>",
    "&lt;b&gt; &amp; &#0;",
    "' onclick='x",
    "<![if !mso]>",
    "**",
    "{{ first_name|there }}",
    "{{ first_name|<b>x</b> }}",
    "{{ first_name|** }}",
    "{{ unsubscribe_url }}",
    "}}",
    "{{",
    "\n\n",
    "\r\nBcc: x@y.example",
    "\x00\x0b\ud800",
    "style=background:url(https://evil.example)",
    "@import 'https://evil.example/x.css'",
]
words = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=30), max_size=8).map(" ".join)
blocks = st.lists(
    st.one_of(
        st.builds(Heading, words),
        st.builds(Text, words),
        st.builds(Button, words, words.map(lambda text: f"https://clinic.test/{text}")),
        st.just(Divider()),
    ),
    max_size=6,
)


def compiled(document: list[Block], subject: str = "News", preheader: str = "") -> Read:
    message = compile_message(subject=subject, preheader=preheader, blocks=document, lang="en", sender=SENDER)
    return read_html(message.html)


@settings(max_examples=50, deadline=None)
@given(blocks, words, words)
def test_no_words_break_out_of_the_markup(document: list[Block], subject: str, preheader: str) -> None:
    reference = compiled([type(block)() for block in document])
    found = compiled(document, subject, preheader)
    assert found.elements <= reference.elements | {"br", "strong"} | compiled([Text("x")]).elements
    assert not [name for name in found.attributes if name.startswith("on")]
    assert found.addresses <= {"{{ preferences_url }}", "{{ unsubscribe_url }}", "{{ open_url }}"} | {
        f"{{{{ link:{number} }}}}" for number in range(10)
    }
    assert found.style_sheets == reference.style_sheets


@settings(max_examples=50, deadline=None)
@given(words)
def test_words_are_shown_as_they_were_typed(text: str) -> None:
    shown = compiled([Heading(text)]).shown
    assert " ".join(clean(text).split()) in " ".join(shown.split())


@settings(max_examples=50, deadline=None)
@given(blocks)
def test_what_passes_the_lint_can_be_read_again_after_compiling(document: list[Block]) -> None:
    if stops(lint(subject="News", preheader="", blocks=document)):
        return
    message = compile_message(subject="News", preheader="", blocks=document, lang="en", sender=SENDER)
    for part, html in ((message.html, True), (message.text, False)):
        places = placeholders(part)
        nodes = merge.parse(part, fields=MERGEABLE | places, required=places, html=html)
        assert {"preferences_url", "unsubscribe_url"} <= merge.names(nodes)


@settings(max_examples=50, deadline=None)
@given(blocks)
def test_a_document_is_read_as_it_was_written(document: list[Block]) -> None:
    once = written(document)
    assert written(read(once)) == once


def test_bold_works_around_merge_tags_and_not_inside_them() -> None:
    links = Links()
    bold = Text("Hi **{{ first_name|there }}**!").to_mjml(links)
    assert "<strong>{{ first_name|there }}</strong>" in bold
    assert "<strong>" not in Text("{{ first_name|** }} and **").to_mjml(links)
    assert Text("Hi **{{ first_name|a**b }}** **").to_text(links) == "Hi {{ first_name|a**b }} **"


def test_one_address_is_one_link_in_both_parts() -> None:
    document = [
        Button("A", "https://a.test/"),
        Button("B", "https://b.test/"),
        Button("C", "https://a.test/"),
    ]
    message = compile_message(subject="News", preheader="", blocks=document, lang="en", sender=SENDER)
    assert message.links == ("https://a.test/", "https://b.test/")
    assert "A: {{ link:0 }}\n\nB: {{ link:1 }}\n\nC: {{ link:0 }}" in message.text
    assert message.html.count("{{ link:0 }}") == 2


def test_the_footer_stands_in_both_parts_in_the_language_of_the_mail() -> None:
    message = compile_message(subject="News", preheader="", blocks=[Text("x")], lang="en", sender=SENDER)
    for part in (message.html, message.text):
        for words_of_footer in (
            SENDER.postal_address,
            "{{ preferences_url }}",
            "{{ unsubscribe_url }}",
            "“Clinic news”",
        ):
            assert words_of_footer in part
    assert '<html lang="en" dir="ltr"' in message.html


def test_a_brand_can_put_no_merge_tag_into_the_footer() -> None:
    message = compile_message(
        subject="News",
        preheader="",
        blocks=[Text("x")],
        lang="en",
        sender=Sender("{{ open_url }}", "<b>{{", "}}"),
    )
    assert message.html.count("{{ open_url }}") == 1
    assert "{{ open_url }}" not in message.text


def test_the_open_pixel_can_be_taken_out() -> None:
    message = compile_message(subject="News", preheader="", blocks=[Text("x")], lang="en", sender=SENDER)
    assert "img" in read_html(message.html).elements
    assert "open_url" not in without_open_pixel(message.html)
    assert "img" not in read_html(without_open_pixel(message.html)).elements
    assert "open_url" not in message.text


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        "<p onclick=x>",
        "<form>",
        '<a href="https://evil.example">x</a>',
        '<img src="//fonts.example/x.png">',
        '<p style="background:url(https://evil.example)">',
        "<style>@import 'x'</style>",
        '<!--[if mso]><img src="https://evil.example"><![endif]-->',
        '<meta http-equiv="refresh" content="0">',
        '<link rel="stylesheet" href="x">',
        '<a href="{{ first_name|x }}">x</a>',
    ],
)
def test_compiled_html_that_no_block_makes_is_refused(html: str) -> None:
    with pytest.raises(Unsafe):
        look_over(f"<html><body>{html}</body></html>")


@pytest.mark.parametrize(
    "document",
    [
        {"lang": "en", "blocks": "x"},
        {"lang": "en", "blocks": [{"kind": "script"}]},
        {"lang": "en", "blocks": [{"kind": "text", "text": 5}]},
        {"lang": "en", "blocks": [{"kind": "text", "html": "x"}]},
        {"lang": "en", "blocks": [{"kind": "text", "text": "x" * 5001}]},
        {"lang": "en", "blocks": [{"kind": "divider"}] * 41},
        {"lang": '"><script>', "blocks": []},
        {},
    ],
)
def test_a_document_that_no_page_writes_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(MalformedDocument):
        read(document)


NAME = "0123456789abcdef" * 2 + ".png"


def test_a_picture_is_a_placeholder_until_it_is_an_address_of_ours() -> None:
    picture = Picture(name=NAME, width="300", alt='A "door" {{ first_name|x }}', url="https://a.test/")
    message = compile_message(subject="News", preheader="", blocks=[picture], lang="en", sender=SENDER)
    assert f'src="{{{{ image:{NAME} }}}}"' in message.html
    shown = with_pictures(message.html, public_url="https://mail.test")
    assert f'src="https://mail.test/i/{NAME}"' in shown
    assert 'width="300"' in shown
    assert "image:" not in shown
    # Not even a merge tag is one in an alt text.
    assert "{{ first_name" not in message.html
    assert message.text.startswith('A "door" { { first_name|x } }: {{ link:0 }}')


def test_decoration_says_nothing_and_what_is_no_picture_shows_nothing() -> None:
    for block, alt in (
        (Picture(name=NAME, alt="x", decorative="yes"), 'alt=""'),
        (Picture(name=NAME), 'alt=""'),
    ):
        message = compile_message(subject="News", preheader="", blocks=[block], lang="en", sender=SENDER)
        assert message.html.count(alt) >= 2
        assert message.text.startswith("----")
    links = Links()
    for name in ("", "https://evil.example/x.png", "../x.png", NAME.upper()):
        assert Picture(name=name).to_mjml(links) == ""


@pytest.mark.parametrize(
    "source", ["{{ image:x.png }}", "{{ image:" + NAME + " }} ", "/i/" + NAME, "https://a.test/i/" + NAME]
)
def test_an_image_from_anywhere_else_is_refused(source: str) -> None:
    look_over(f'<html><body><img src="{{{{ image:{NAME} }}}}"></body></html>')
    with pytest.raises(Unsafe):
        look_over(f'<html><body><img src="{source}"></body></html>')
    with pytest.raises(Unsafe):
        look_over(f'<html><body><a href="{{{{ image:{NAME} }}}}">x</a></body></html>')


def test_every_kind_of_block_can_be_made_empty() -> None:
    """The page adds blocks without asking for their fields first."""
    assert {kind().kind for kind in KINDS.values()} == set(KINDS)
