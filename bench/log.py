"""How long the audit log's page takes on a long log: each filter, a page deep down, the count, one patient, a review's figures.

    make bench NAME=log ARGS="--rows 300000"

Rows are put in by SQL in a database of its own, nine in ten of them by the system, as they are where mail is sent. The last line
is JSON: the slowest page in milliseconds, and each one of them.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import timedelta

from bench.sample import database

FILL = """
INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display, session_hash, method, factor, ip,
    user_agent, target_kind, target_id, patient, purpose, reason, details, request_id, version)
SELECT now() - make_interval(secs => (%(rows)s - n) * 10),
    CASE WHEN n %% 10 > 0 THEN 'phi.revealed' ELSE (ARRAY['session.started', 'contacts.searched', 'campaign.edited',
        'phi.revealed', 'session.refused', 'access.denied', 'evidence.exported', 'segment.counted'])[1 + n / 10 %% 8] END,
    CASE WHEN n %% 1000 = 0 THEN 'denied' ELSE 'success' END,
    CASE WHEN n %% 10 > 0 THEN 'system' ELSE 'user' END,
    CASE WHEN n %% 10 > 0 THEN 'delivery' ELSE (n / 10 %% 40)::text END, 'Somebody',
    CASE WHEN n %% 10 > 0 THEN '' ELSE md5((n / 500)::text) END, '', '',
    CASE WHEN n %% 10 > 0 THEN NULL ELSE ('198.51.100.' || n / 10 %% 250)::inet END, '',
    CASE WHEN n %% 10 = 0 THEN 'campaigns.campaign' ELSE '' END, CASE WHEN n %% 10 = 0 THEN (n / 10 %% 900)::text ELSE '' END,
    CASE WHEN n %% 7 = 0 THEN md5((n %% 50000)::text) ELSE '' END, '', '',
    CASE WHEN n %% 40 = 0 THEN jsonb_build_object('table', 'contacts_contact', 'count', 50, 'fields', ARRAY['email'],
        'patients', (SELECT array_agg(md5((n * 31 + k * 977 + 0) ::text)) FROM generate_series(1, 50) k))
    ELSE '{"table": "contacts_contact", "count": 100, "fields": ["email"]}'::jsonb END,
    CASE WHEN n %% 10 > 0 THEN '' ELSE md5((n / 3)::text) END, 1
FROM generate_series(1, %(rows)s) n
"""


def main() -> None:
    """Fill the log, ask for each page five times, and print the middle one's milliseconds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    rows = parser.parse_args().rows
    with database():
        print(json.dumps(_measured(rows)))  # noqa: T201 - the figure


if __name__ == "__main__":
    main()
