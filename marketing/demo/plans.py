"""What the demo's clinic says, and to whom: segments, and campaigns that lie behind, are under way, or are being planned."""

from dataclasses import dataclass
from typing import Any

from campaigns.delivery.models import Mailing
from campaigns.designs.blocks import Block, Button, Divider, Heading, Text

ALL: dict[str, Any] = {"match": "all", "rules": []}
TODAYS_SEGMENT = "Heart and metabolism: adults in care"
SEGMENTS: dict[str, dict[str, Any]] = {
    "Everybody": ALL,
    # High blood pressure, diabetes, high cholesterol, metabolic syndrome or asthma, and seen in the last two years.
    TODAYS_SEGMENT: {
        "match": "all",
        "rules": [
            {"field": "conditions", "op": "any_of", "value": ["I10", "E11*", "E78*", "E88*", "J45*", "I25*"]},
            {"field": "last_visit", "op": "last_days", "value": 730},
        ],
    },
    "Spanish speakers": {"match": "all", "rules": [{"field": "language", "op": "any_of", "value": ["es"]}]},
    "Diabetes in care": {
        "match": "all",
        "rules": [
            {"field": "conditions", "op": "any_of", "value": ["E11*"]},
            {"field": "last_visit", "op": "last_days", "value": 730},
        ],
    },
    "Asthma and allergies": {
        "match": "any",
        "rules": [{"field": "conditions", "op": "any_of", "value": ["J45*", "J30*"]}],
    },
    "Not seen for a year": {
        "match": "all",
        "rules": [{"field": "last_visit", "op": "last_days", "value": 365}],
        "not": True,
    },
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One campaign. Days and hours are those of its launch, before today; `back` is what the approver said the first time."""

    name: str
    segment: str
    topic: str
    subject: str
    preheader: str
    blocks: tuple[Block, ...]
    days_ago: int = 0
    hour: int = 10
    tracking: str = Mailing.Tracking.TOTALS
    comment: str = "Good to go."
    back: str = ""
    stopped: bool = False
    picture: bool = False
    interest: int = 3  # of ten who get it, how many open it


def _visit(label: str = "Book a visit") -> Button:
    return Button(label, "https://northfield.example/visit")


# What the clinic's own templates say below their picture.
NEWS_BLOCKS: tuple[Block, ...] = (
    Heading("News from Northfield"),
    Text("Hello {{ first_name|there }},\n\nThis is what is new at Northfield this month."),
    _visit("See our hours and book"),
)
WALK_BLOCKS: tuple[Block, ...] = (
    Heading("Walk with us"),
    Text(
        "Every Sunday at ten a nurse and a volunteer lead an easy walk from the main entrance. "
        "Come as you are, and bring somebody along."
    ),
    Button("Where we meet", "https://northfield.example/walks"),
)

PAST: tuple[Plan, ...] = (
    Plan(
        name="Two new doctors",
        segment="Everybody",
        topic="clinic-news",
        subject="Two new doctors join us",
        preheader="You can book with them from Monday.",
        blocks=(
            Heading("Welcome, Dr. Abara and Dr. Lindholm"),
            Text(
                "Hello {{ first_name|there }},\n\nDr. Abara and Dr. Lindholm join our family practice this month. Both take new "
                "patients, and both speak Spanish."
            ),
            _visit("Meet them, and book"),
        ),
        days_ago=46,
        hour=10,
        interest=4,
    ),
    Plan(
        name="Saturday clinics",
        segment="Not seen for a year",
        topic="clinic-news",
        subject="We are now open on Saturday mornings",
        preheader="No appointment needed between eight and noon.",
        blocks=(
            Heading("Saturday mornings, eight to noon"),
            Text(
                "Hello {{ first_name|there }},\n\nMany of you asked for hours outside the working week. From this month our main "
                "building is open on **Saturday mornings**, for check-ups, vaccinations and blood tests."
            ),
            _visit(),
        ),
        days_ago=39,
        hour=9,
        interest=4,
    ),
    Plan(
        name="Northfield news, October",
        segment="Spanish speakers",
        topic="clinic-news",
        subject="Interpreters at every desk",
        preheader="Ask for one when you book; it costs nothing.",
        blocks=(
            Heading("Interpreters at every desk"),
            Text(
                "Hello {{ first_name|there }},\n\nFrom this month an interpreter is in the house every day from nine to five, "
                "and by telephone at all other times. Tell us when you book, or at the desk. It costs nothing."
            ),
            Button("How to ask for one", "https://northfield.example/languages"),
        ),
        days_ago=31,
        hour=14,
        tracking=Mailing.Tracking.PERSON,
        interest=5,
    ),
    Plan(
        name="Cooking evenings",
        segment="Diabetes in care",
        topic="wellness-programmes",
        subject="Four evenings in our kitchen",
        preheader="Cook, eat and talk with our dietitians.",
        blocks=(
            Heading("Cook with us"),
            Text(
                "Hello {{ first_name|there }},\n\nOn four Thursday evenings our dietitians cook with you: simple, good and "
                "cheap. Bring somebody along. There are twenty places each evening."
            ),
            Button("Keep a place for me", "https://northfield.example/kitchen"),
        ),
        days_ago=24,
        hour=11,
        back="The subject of the first draft named the condition. Please keep it neutral.",
        comment="Better. Thank you.",
        interest=5,
    ),
    Plan(
        name="Quieter waiting room",
        segment="Everybody",
        topic="clinic-news",
        subject="Wait where you like",
        preheader="We send you a text when it is your turn.",
        blocks=(
            Heading("Wait where you like"),
            Text(
                "Hello {{ first_name|there }},\n\nGive your mobile number at the desk, and have a coffee or a walk: "
                "we text you ten minutes before it is your turn."
            ),
            _visit("How it works"),
        ),
        days_ago=20,
        hour=9,
        interest=3,
    ),
    Plan(
        name="Pollen season survey",
        segment="Asthma and allergies",
        topic="new-services",
        subject="Three questions about our clinic",
        preheader="It takes two minutes.",
        blocks=(
            Heading("Tell us how we did"),
            Text(
                "Hello {{ first_name|there }},\n\nThree short questions help us to plan next year. "
                "Nobody reads your name with them."
            ),
            Button("Answer three questions", "https://northfield.example/survey"),
        ),
        days_ago=17,
        hour=15,
        stopped=True,
        comment="Fine for a try.",
    ),
    Plan(
        name="Forms in Spanish",
        segment="Spanish speakers",
        topic="clinic-news",
        subject="All our forms, in Spanish too",
        preheader="Fill them in at home, in the language you think in.",
        blocks=(
            Heading("All our forms, in Spanish too"),
            Text(
                "Hello {{ first_name|there }},\n\nEvery form that we ask you to fill in can now be had in Spanish, on paper and "
                "online. Nobody needs to translate for you any more."
            ),
            _visit("See the forms"),
        ),
        days_ago=13,
        hour=16,
        interest=5,
    ),
    Plan(
        name="Northfield news, November",
        segment="Everybody",
        topic="clinic-news",
        subject="Your questions, answered by telephone",
        preheader="A nurse answers every weekday from eight to six.",
        blocks=(
            Heading("A nurse answers"),
            Text(
                "Hello {{ first_name|there }},\n\nCall us with questions about visits, forms and prescriptions: a nurse answers "
                "**every weekday from eight to six**."
            ),
            _visit("See our numbers"),
            Divider(),
            Heading("Parking"),
            Text("The lot behind the main building is open again, and free while you are with us."),
        ),
        picture=True,
        days_ago=8,
        hour=10,
        interest=4,
    ),
    Plan(
        name="Breathing course",
        segment="Asthma and allergies",
        topic="wellness-programmes",
        subject="Six mornings of breathing and walking",
        preheader="With our physiotherapists, outdoors if the weather holds.",
        blocks=(
            Heading("Breathe and walk"),
            Text(
                "Hello {{ first_name|there }},\n\nSix Tuesday mornings with our physiotherapists, in the park and in the gym. "
                "Come as you are."
            ),
            Button("Join the course", "https://northfield.example/breathe"),
        ),
        days_ago=3,
        hour=13,
        interest=4,
    ),
)

TODAY = Plan(
    name="Autumn check-ups",
    segment=TODAYS_SEGMENT,
    topic="clinic-news",
    subject="Autumn at Northfield: new hours and easier booking",
    preheader="Open till seven on weekdays, and on Saturday mornings.",
    blocks=(
        Heading("New hours this autumn"),
        Text(
            "Hello {{ first_name|there }},\n\n"
            "From this month we are open **from 7:30 a.m. to 7 p.m., Monday to Friday**, and on Saturday mornings. "
            "You can book, move or cancel a visit online at any time."
        ),
        Button("See our hours and book", "https://northfield.example/visit"),
        Divider(),
        Heading("Walk with us"),
        Text(
            "Every Sunday at ten a nurse and a volunteer lead an easy walk from the main entrance. "
            "Come as you are, and bring somebody along."
        ),
        Button("Where we meet", "https://northfield.example/walks"),
    ),
    picture=True,
)

WAITING = Plan(
    name="Evening classes, spring",
    segment="Diabetes in care",
    topic="wellness-programmes",
    subject="New evenings in our kitchen this spring",
    preheader="Places for regulars, and for new faces.",
    blocks=(
        Heading("We cook again"),
        Text(
            "Hello {{ first_name|there }},\n\nThe evenings of the autumn were full, so there are six of them this spring. "
            "Whoever came before may come again, and bring somebody new."
        ),
        Button("Keep a place for me", "https://northfield.example/kitchen"),
    ),
)

SLOW = Plan(
    name="Winter hours",
    segment="Everybody",
    topic="clinic-news",
    subject="Our hours over the holidays",
    preheader="When we are open, and whom to call when we are not.",
    blocks=(
        Heading("Over the holidays"),
        Text(
            "Hello {{ first_name|there }},\n\nWe are open every weekday but the 25th and the 1st. At all other times our "
            "telephone nurse answers under our usual number."
        ),
        _visit("See all hours"),
    ),
    comment="Everybody may know our hours.",
)

TOMORROW = Plan(
    name="Flu shots without an appointment",
    segment="Everybody",
    topic="clinic-news",
    subject="Flu shots on three Saturdays",
    preheader="No appointment needed between eight and noon.",
    blocks=(
        Heading("Flu shots on Saturdays"),
        Text(
            "Hello {{ first_name|there }},\n\nOn the next three Saturdays you can come for your flu shot without an "
            "appointment, between eight and noon, at the main entrance."
        ),
        _visit("See our hours"),
    ),
    comment="Good. Ten in the morning suits the desk.",
)
