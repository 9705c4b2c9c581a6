"""The log is kept for six years, longer under a hold; what was removed leaves a manifest, and the rest still verifies."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from pytest_django import Settings

from safeguards import anchoring, audit, retention
from safeguards.actor import Actor
from safeguards.audit import anchors
from safeguards.audit.folder import Folder
from safeguards.models import AuditEvent, AuditLink
from tests.safeguards.logs import as_owner, chained, codes, happen, sql, written

CONSOLE = Actor(kind="system", id="console", display="console: root")


@pytest.fixture
def store(own_database: str, tmp_path: Path) -> Iterator[Folder]:
    """A log of which three anchors and 14 rows are seven years old; the rest is of today."""
    with time_machine.travel(timezone.now() - timedelta(days=7 * 366), tick=True):
        store = Folder(tmp_path)
        for _ in range(3):
            happen(4)
            chained()
            anchoring.take(store)
    happen(2)
    chained()
    anchoring.take(store)
    anchoring.note_head(store)
    chained()
    yield store


def six_years_ago() -> datetime:
    return timezone.now() - timedelta(days=6.1 * 366)


def test_what_is_old_goes_up_to_an_anchor_and_the_rest_verifies(store: Folder) -> None:
    before = audit.examine(store)
    assert before.findings == []
    manifest = retention.purge(actor=CONSOLE, before=six_years_ago(), store=store)
    assert (manifest.kind, manifest.sequence, manifest.count, manifest.more["first"]) == ("purged", 14, 14, 1)
    assert manifest.signed()
    assert AuditLink.objects.order_by("sequence").first().sequence == 15  # type: ignore[union-attr]
    chained()
    report = audit.examine(store)
    assert (report.findings, report.begins) == ([], 15)
    [row] = AuditEvent.objects.filter(action="audit.purged")
    assert (row.details, row.actor_display) == (
        {"number": manifest.number, "sequence": 14, "rows": 14},
        "console: root",
    )
    # Afterwards neither role can change what is left, and every attack on it is found as before.
    for role in ("default", "owner"):
        with pytest.raises(DatabaseError), transaction.atomic(using=role):
            sql("DELETE FROM safeguards_audit_link", role=role)
    with as_owner():
        sql(
            "UPDATE safeguards_audit_event SET reason = 'x' WHERE id = (SELECT max(event_id) FROM safeguards_audit_link)"
        )
    assert codes(audit.examine(store)) == ["changed"]


def test_removing_more_than_the_manifest_says_is_found(store: Folder) -> None:
    retention.purge(actor=CONSOLE, before=six_years_ago(), store=store)
    chained()
    with as_owner():
        sql("DELETE FROM safeguards_audit_link WHERE sequence = 15")
    assert "missing" in codes(audit.examine(store))


def test_removing_without_a_manifest_is_found(store: Folder) -> None:
    with as_owner():
        sql("DELETE FROM safeguards_audit_link WHERE sequence <= 14")
    assert "missing" in codes(audit.examine(store))


def test_a_forged_manifest_counts_for_nothing(store: Folder) -> None:
    retention.purge(actor=CONSOLE, before=six_years_ago(), store=store)
    [file] = [file for file in store.path.glob("anchors-*") if b'"purged"' in file.read_bytes()]
    file.write_bytes(file.read_bytes().replace(b'"by":"console: root"', b'"by":"console: none"'))
    assert {"anchor_forged", "missing"} <= set(codes(audit.examine(store)))


def test_a_purge_that_was_cut_off_behind_its_manifest_removed_nothing(store: Folder) -> None:
    link = AuditLink.objects.get(sequence=14)
    anchoring.put(store, anchors.PURGED, sequence=14, hash=bytes(link.hash), count=14)
    assert audit.examine(store).findings == []


def test_it_is_refused_for_what_is_too_young_or_held_or_in_doubt(store: Folder, settings: Settings) -> None:
    def refused(why: str, *, before: datetime | None = None) -> None:
        with pytest.raises(retention.NotPurged, match=why):
            retention.purge(actor=CONSOLE, before=before or six_years_ago(), store=store)

    refused("kept for 6 years", before=timezone.now() - timedelta(days=5 * 365))
    settings.AUDIT_YEARS = 8
    refused("kept for 8 years")
    settings.AUDIT_YEARS = 6
    refused("no anchor", before=timezone.now() - timedelta(days=20 * 366))
    held = retention.hold(actor=CONSOLE, reason="Doe v. Northfield")
    other = retention.hold(actor=CONSOLE, reason="OCR inquiry")
    refused("Doe v. Northfield")
    retention.release(actor=CONSOLE, number=held.number, reason="settled")
    refused("OCR inquiry")
    with pytest.raises(ValueError, match="no hold"):
        retention.release(actor=CONSOLE, number=held.number, reason="again")
    for reason in ("", "  "):
        with pytest.raises(ValueError, match="say"):
            retention.hold(actor=CONSOLE, reason=reason)
    retention.release(actor=CONSOLE, number=other.number, reason="closed")
    assert retention.holds() == []
    chained()
    with as_owner():
        sql(
            "UPDATE safeguards_audit_event SET reason = 'x' WHERE id = (SELECT max(event_id) FROM safeguards_audit_link)"
        )
    refused("findings")
    assert AuditLink.objects.filter(sequence=1).exists(), "nothing went"


def test_only_the_owner_can(store: Folder) -> None:
    owner = connections["owner"].settings_dict
    before = dict(owner)
    connections["owner"].close()
    owner.update({key: connections["default"].settings_dict[key] for key in ("USER", "PASSWORD")})
    try:
        with pytest.raises(retention.NotPurged, match="DATABASE_OWNER_URL"):
            retention.purge(actor=CONSOLE, before=six_years_ago(), store=store)
    finally:
        connections["owner"].close()
        owner.update(before)
    assert AuditLink.objects.filter(sequence=1).exists()


def test_a_store_that_takes_no_manifest_keeps_the_rows(store: Folder) -> None:
    class Refusing(Folder):
        def put(self, line: bytes) -> None:
            raise OSError("read-only")

    with pytest.raises(OSError, match="read-only"):
        retention.purge(actor=CONSOLE, before=six_years_ago(), store=Refusing(store.path))
    assert AuditLink.objects.filter(sequence=1).exists()
    with pytest.raises(DatabaseError), transaction.atomic(using="owner"):
        sql("DELETE FROM safeguards_audit_link")


def test_the_console(store: Folder, settings: Settings) -> None:
    settings.ANCHOR_DIR = store.path

    def run(*words: str) -> str:
        out = StringIO()
        call_command("audit", *words, stdout=out)
        return out.getvalue()

    assert "stands" in run("hold", "--reason", "Doe v. Northfield")
    [held] = retention.holds()
    with pytest.raises(CommandError, match="Nothing was removed: hold"):
        run("purge", "--before", f"{six_years_ago():%Y-%m-%d}")
    assert "released" in run("release", str(held.number), "--reason", "settled")
    chained()
    assert "14 rows are gone, up to sequence 14" in run("purge", "--before", f"{six_years_ago():%Y-%m-%d}")
    chained()
    assert "is whole, from 15" in run("verify")


def test_what_is_new_is_never_removed_by_hand_either(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with pytest.raises(retention.NotPurged):
        retention.purge(actor=CONSOLE, before=timezone.now(), store=store)
