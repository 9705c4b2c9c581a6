"""The audit log where rows are chained: one row's place, the walk over the whole chain, and the file. Rows are committed here."""

import csv
import hashlib
import io
from datetime import timedelta

from django.db import connections
from django.http import FileResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import access
from marketing.compliance import actions
from marketing.compliance.models import Verification
from safeguards import audit, log
from safeguards.models import AuditEvent, AuditLink
from tests import cast
from tests.marketing.compliance.test_log import did
from tests.marketing.compliance.test_reports import ask, page
from tests.sessions import signed_in


def test_a_row_tells_its_place_and_whether_it_is_whole(own_database: str) -> None:
    cast.clinic()
    first, row, last = did(), did(), did()
    audit.chain()
    place = log.place_of(row)
    assert place is not None
    assert place.whole
    assert (place.leads, place.sequence) == (True, AuditLink.objects.get(event=row).sequence)
    text = page(cast.olive(), "audit_row", row.pk)
    assert AuditLink.objects.get(event=row).hash.hex() in text
    assert "Broken here" not in text
    assert reverse("audit_row", args=[first.pk]) in text
    assert reverse("audit_row", args=[last.pk]) in text
    assert "It gets its place within a second" in page(cast.olive(), "audit_row", did().pk)
    assert ask(cast.olive(), "audit_row", 10**12).status_code == 404


def test_a_row_that_was_changed_says_so_on_its_page(own_database: str) -> None:
    cast.clinic()
    row, after = did(), did()
    audit.chain()
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE safeguards_audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE safeguards_audit_event SET actor_display = 'Nobody' WHERE id = %s", [row.pk])
        cursor.execute("ALTER TABLE safeguards_audit_event ENABLE TRIGGER USER")
    changed = log.place_of(AuditEvent.objects.get(pk=row.pk))
    assert changed is not None
    assert (changed.unchanged, changed.follows, changed.leads) == (False, True, True)
    assert "Broken here" in page(cast.olive(), "audit_row", row.pk)
    behind = log.place_of(after)
    assert behind is not None
    assert behind.whole


def test_a_verification_is_asked_for_done_and_kept(own_database: str) -> None:
    cast.clinic()
    did()
    audit.chain()
    client = signed_in(Client(), cast.olive())
    answer = client.post(reverse("audit_verify"))
    walk = Verification.objects.get()
    assert answer["Location"] == reverse("audit_verification", args=[walk.pk])
    assert walk.asked_by == cast.olive()
    # Another press leads to the one that runs.
    assert client.post(reverse("audit_verify"))["Location"] == answer["Location"]
    assert AuditEvent.objects.filter(action="audit.verification_asked").count() == 1
    assert 'hx-trigger="every 2s"' in page(cast.olive(), "audit_verification", walk.pk)
    actions.verify_log(actor=access.system("log"), verification_id=walk.pk)
    walk.refresh_from_db()
    assert (walk.found, walk.findings) == (0, [])
    assert walk.finished_at
    verified = AuditEvent.objects.get(action="audit.verified")
    assert (verified.outcome, verified.details) == ("success", {"rows": walk.rows, "found": 0})
    text = page(cast.olive(), "audit_verification", walk.pk)
    assert "as it was chained" in text
    assert "hx-trigger" not in text.partition('id="verification"')[2].partition("</section>")[0]
    assert "Whole when it was last verified" in page(cast.olive(), "audit_log")
    # A second worker that is told of it late does nothing.
    actions.verify_log(actor=access.system("log"), verification_id=walk.pk)
    assert AuditEvent.objects.filter(action="audit.verified").count() == 1


def test_what_was_found_is_told_in_words_with_what_to_do(own_database: str) -> None:
    cast.clinic()
    row = did()
    did()
    audit.chain()
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE safeguards_audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE safeguards_audit_event SET actor_display = 'Nobody' WHERE id = %s", [row.pk])
        cursor.execute("ALTER TABLE safeguards_audit_event ENABLE TRIGGER USER")
    walk = actions.ask_verification(actor=cast.actor(cast.olive()))
    actions.verify_log(actor=access.system("log"), verification_id=walk.pk)
    walk.refresh_from_db()
    assert walk.found == 1
    text = page(cast.olive(), "audit_verification", walk.pk)
    place = AuditLink.objects.get(event=row).sequence
    assert f"The row at place {place} was changed after it was chained" in text
    assert "compare with a backup" in text
    assert AuditEvent.objects.get(action="audit.verified").outcome == "failure"
    assert "Something is wrong" in page(cast.olive(), "audit_log")


def test_a_worker_that_died_is_followed_by_another_and_each_day_has_its_walk(own_database: str) -> None:
    cast.clinic()
    log_keeper = access.system("log")
    actions.keep_verifying(actor=log_keeper)
    walk = Verification.objects.get()
    assert walk.asked_by is None
    actions.keep_verifying(actor=log_keeper)
    assert Verification.objects.count() == 1
    # Somebody walks: nobody else does. Then nothing is heard of them.
    Verification.objects.update(started_at=timezone.now(), seen_at=timezone.now())
    actions.verify_log(actor=log_keeper, verification_id=walk.pk)
    assert Verification.objects.get().finished_at is None
    Verification.objects.update(seen_at=timezone.now() - timedelta(minutes=20))
    actions.verify_log(actor=log_keeper, verification_id=walk.pk)
    assert Verification.objects.get().finished_at
    actions.keep_verifying(actor=log_keeper)
    assert Verification.objects.count() == 1
    Verification.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    actions.keep_verifying(actor=log_keeper)
    assert Verification.objects.count() == 2


def test_the_file_has_the_filtered_rows_with_their_places_and_is_safe_in_a_spreadsheet(
    own_database: str,
) -> None:
    cast.clinic()
    did("phi.revealed", purpose="=cmd|calc", details={"fields": ["email"], "count": 1, "table": "t"})
    did("phi.refused", outcome="denied")
    audit.chain()
    answer = ask(cast.olive(), "evidence_csv", "log", action="phi.revealed")
    assert isinstance(answer, FileResponse)
    content = b"".join(answer.streaming_content)  # type: ignore[arg-type]
    assert answer["X-Content-SHA256"] == hashlib.sha256(content).hexdigest()
    lines, closing = content.decode().split("\r\n\r\n")
    [row] = list(csv.DictReader(io.StringIO(lines, newline="")))
    event = AuditEvent.objects.get(action="phi.revealed")
    link = AuditLink.objects.get(event=event)
    assert row["in words"] == "Opened records"
    assert row["purpose"] == "'=cmd|calc"
    assert row["details"] == '{"count": 1, "fields": ["email"], "table": "t"}'
    assert (row["place in the chain"], row["hash"]) == (str(link.sequence), bytes(link.hash).hex())
    assert "report,audit log" in closing
    assert "What: Opened records" in closing
    assert '"audit log, rows chained",' in closing
    taken = AuditEvent.objects.get(action="evidence.exported")
    assert taken.details["filters"] == {"action": "phi.revealed"}
