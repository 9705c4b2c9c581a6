"""Designs: made from a starter, edited, frozen once per content, previewed as somebody invented."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.access import Denied
from campaigns.delivery.drain import compiled
from campaigns.designs import actions, queries
from campaigns.designs.blocks import Block, Button, Heading, Text
from campaigns.designs.models import Design, DesignVersion
from contacts.consent.models import Topic
from safeguards.models import AuditEvent
from tests import cast
from tests.campaigns.designs.reading import read_html

BLOCKS: list[Block] = [
    Heading("News"),
    Text("Hello {{ first_name|there }} of {{ city|our town }}"),
    Button("Book", "https://www.northfield.example/visit"),
]


def written(blocks: list[Block] = BLOCKS, subject: str = "News from us") -> Design:
    dana = cast.actor(cast.dana())
    design = actions.create_from_starter(actor=dana, name="June")
    return actions.edit_design(actor=dana, design=design, subject=subject, preheader="", blocks=blocks)


def frozen(design: Design, slug: str = "clinic-news") -> DesignVersion:
    return actions.freeze(
        actor=cast.actor(cast.dana()),
        design=design,
        brand=cast.clinic(),
        topic=Topic.objects.get(slug=slug),
    )


@pytest.mark.django_db
def test_freezing_the_same_content_again_gives_the_same_version() -> None:
    cast.clinic()
    design = written()
    first, again = frozen(design), frozen(design)
    assert (first.pk, first.number) == (again.pk, 1)
    assert AuditEvent.objects.filter(action="design.frozen").count() == 1
    assert first.links == ["https://www.northfield.example/visit"]
    assert first.fields == ["city", "first_name"]


@pytest.mark.django_db
def test_other_words_or_another_topic_make_another_version() -> None:
    cast.clinic()
    design = written()
    first = frozen(design)
    assert frozen(design, "new-services").number == 2
    actions.edit_design(
        actor=cast.actor(cast.dana()), design=design, subject="Other news", preheader="", blocks=BLOCKS
    )
    third = frozen(design)
    assert third.number == 3
    assert len({first.digest, third.digest}) == 2
    first.refresh_from_db()
    assert first.subject == "News from us"


@pytest.mark.django_db
def test_a_design_with_something_to_mend_is_not_frozen() -> None:
    cast.clinic()
    design = written([Text("Hello {{ first_name }}")])
    with pytest.raises(actions.NotReady) as refused:
        frozen(design)
    assert refused.value.findings[0].anchor == "block-0-text"
    assert not DesignVersion.objects.exists()


@pytest.mark.django_db
def test_a_version_can_be_composed_for_delivery() -> None:
    cast.clinic()
    version = frozen(written())
    for tracking in ("none", "totals", "person"):
        fields = compiled(version.pk, tracking).fields
        assert {"first_name", "city", "unsubscribe_url", "preferences_url", "link:0"} <= fields
        assert ("open_url" in fields) is (tracking != "none")


def test_only_those_who_plan_campaigns_write_and_freeze(own_database: str) -> None:
    cast.clinic()
    design = written()
    for user in (cast.marcus(), cast.ann(), cast.olive()):
        actor = cast.actor(user)
        with pytest.raises(Denied):
            actions.create_from_starter(actor=actor, name="x")
        with pytest.raises(Denied):
            actions.edit_design(actor=actor, design=design, subject="x", preheader="", blocks=[])
        with pytest.raises(Denied):
            actions.freeze(
                actor=actor, design=design, brand=cast.clinic(), topic=Topic.objects.get(slug="clinic-news")
            )
    assert AuditEvent.objects.filter(action="access.denied").count() == 9
    assert AuditEvent.objects.filter(action="design.edited").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sample", "greeting"),
    [("maria", "Hello Maria of Boston"), ("empty", "Hello there of our town")],
)
def test_a_preview_is_the_mail_of_somebody_invented(sample: str, greeting: str) -> None:
    cast.clinic()
    design, dana = written(), cast.actor(cast.dana())
    shown = queries.preview(actor=dana, design=design, brand=None, topic=None, sample=sample)
    assert greeting in read_html(shown.html).shown
    assert greeting in shown.text
    assert read_html(shown.html).addresses == {"#"}
    again = queries.preview_version(actor=dana, version=frozen(design), sample=sample)
    assert greeting in again.text
    assert "12 Harbor Street" in again.text


@pytest.mark.django_db
def test_a_fallback_is_escaped_once() -> None:
    cast.clinic()
    design = written([Text("Hello {{ payer|<b>O'Neil & Sons</b> }}")])
    shown = queries.preview(
        actor=cast.actor(cast.dana()), design=design, brand=None, topic=None, sample="empty"
    )
    assert "Hello <b>O'Neil & Sons</b>" in read_html(shown.html).shown
    assert "b" not in read_html(shown.html).elements


@pytest.mark.django_db
@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(["{{", "}}", "{{ first_name", "|x }}", "<b>", "**", "\n", "word", "{{ nobody|x }}"])
    )
)
def test_unfinished_work_can_be_previewed(pieces: list[str]) -> None:
    design = Design(
        subject="News", document={"lang": "en", "blocks": [{"kind": "text", "text": " ".join(pieces)}]}
    )
    shown = queries.preview(actor=cast.actor(cast.dana()), design=design, brand=None, topic=None)
    assert "b" not in read_html(shown.html).elements
