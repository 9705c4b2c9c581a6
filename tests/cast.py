"""The people of the tests: the same few everywhere, so that a test reads like a story."""

from accounts import access
from accounts.models import Role, User
from accounts.organization.models import Brand, Organization
from campaigns.delivery.models import EgressSource, IpPool, PoolEntry, Stream
from contacts.consent.models import Topic
from safeguards.actor import Actor


def person(name: str, role: str) -> User:
    """A member of the staff, without a password or a factor."""
    email = f"{name.split()[0].lower()}@northfield.example"
    user, _ = User.objects.get_or_create(email=email, defaults={"name": name, "role": role})
    return user


def dana() -> User:
    """Dana plans campaigns."""
    return person("Dana Kim", Role.MARKETER)


def marcus() -> User:
    """Marcus approves them."""
    return person("Marcus Ruiz", Role.APPROVER)


def olive() -> User:
    """Olive reads the evidence."""
    return person("Olive Okoro", Role.COMPLIANCE)


def ada() -> User:
    """Ada administers."""
    return person("Ada Lindqvist", Role.ADMINISTRATOR)


def ann() -> User:
    """Ann reads counts only."""
    return person("Ann Patel", Role.ANALYST)


def actor(user: User) -> Actor:
    """The person as an actor."""
    return access.of_user(user)


def clinic() -> Brand:
    """Northfield Health, its brand, topics, and a marketing pool of two addresses."""
    Organization.objects.get_or_create(
        name="Northfield Health", defaults={"phone": "555-0100", "time_zone": "America/New_York"}
    )
    brand, _ = Brand.objects.get_or_create(
        name="Northfield Health",
        defaults={
            "from_name": "Northfield Health",
            "from_address": "news@northfield.example",
            "postal_address": "12 Harbor Street, Boston, MA 02110",
            "phone": "555-0100",
        },
    )
    for position, (slug, name, spanish) in enumerate(
        (
            ("clinic-news", "Clinic news", "Noticias de la clínica"),
            ("new-services", "New services", "Servicios nuevos"),
            ("wellness-programmes", "Wellness programmes", "Programas de bienestar"),
        )
    ):
        Topic.objects.get_or_create(
            slug=slug,
            defaults={
                "name": name,
                "name_es": spanish,
                "about": f"{name} by e-mail",
                "about_es": f"{spanish} por correo",
                "position": position,
            },
        )
    for stream, first in ((Stream.MARKETING, 11), (Stream.TRANSACTIONAL, 21)):
        pool, made = IpPool.objects.get_or_create(
            name=stream.value, stream=stream, defaults={"per_second": 200, "burst": 200}
        )
        if made:
            for number in (first, first + 1):
                source = EgressSource.objects.create(
                    name=f"out{number}",
                    source_address=f"127.0.1.{number}",
                    ehlo_domain=f"out{number}.northfield.example",
                )
                PoolEntry.objects.create(pool=pool, source=source)
    return brand
