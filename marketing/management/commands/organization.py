"""`manage.py organization`: name the organisation, its brand, its addresses to send from, and the first topics."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import access
from accounts.organization import actions as organization
from campaigns.delivery import actions as delivery
from campaigns.delivery import dkim
from campaigns.delivery.actions.sending_domains import place
from campaigns.delivery.models import Stream
from contacts.consent import actions as consent
from safeguards import secrets

# What a clinic usually begins with; more are added as they are needed.
TOPICS = (
    (
        "clinic-news",
        "Clinic news",
        "Noticias de la clínica",
        "Hours, classes and events",
        "Horarios, clases y eventos",
    ),
    (
        "new-services",
        "New services",
        "Servicios nuevos",
        "What we newly offer, and where",
        "Lo nuevo que ofrecemos, y dónde",
    ),
    (
        "wellness-programmes",
        "Wellness programmes",
        "Programas de bienestar",
        "Programmes to live well, once a month",
        "Programas para vivir bien, una vez al mes",
    ),
)


def set_up(
    *,
    name: str,
    phone: str,
    time_zone: str,
    from_address: str,
    postal_address: str,
    marketing: list[str],
    transactional: list[str],
    privacy_url: str = "",
    per_second: float = 50,
) -> str:
    """Set the organisation up, or change it; returns the DNS record of its signing key. Raises ValueError for bad input."""
    actor = access.system("setup")
    organization.set_up(actor=actor, name=name, phone=phone, time_zone=time_zone)
    brand = organization.add_brand(
        actor=actor,
        name=name,
        from_address=from_address,
        postal_address=postal_address,
        phone=phone,
        privacy_url=privacy_url,
    )
    domain = delivery.add_sending_domain(actor=actor, domain=brand.domain)
    for pool, stream, addresses in (
        ("Marketing", Stream.MARKETING, marketing),
        ("Transactional", Stream.TRANSACTIONAL, transactional),
    ):
        delivery.add_pool(
            actor=actor,
            name=pool,
            stream=stream,
            addresses=addresses,
            ehlo_domain=brand.domain,
            per_second=per_second,
            burst=max(1, round(per_second)),
        )
    for position, (slug, topic, spanish, about, about_es) in enumerate(TOPICS):
        consent.add_topic(
            actor=actor,
            slug=slug,
            name=topic,
            name_es=spanish,
            about=about,
            about_es=about_es,
            position=position,
        )
    key = secrets.unseal(place(domain.domain), domain.private_key)
    return f'{domain.selector}._domainkey.{domain.domain} TXT "{dkim.public_record(key.encode())}"'


class Command(BaseCommand):
    """Sets up the organisation; may be run again to change it."""

    help = "Name the organisation, its brand and the addresses it sends from."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--phone", required=True)
        parser.add_argument("--time-zone", default="America/New_York")
        parser.add_argument("--from-address", required=True, help="the sender's address, such as news@clinic.org")
        parser.add_argument("--postal-address", required=True, help="the physical address that the law asks for")
        parser.add_argument("--privacy-url", default="")
        parser.add_argument(
            "--marketing", nargs="+", required=True, metavar="IP", help="addresses for marketing"
        )
        parser.add_argument(
            "--transactional", nargs="+", required=True, metavar="IP", help="addresses for short service mails"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        keys = ("name", "phone", "time_zone", "from_address", "postal_address", "privacy_url")
        try:
            record = set_up(
                **{key: options[key] for key in keys},
                marketing=options["marketing"],
                transactional=options["transactional"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Set up. Publish this DNS record, so that receivers can verify our signature:")
        self.stdout.write(record)
