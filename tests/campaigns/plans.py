"""Campaigns for tests, made as the pages make them."""

from typing import Any

from accounts.organization.models import Brand
from campaigns import actions
from campaigns.delivery.actions import add_sending_domain
from campaigns.designs.blocks import Block, Button, Heading, Text
from campaigns.models import Campaign
from contacts.consent.models import Topic
from contacts.segments.actions import save_segment
from contacts.segments.models import Segment
from tests import cast

EVERYBODY: dict[str, Any] = {"match": "all", "rules": [], "not": False}
BOSTON: dict[str, Any] = {
    "match": "all",
    "rules": [{"field": "city", "op": "is", "value": "Boston"}],
    "not": False,
}
DIABETES: dict[str, Any] = {
    "match": "all",
    "rules": [{"field": "conditions", "op": "any_of", "value": ["E11*"]}],
    "not": False,
}
BLOCKS: list[Block] = [
    Heading("News"),
    Text("Hello {{ first_name|there }}"),
    Button("Book", "https://www.northfield.example/visit"),
]


def brand() -> Brand:
    """The clinic's brand, able to sign."""
    found = cast.clinic()
    add_sending_domain(actor=cast.actor(cast.ada()), domain=found.domain)
    return found


def segment(tree: dict[str, Any] = EVERYBODY, name: str = "Everybody") -> Segment:
    """A saved segment."""
    return save_segment(actor=cast.actor(cast.dana()), segment=None, name=name, tree=tree)


def campaign(tree: dict[str, Any] = EVERYBODY, blocks: list[Block] = BLOCKS) -> Campaign:
    """A campaign of Dana's that lacks nothing."""
    dana, sender = cast.actor(cast.dana()), brand()
    made = actions.create_campaign(actor=dana, name="June news")
    assert made.pool is not None
    made = actions.edit_setup(
        actor=dana,
        campaign=made,
        name="June news",
        brand=sender,
        topic=Topic.objects.get(slug="clinic-news"),
        purpose="promotional",
        tracking="totals",
        pool=made.pool,
    )
    made = actions.choose_audience(actor=dana, campaign=made, segment=segment(tree))
    return actions.edit_content(
        actor=dana, campaign=made, subject="News from us", preheader="New hours", blocks=blocks
    )
