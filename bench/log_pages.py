"""Looking at a long audit log: each filter of its page with the count beside it, a page deep down, one patient, a review.

    python -m bench.log_pages [--rows 300000] [--explain]

Nine rows in ten are the system's, as they are where mail is sent. Times are by the clock, in milliseconds, since the database is
another process. The servers are started for the run and removed after it, unless DATABASE_URL names others.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

LOOKS = 5
FILL = """
INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display, session_hash, method, factor, ip,
    user_agent, target_kind, target_id, patient, purpose, reason, details, request_id, version)
SELECT now() - make_interval(secs => (%(rows)s - n) * 10),
    CASE WHEN NOT mine THEN 'phi.revealed' ELSE (ARRAY['session.started', 'contacts.searched', 'campaign.edited',
        'phi.revealed', 'session.refused', 'access.denied', 'evidence.exported', 'segment.counted'])[1 + turn %% 8] END,
    CASE WHEN n %% 1000 = 0 THEN 'denied' ELSE 'success' END,
    CASE WHEN mine THEN 'user' ELSE 'system' END,
    CASE WHEN mine THEN (turn %% 40)::text ELSE 'delivery' END,
    'Somebody',
    CASE WHEN mine THEN md5((n / 500)::text) ELSE '' END, '', '',
    CASE WHEN mine THEN ('198.51.100.' || turn %% 250)::inet END,
    '',
    CASE WHEN mine THEN 'campaigns.campaign' ELSE '' END,
    CASE WHEN mine THEN (turn %% 900)::text ELSE '' END,
    CASE WHEN n %% 7 = 0 THEN md5((n %% 50000)::text) ELSE '' END,
    '', '',
    CASE WHEN n %% 40 = 0 THEN jsonb_build_object('table', 'contacts_contact', 'count', 50, 'fields', ARRAY['email'],
        'patients', (SELECT jsonb_agg(md5(((n * 31 + k * 977) %% 50000)::text)) FROM generate_series(1, 50) k))
    ELSE '{"table": "contacts_contact", "count": 100, "fields": ["email"]}'::jsonb END,
    CASE WHEN mine THEN md5((n / 30)::text) ELSE '' END,
    1
FROM (SELECT n, n %% 10 = 0 AS mine, n / 10 AS turn FROM generate_series(1, %(rows)s) n) g
"""


def _milliseconds(look: Callable[[], Any]) -> float:
    """The middle of some looks, after one that warms up."""
    look()
    taken = []
    for _ in range(LOOKS):
        begun = time.perf_counter()
        look()
        taken.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(taken), 1)


def _measure(rows: int, explain: bool) -> dict[str, object]:
    from django.db import connection, connections
    from django.utils import timezone

    from marketing.compliance.acts import chosen
    from marketing.compliance.queries import figures_of, usual_hours
    from marketing.compliance.queries.log import COUNTED
    from safeguards import log
    from safeguards.log import RowFilter
    from tests import cast

    cast.clinic()
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"rows": rows})
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE safeguards_audit_event")
    now = timezone.now()
    middle = now - timedelta(seconds=rows * 5)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_hash, request_id, id FROM safeguards_audit_event WHERE actor_kind = 'user' AND at >= %s"
            " ORDER BY at LIMIT 1",
            [middle],
        )
        session, request, deep = cursor.fetchone()
        cursor.execute("SELECT md5('70')")
        patient = cursor.fetchone()[0]
    staff = "user"
    asked = {
        "staff": RowFilter(actor_kind=staff),
        "everybody": RowFilter(),
        "refused": RowFilter(actor_kind=staff, outcome="denied"),
        "refused_or_failed": RowFilter(outcome="not success"),
        "person": RowFilter(actor_kind=staff, actor_id="7"),
        "act": RowFilter(actor_kind=staff, actions=("evidence.exported",)),
        "act_never": RowFilter(actor_kind=staff, actions=("person.role_changed",)),
        "group": RowFilter(actor_kind=staff, actions=chosen("group:sign-in")),
        "group_never": RowFilter(actor_kind=staff, actions=chosen("group:accounts")),
        "days_long_ago": RowFilter(since=middle, until=middle + timedelta(days=1)),
        "act_long_ago": RowFilter(
            actor_kind=staff, actions=("access.denied",), since=middle, until=middle + timedelta(days=1)
        ),
        "object": RowFilter(target_kind="campaigns.campaign", target_id="55"),
        "session": RowFilter(session_hash=session),
        "request": RowFilter(request_id=request),
        "address": RowFilter(actor_kind=staff, ip="198.51.100.7"),
        "address_never": RowFilter(actor_kind=staff, ip="203.0.113.7"),
        "patient": RowFilter(patient=patient),
        "patient_staff": RowFilter(patient=patient, actor_kind=staff),
        "health_opened": RowFilter(actor_kind=staff, actions=("phi.revealed",), opened_fields=("diagnoses",)),
        "outside_hours": RowFilter(actor_kind=staff, actions=("session.started",), outside=usual_hours()),
    }
    found: dict[str, object] = {"bench": "log_pages", "rows": rows, "cores": os.cpu_count()}
    pages = {
        name: _milliseconds(
            lambda each=each: (  # type: ignore[misc]
                log.page_of_rows(each, after=None, limit=26),
                log.count_of_rows(each, at_most=COUNTED),
            )
        )
        for name, each in asked.items()
    }
    deep_down = RowFilter(actor_kind=staff)
    pages["deep_down"] = _milliseconds(lambda: log.page_of_rows(deep_down, after=deep, limit=26))
    pages["openers"] = _milliseconds(lambda: log.openers_of(patient, table="contacts_contact"))
    week = timedelta(days=7)
    pages["review"] = _milliseconds(lambda: figures_of(now - week, now, "UTC"))
    if explain:
        for name, each in asked.items():
            page = log._found(each).order_by("-at", "-pk")[:26]
            print(
                name,
                page.explain(),
                log._found(each).order_by()[: COUNTED + 1].explain(),
                sep="\n",
                end="\n\n",
            )
    return found | {"slowest_ms": max(pages.values()), "ms": pages}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument(
        "--explain", action="store_true", help="print what the database plans for each filter"
    )
    options = parser.parse_args()
    from tests import ground

    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")
        django.setup()
        from tests import databases

        databases.make_template()
        try:
            with databases.cloned(databases.TEMPLATE):
                figures = _measure(options.rows, options.explain)
        finally:
            databases.drop(databases.TEMPLATE)
    finally:
        ground.pytest_unconfigure()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
