"""The consent room's answer to the send gate: may these people get this topic, now?"""

from collections.abc import Sequence

from accounts.organization.models import Brand
from contacts.consent import rules
from contacts.consent.models import Topic
from contacts.consent.queries import ledgers_of
from contacts.consent.rules import Standing


def standings(
    people: Sequence[tuple[bytes, bytes]], *, topic: Topic, brand: Brand
) -> list[tuple[Standing, bool]]:
    """For each (address hash, person key), in order: the standing, and whether they agreed to be counted as a person.

    Reads the ledgers at the moment it is asked; nothing is cached, since an opt-out holds within seconds (C7).
    """
    ledgers = ledgers_of(people)
    return [
        (
            rules.standing(
                ledgers.acts[(address_hash, person_key)],
                ledgers.stops[address_hash],
                topic_id=topic.pk,
                brand_id=brand.pk,
            ),
            rules.tracking_agreed(ledgers.acts[(address_hash, person_key)]),
        )
        for address_hash, person_key in people
    ]
