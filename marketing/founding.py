"""The first day of a deployment: the organisation, its brand, its addresses to send from, and the first topics."""

from django.db import transaction

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
    """Set the organisation up, or change it; returns the DNS record of its signing key.

    All of it or nothing. Raises ValueError for bad input.
    """
    with transaction.atomic():
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
