"""Starters: designs that we wrote, which a template or a campaign begins with a copy of."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.designs.blocks import Block, Button, Divider, Heading, Picture, Text
from campaigns.designs.pictures import CLOCK, DOOR, HILLS


@dataclass(frozen=True, slots=True)
class Starter:
    """A design to begin with. The words inside it are the mail's, in `lang`; `name` and `about` are the page's."""

    slug: str
    name: Promise
    about: Promise
    lang: str
    subject: str
    preheader: str
    blocks: tuple[Block, ...]


CLINIC_NEWS = Starter(
    slug="clinic-news",
    name=_("Clinic news"),
    about=_("What is new this month, in two short parts."),
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

OPENING_HOURS = Starter(
    slug="opening-hours",
    name=_("Visits and opening hours"),
    about=_("When you are open, and how to book, move or cancel a visit."),
    lang="en",
    subject="Our opening hours, and how to book",
    preheader="When we are open, and three ways to reach us.",
    blocks=(
        Picture(name=CLOCK, width="552", alt="A calendar page and a clock"),
        Heading("When we are open"),
        Text(
            "Hello {{ first_name|there }},\n\n"
            "**Monday to Friday:** 7:30 a.m. to 7 p.m.\n"
            "**Saturday:** 8 a.m. to noon\n"
            "**Sunday and holidays:** closed"
        ),
        Heading("How to book, move or cancel a visit"),
        Text(
            "Online, at any hour, in about two minutes. By telephone, while we are open. Or at the front desk, the next time "
            "you are here.\n\n"
            "Can't come? Tell us the day before, and somebody who is waiting gets your time."
        ),
        Button("Book a visit", "https://www.example.org/visit"),
    ),
)

WELLNESS = Starter(
    slug="wellness-season",
    name=_("Invitation: flu-shot season"),
    about=_("An invitation with dates and places, for a season or a programme."),
    lang="en",
    subject="Our autumn wellness days: you are invited",
    preheader="Walk in, bring somebody along. Dates and places inside.",
    blocks=(
        Picture(name=HILLS, width="552", alt="Green hills in the morning sun"),
        Heading("Come by before winter does"),
        Text(
            "Hello {{ first_name|there }},\n\n"
            "Flu shots are here for everybody from six months on. It takes ten minutes, you need no appointment on our "
            "wellness days, and with most plans it costs nothing."
        ),
        Text(
            "**Saturday, October 3**, 8 a.m. to noon, at the main entrance\n"
            "**Thursday, October 15**, 4 to 7 p.m., at the library on Elm Street"
        ),
        Button("See all dates", "https://www.example.org/wellness-days"),
        Divider(),
        Text("Not sure whether it is right for you? Ask us when you come, or call before. We take the time."),
    ),
)

WELCOME = Starter(
    slug="welcome",
    name=_("Welcome to new patients"),
    about=_("Who you are, how to reach you, and what to bring the first time."),
    lang="en",
    subject="Welcome. Here is how to reach us",
    preheader="Where we are, how to call, and what to bring.",
    blocks=(
        Picture(name=DOOR, width="552", alt="The front of a small clinic with trees beside it"),
        Heading("Good to have you here"),
        Text(
            "Hello {{ first_name|there }},\n\n"
            "Thank you for choosing us. This is all you need for the first time, on one page."
        ),
        Heading("What to bring"),
        Text(
            "A photo ID, your insurance card, and a list of what you take, if anything.\n"
            "Come ten minutes early: there is one form, and we help with it."
        ),
        Heading("How to reach us"),
        Text(
            "Call us for anything about your care; a nurse calls back the same day. "
            "If it can't wait, and we are closed, the line tells you where to go. In an emergency, call 911."
        ),
        Button("How to get here", "https://www.example.org/directions"),
    ),
)

SURVEY = Starter(
    slug="survey",
    name=_("Patient survey"),
    about=_("Five questions, and what you do with the answers."),
    lang="en",
    subject="Five questions for you, two minutes",
    preheader="Tell us what works and what doesn't. No name needed.",
    blocks=(
        Heading("How are we doing?"),
        Text(
            "Hello {{ first_name|there }},\n\n"
            "We ask everybody who was here this year the same five questions. "
            "Answers carry no name, and nobody who looks after you can tell which one is yours."
        ),
        Button("Answer five questions", "https://www.example.org/survey"),
        Divider(),
        Heading("What came of the last one"),
        Text(
            "You told us that the telephone rings too long. Since then two people more answer it before ten, "
            "and four calls in five are taken within a minute."
        ),
    ),
)

NOTICIAS = Starter(
    slug="noticias",
    name=_("Clinic news in Spanish"),
    about=_("Hours, help to get to you, and how to book, in plain Spanish."),
    lang="es",
    subject="Noticias de nuestra clínica",
    preheader="Nuevos horarios y una forma más fácil de pedir cita.",
    blocks=(
        Picture(name=HILLS, width="552", alt="Colinas verdes con el sol de la mañana"),
        Heading("Noticias de nuestra clínica"),
        Text(
            "Hola {{ first_name|de nuevo }}:\n\n"
            "Ahora abrimos **de 7:30 a. m. a 7 p. m., de lunes a viernes**, y los sábados por la mañana. "
            "Usted puede pedir, cambiar o cancelar una cita por internet a cualquier hora."
        ),
        Button("Ver horarios y pedir cita", "https://www.example.org/cita"),
        Divider(),
        Heading("Le ayudamos a llegar"),
        Text(
            "El estacionamiento detrás del edificio es gratis durante su visita. "
            "Si necesita transporte o un intérprete, díganoslo al pedir su cita; no le cuesta nada.\n\n"
            "Este correo es solo para noticias. Si tiene preguntas sobre su atención, llámenos por teléfono, por favor."
        ),
    ),
)

BLANK = Starter(
    slug="blank",
    name=_("Blank"),
    about=_("A heading and a text, and nothing in them yet."),
    lang="en",
    subject="",
    preheader="",
    blocks=(Heading(""), Text("")),
)

STARTERS: dict[str, Starter] = {
    starter.slug: starter
    for starter in (CLINIC_NEWS, OPENING_HOURS, WELLNESS, WELCOME, SURVEY, NOTICIAS, BLANK)
}
