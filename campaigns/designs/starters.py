"""Starters: designs that we wrote, which a new campaign begins with a copy of."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.designs.blocks import Block, Button, Divider, Heading, Text


@dataclass(frozen=True, slots=True)
class Starter:
    """A design to begin with. The words inside it are the mail's, in `lang`; `name` is the page's."""

    slug: str
    name: Promise
    lang: str
    subject: str
    preheader: str
    blocks: tuple[Block, ...]


CLINIC_NEWS = Starter(
    slug="clinic-news",
    name=_("Clinic news"),
    lang="en",
    subject="News from our clinic this month",
    preheader="New hours, an easier way to book, and who to ask.",
    blocks=(
        Heading("News from our clinic"),
        Text(
            "Hello {{ first_name|there }},\n\n"
            "We now open **from 7:30 a.m. to 7 p.m., Monday to Friday**, and on Saturday mornings. "
            "You can book, move or cancel a visit online at any time."
        ),
        Button("See our hours and book", "https://www.example.org/visit"),
        Divider(),
        Heading("Help to get here"),
        Text(
            "Parking behind the building is free for the length of your visit. "
            "If you need a ride or an interpreter, tell us when you book; neither costs you anything.\n\n"
            "This mailbox is for news only. For questions about your care, please call us."
        ),
    ),
)

STARTERS: dict[str, Starter] = {starter.slug: starter for starter in (CLINIC_NEWS,)}
