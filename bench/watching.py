"""Looking while much waits: what the Sending page asks, and a page of a campaign's people, with 2,000 and with many messages.

    python -m bench.watching [--messages 300000]

Both ratios say how much longer a look takes with many messages than with 2,000 in the same run; 1 would mean that it costs
the same however much waits. Times are by the clock, since the database is another process. The servers are started for the
run and removed after it, unless DATABASE_URL names others.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import django

FEW = 2_000
LOOKS = 9


def _milliseconds(look: Callable[[], Any]) -> float:
    """The middle of some looks, after one that warms up."""
    look()
    taken = []
    for _ in range(LOOKS):
        begun = time.perf_counter()
        look()
        taken.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(taken), 2)


def _fill(mailing_id: int, first: int, last: int) -> None:
    """More messages like the one that is there: queued, every tenth for later."""
    from django.db import connection, connections

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_message (mailing_id, id, occurrence, contact_id, address_hash, person_key, state, source_id,"
            " provider_id, due, attempts, reason, tracked, updated_at)"
            " SELECT m.mailing_id, m.id + n, m.occurrence + n, m.contact_id, m.address_hash,"
            " substring(sha256(n::text::bytea) for 16), 'queued', m.source_id, m.provider_id,"
            " now() + CASE WHEN n %% 10 = 0 THEN interval '1 hour' ELSE interval '-1 minute' END, 0, '', false, now()"
            " FROM delivery_message m CROSS JOIN generate_series(%s::int, %s::int) AS g(n)"
            " WHERE m.mailing_id = %s AND m.id = (SELECT min(id) FROM delivery_message WHERE mailing_id = %s)",
            [first, last, mailing_id, mailing_id],
        )
    # The server does so by itself within a minute; only the tables' owner may ask it to.
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE delivery_message")


def _measure(messages: int) -> dict[str, object]:
    from campaigns import queries
    from campaigns.delivery import load
    from campaigns.delivery.models import Mailing
    from campaigns.models import Campaign
    from campaigns.queries import Which
    from tests import cast, factories
    from tests.campaigns import plans

    campaign = plans.campaign()
    mailing = factories.launch(factories.mailing(), [factories.contact("ana@goodmail.example")])
    Campaign.objects.filter(pk=campaign.pk).update(mailing=mailing)
    ada = cast.actor(cast.ada())
    campaign = queries.one(ada, campaign.pk)

    def sending() -> None:
        load._look()

    def people() -> None:
        queries.recipients(ada, campaign, Which.WAITING, after=messages // 2)

    found = {}
    for size, first in ((FEW, 1), (messages, FEW)):
        _fill(mailing.pk, first, size - 1)
        Mailing.objects.filter(pk=mailing.pk).update(audience_size=size, state=Mailing.State.SENDING)
        found[size] = (_milliseconds(sending), _milliseconds(people))
    few, many = found[FEW], found[messages]
    return {
        "bench": "watching",
        "messages": messages,
        "cores": os.cpu_count(),
        "sending_ms": many[0],
        "people_ms": many[1],
        "sending_ratio_to_few": round(many[0] / few[0], 2),
        "people_ratio_to_few": round(many[1] / few[1], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300_000)
    options = parser.parse_args()
    from tests import ground

    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")
        django.setup()
        from tests import databases

        databases.make_template()
        try:
            with databases.cloned(databases.TEMPLATE):
                figures = _measure(options.messages)
        finally:
            databases.drop(databases.TEMPLATE)
    finally:
        ground.pytest_unconfigure()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
