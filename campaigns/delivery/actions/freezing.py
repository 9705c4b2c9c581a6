"""Turning the sealed audience of a launched mailing into message rows, slice by slice, each exactly once."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from campaigns.delivery import rules, world
from campaigns.delivery.models import Audience, Mailing, Message, Provider
from campaigns.delivery.routes import RouteError, provider_of
from contacts.models import Contact
from safeguards import audit, phi, queue

audit.declare("mailing.frozen", slice=int, messages=int)

_COLUMNS = (
    "mailing_id, occurrence, contact_id, address_hash, person_key, state, source_id, provider_id, due,"
    " updated_at"
)


@dataclass(frozen=True, slots=True)
class _Person:
    contact_id: int
    address_hash: bytes
    person_key: bytes
    domain: str


def freeze_next(mailing_id: int) -> bool:
    """Turn the next slice of the audience into messages; returns whether there may be more to do.

    One transaction a slice, claimed with SKIP LOCKED; `UNIQUE (mailing, occurrence)` makes a slice that comes twice harmless.
    When the last slice is done the mailing begins to send. Where all that is left is in other hands there is nothing to do
    here: who holds the last slice goes on, and the sweep finds what they drop.
    """
    with transaction.atomic():
        mailing = Mailing.objects.select_related("pool", "brand").get(pk=mailing_id)
        if mailing.state != Mailing.State.FREEZING:
            return False
        part = (
            Audience.objects.select_for_update(skip_locked=True)
            .filter(mailing=mailing, frozen_at=None)
            .order_by("number")
            .first()
        )
        if part is not None:
            _freeze(mailing, part)
    if Audience.objects.filter(mailing_id=mailing_id, frozen_at=None).exists():
        return part is not None
    _begin(mailing_id)
    return False


def _freeze(mailing: Mailing, part: Audience) -> None:
    grant = access.grant(access.system("delivery"), Permission.DELIVER)
    [opened] = phi.reveal(
        [part], ["contact_ids"], grant=grant, purpose="fix who gets a mailing", sealed_field="sealed"
    )
    people = _people(opened["contact_ids"], grant)
    provider_ids = _provider_ids({person.domain for person in people})
    weights = list(mailing.pool.entries.order_by("pk").values_list("source_id", "weight"))
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT delivery_make_message_partition(%s)", [mailing.pk])
        cursor.executemany(
            f"INSERT INTO delivery_message ({_COLUMNS}) VALUES ({', '.join(['%s'] * 10)})"  # noqa: S608 - our own columns
            " ON CONFLICT (mailing_id, occurrence) DO NOTHING",
            [
                (
                    mailing.pk,
                    person.contact_id,
                    person.contact_id,
                    person.address_hash,
                    person.person_key,
                    Message.State.QUEUED,
                    rules.pick_source(weights, person.contact_id),
                    provider_ids[person.domain],
                    now,
                    now,
                )
                for person in people
            ],
        )
    part.frozen_at = now
    part.save(update_fields=["frozen_at"])
    audit.record(
        "mailing.frozen",
        actor=access.system("delivery"),
        target=mailing,
        details={"slice": part.number, "messages": len(people)},
    )


def _people(contact_ids: Sequence[int], grant: phi.Grant) -> list[_Person]:
    contacts = {contact.pk: contact for contact in Contact.objects.filter(pk__in=contact_ids)}
    alive = [contact for contact in contacts.values() if contact.deleted_at is None]
    # Somebody whose record fails its seal stays in the count as well, and the gate withholds them as such.
    addresses = phi.reveal_sound(alive, ["email"], grant=grant, purpose="choose the provider of a mailbox")
    domains = {
        contact.pk: ((opened or {}).get("email") or "").rpartition("@")[2]
        for contact, opened in zip(alive, addresses, strict=True)
    }
    people = []
    for contact_id in contact_ids:
        contact = contacts.get(contact_id)
        # Somebody who was erased meanwhile stays in the count: the gate withholds them as gone.
        people.append(
            _Person(
                contact_id,
                bytes(contact.address_hash) if contact else bytes(16),
                bytes(contact.person_key) if contact else bytes(16),
                domains.get(contact_id, ""),
            )
        )
    return people


def _provider_ids(domains: Collection[str]) -> Mapping[str, int]:
    """The provider of each domain by its mail hosts; the default one where DNS doesn't answer: it is asked again at sending."""
    ids = dict(Provider.objects.values_list("name", "pk"))
    suffixes = {provider.name: provider.mx_suffixes for provider in Provider.objects.exclude(name="default")}

    async def names() -> dict[str, str]:
        resolver, some = world.resolver(), asyncio.Semaphore(50)

        async def ask(domain: str) -> tuple[str, str]:
            async with some:
                try:
                    routes = await resolver.route(domain)
                except (RouteError, ValueError):
                    return domain, "default"
            return domain, provider_of([host.name for host in routes.hosts], suffixes)

        return dict(await asyncio.gather(*map(ask, sorted(domains))))

    return {domain: ids[name] for domain, name in asyncio.run(names()).items()}


def _begin(mailing_id: int) -> None:
    with transaction.atomic():
        begun = Mailing.objects.filter(pk=mailing_id, state=Mailing.State.FREEZING).update(
            state=Mailing.State.SENDING
        )
        if begun:
            queue.enqueue("delivery.sweep")
