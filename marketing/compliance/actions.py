"""What the officer takes away: evidence as files, each with its hash, each taking leaving a row in the audit log."""

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from django.utils import timezone

from accounts import access
from accounts.access import Permission
from campaigns.delivery.queries import LogLine, whole_message_log
from marketing.compliance import queries, rules
from safeguards import audit
from safeguards.actor import Actor

audit.declare("evidence.exported", "kind", "rows", "sha256")

_IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished export: the open file at its beginning, its name, SHA-256 in hexadecimal, and the number of data rows."""

    file: IO[bytes]
    name: str
    sha256: str
    rows: int
    at: datetime


def _row(line: LogLine) -> tuple[object, ...]:
    return (
        line.message_id,
        line.person,
        line.state,
        line.reason,
        line.at.astimezone(UTC).isoformat(timespec="seconds"),
        line.attempts,
        line.source_address,
        line.mx_host,
        line.tls_version,
        line.tls_cipher,
        line.tls_verified,
        line.code,
        line.reply,
    )


def export_message_log(*, actor: Actor, campaign_id: int) -> Evidence:
    """The message log of a campaign as CSV: state, reason, TLS, reply, one line a message; no name and no address in it.

    Needs the permission to export evidence. The file is written out first, so that its hash is known when it is handed over, and
    recorded in the audit log. Raises Denied, Campaign.DoesNotExist.
    """
    access.require(actor, Permission.EXPORT_EVIDENCE)
    report = queries.report(actor, campaign_id)
    # Spooled to disk past a few megabytes; it holds pseudonyms, no health data, and vanishes when closed.
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - handed to the caller
    digest, rows = hashlib.sha256(), 0
    for line in rules.csv_lines([rules.LOG_COLUMNS]):
        digest.update(line)
        file.write(line)
    for line in rules.csv_lines(_row(entry) for entry in whole_message_log(report.mailing.pk)):
        digest.update(line)
        file.write(line)
        rows += 1
    file.seek(0)
    now = timezone.now()
    audit.record(
        "evidence.exported",
        actor=actor,
        target=report.campaign,
        details={"kind": "message log", "rows": rows, "sha256": digest.hexdigest()},
    )
    return Evidence(
        file=file,
        name=f"message-log-{report.campaign.pk}-{now:%Y%m%dT%H%M%SZ}.csv",
        sha256=digest.hexdigest(),
        rows=rows,
        at=now,
    )
