"""Anchors: signed, one behind the other, outside the database; what is done to them shows, and what a crash does is mended."""

import errno
import json
import logging
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from safeguards import anchoring, audit, queries, tasks
from safeguards.actor import Actor
from safeguards.audit import anchors, canonical
from safeguards.audit.anchors import Entry
from safeguards.audit.folder import Folder
from safeguards.models import AuditEvent, AuditLink
from tests.safeguards.logs import INSERT, as_owner, chained, codes, happen, sql, written

CONSOLE = Actor(kind="system", id="console")


def file_of(store: Folder) -> Path:
    [file] = store.path.glob("anchors-*.jsonl")
    return file


def entries(store: Folder) -> list[Entry]:
    return [entry for _place, line in store.lines() if (entry := anchors.read(line))]


def test_an_anchor_says_how_far_the_chain_had_come_and_names_the_one_before(
    own_database: str, tmp_path: Path
) -> None:
    store = written(tmp_path)
    first, second, third = entries(store)
    assert [each.number for each in (first, second, third)] == [1, 2, 3]
    assert [(each.sequence, each.count) for each in (first, second, third)] == [(4, 4), (9, 9), (14, 14)]
    assert bytes.fromhex(second.hash) == bytes(AuditLink.objects.get(sequence=9).hash)
    assert (second.previous, third.previous) == (first.sha256, second.sha256)
    assert all(each.signed() for each in (first, second, third))
    rows = AuditEvent.objects.filter(action="audit.anchored").order_by("pk")
    assert [row.details["sha256"] for row in rows] == [first.sha256, second.sha256, third.sha256]


def test_whoever_has_the_public_key_alone_can_check_a_line(own_database: str, tmp_path: Path) -> None:
    line = file_of(written(tmp_path)).read_bytes().splitlines()[0]
    fields = json.loads(line)
    signature = bytes.fromhex(fields.pop("signature"))
    said = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(anchors.public_key()))
    public.verify(signature, b"wellsent anchor 1\n" + said)


def test_one_is_due_after_fifteen_minutes_though_nothing_happened(own_database: str, tmp_path: Path) -> None:
    """The row of an anchor is under the next one: one a quarter of an hour, and no more."""
    store = Folder(tmp_path)
    now = timezone.now()
    taken = []
    for minutes in (0, 1, 14, 15, 16, 31):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            taken.append(anchoring.take(store, only_if_due=True) is not None)
    assert taken == [True, False, False, True, False, True]
    # A last anchor from the future, by a clock that was wrong, keeps none from being taken.
    with time_machine.travel(now - timedelta(days=1), tick=False):
        assert anchoring.take(store, only_if_due=True)


def test_the_tasks_chain_note_the_head_and_anchor(
    own_database: str, tmp_path: Path, settings: Settings
) -> None:
    settings.ANCHOR_DIR = tmp_path / "anchors"
    happen(3)
    while audit.unchained():
        tasks.chain()
    store = Folder(settings.ANCHOR_DIR)
    head = anchors.read(store.head() or b"")
    assert head and (head.kind, head.sequence) == ("head", 3)
    tasks.anchor()
    tasks.anchor()
    assert [each.number for each in entries(store)] == [1]
    assert settings.CELERY_BEAT_SCHEDULE["anchor"]["task"] == "safeguards.anchor"


# --- What is done to them.


def _change(store: Folder, change: str) -> None:
    file = file_of(store)
    lines = file.read_bytes().splitlines()
    match change:
        case "an edited line":
            lines[1] = lines[1].replace(b'"count":9', b'"count":8')
        case "a line forged with another key":
            fields = json.loads(lines[2])
            del fields["signature"]
            other = Ed25519PrivateKey.generate()
            fields["signature"] = other.sign(b"wellsent anchor 1\n" + canonical.encoded(fields)).hex()
            lines[2] = canonical.encoded(fields)
        case "the newest line edited":
            lines[2] = lines[2].replace(b'"count":14', b'"count":13')
        case "a line taken out":
            del lines[1]
        case "lines changed over":
            lines[0], lines[1] = lines[1], lines[0]
        case "the first line taken out":
            del lines[0]
        case "the newest line taken out":
            del lines[2]
        case "a line made unreadable":
            lines[1] = lines[1][:40]
        case "a line doubled":
            lines.insert(1, lines[0])
    file.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("an edited line", "anchor_forged"),
        ("a line forged with another key", "anchor_forged"),
        ("the newest line edited", "anchor_forged"),
        ("a line taken out", "anchor_removed"),
        ("lines changed over", "anchor_removed"),
        ("the first line taken out", "anchor_removed"),
        ("the newest line taken out", "anchor_removed"),
        ("a line made unreadable", "anchor_torn"),
        ("a line doubled", "anchor_removed"),
    ],
)
def test_what_is_done_to_the_anchors_shows(
    own_database: str, tmp_path: Path, change: str, found: str
) -> None:
    store = written(tmp_path)
    assert audit.examine(store).findings == []
    _change(store, change)
    assert found in codes(audit.examine(store))


def test_all_anchors_gone_shows_by_the_rows_that_name_them(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    file_of(store).unlink()
    assert codes(audit.examine(store)) == ["anchor_removed"]


def test_a_forged_head_shows_and_an_older_one_hides_no_more_than_the_last_anchor(
    own_database: str, tmp_path: Path
) -> None:
    store = written(tmp_path)
    head = store.head() or b""
    store.put_head(head.replace(b'"sequence":17', b'"sequence":14'))
    assert codes(audit.examine(store)) == ["anchor_forged"]
    # An anchor is no head either, although we signed it.
    store.put_head(file_of(store).read_bytes().splitlines()[0])
    assert codes(audit.examine(store)) == ["anchor_forged"]


def test_another_key_counts_when_it_is_named_among_the_former_ones(
    own_database: str, tmp_path: Path, settings: Settings
) -> None:
    store = written(tmp_path)
    former = anchors.public_key()
    settings.ANCHOR_KEY = os.urandom(32).hex()
    assert "anchor_forged" in codes(audit.examine(store))
    settings.ANCHOR_PUBLIC_KEYS = [former]
    assert audit.examine(store).findings == []
    happen(1)
    chained()
    anchoring.take(store)
    anchoring.note_head(store)
    assert audit.examine(store).findings == []


@pytest.mark.parametrize("key", ["", "x", "00", "0" * 63, "0" * 65])
def test_a_malformed_key_is_refused_without_quoting_it(settings: Settings, key: str) -> None:
    settings.ANCHOR_KEY = key
    with pytest.raises(anchors.AnchorKeyMalformed, match=r"64 hexadecimal digits$"):
        anchors.public_key()


def test_a_head_that_disagrees_is_evidence_and_not_written_over(
    own_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows are cut off behind the last anchor, and a second later the chain grows again."""
    store = written(tmp_path)
    with as_owner():
        sql("DELETE FROM safeguards_audit_link WHERE sequence > 15")
        sql("DELETE FROM safeguards_audit_event WHERE id NOT IN (SELECT event_id FROM safeguards_audit_link)")
    for more in (1, 5):
        happen(more)
        chained()
        anchoring.note_head(store)
    assert "isn't what was noted" in caplog.text
    assert codes(audit.examine(store)) == ["rewritten"]


@pytest.mark.parametrize(
    "details", ["{}", '{"number": "x", "sha256": 7}', '{"number": null, "sha256": null}']
)
def test_a_row_that_names_no_anchor_is_told_and_ends_nothing(
    own_database: str, tmp_path: Path, details: str
) -> None:
    store = written(tmp_path)
    forged = INSERT.replace("test.happened", "audit.anchored").replace("'{}'", f"'{details}'")
    sql(forged, role="default")
    chained()
    assert codes(audit.examine(store)) == ["anchor_removed"]
    assert queries.anchor_state().number in (0, "x", None)


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"kind":"anchor"}', b"\xff", b"", b"1" * 5000])
def test_lines_that_no_crash_leaves_end_nothing(own_database: str, tmp_path: Path, line: bytes) -> None:
    store = written(tmp_path)
    file = file_of(store)
    file.write_bytes(line + b"\n" + file.read_bytes())
    assert codes(audit.examine(store)) == ["anchor_torn"]


# --- Crashes.


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_torn_line_is_told_by_the_next_anchor_and_kept(own_database: str, tmp_path: Path, cut: int) -> None:
    store = written(tmp_path)
    file = file_of(store)
    whole = file.read_bytes()
    # A crash while a fourth was written, before its row was committed.
    torn = anchors.write(
        "anchor", number=4, at=timezone.now(), sequence=17, hash=b"x" * 32, count=17, previous="0" * 64
    )[:cut]
    file.write_bytes(whole + torn)
    assert audit.examine(store).findings == [], (
        "torn at the very end: nobody's fault, and the next one mends it"
    )
    entry = anchoring.take(store)
    assert entry and entry.number == 4 and entry.mends == (anchors.digest(torn),)
    assert torn + b"\n" in file.read_bytes(), "it is kept"
    assert audit.examine(store).findings == []
    # The same bytes somewhere else are attested by nobody.
    file.write_bytes(torn + b"\n" + file.read_bytes())
    assert codes(audit.examine(store)) == ["anchor_torn"]


def test_a_line_whose_end_alone_is_missing_counts(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    file = file_of(store)
    file.write_bytes(file.read_bytes()[:-1])
    entry = anchoring.take(store)
    assert entry and (entry.number, entry.mends) == (4, ())
    assert [each.number for each in entries(store)] == [1, 2, 3, 4]
    assert audit.examine(store).findings == []


def test_an_anchor_whose_row_was_never_committed_is_no_finding(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    anchoring.put(
        store, anchors.ANCHOR, sequence=14, hash=bytes(AuditLink.objects.get(sequence=14).hash), count=14
    )
    assert audit.examine(store).findings == []


def test_months_have_files_of_their_own_and_a_clock_set_back_goes_on_in_the_last(
    own_database: str, tmp_path: Path
) -> None:
    store = Folder(tmp_path)
    for day in ("2026-11-30T12:00Z", "2026-12-01T12:00Z", "2026-11-30T12:00Z"):
        with time_machine.travel(day, tick=False):
            anchoring.take(store)
    assert sorted(file.name for file in tmp_path.glob("anchors-*")) == [
        "anchors-2026-11.jsonl",
        "anchors-2026-12.jsonl",
    ]
    assert [each.number for each in entries(store)] == [1, 2, 3]
    assert file_modes(tmp_path) == {0o640}


def file_modes(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.glob("anchors-*")}


# --- A store that takes nothing.


class Refusing(Folder):
    def put(self, line: bytes) -> None:
        raise OSError(errno.EROFS, "read-only")

    def put_head(self, line: bytes) -> None:
        raise OSError(errno.ENOSPC, "full")


def test_a_store_that_takes_nothing_is_loud(
    own_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = written(tmp_path)
    before = queries.anchor_state()
    assert (before.number, before.sequence, before.problem, before.overdue) == (3, 14, "", False)
    refusing = Refusing(tmp_path)
    caplog.set_level(logging.ERROR)
    for _ in range(3):
        with pytest.raises(OSError, match="read-only"):
            anchoring.take(refusing)
    assert "EROFS" in caplog.text
    assert queries.anchor_state().problem == "EROFS"
    # Once in fifteen minutes, though it is tried each minute.
    assert AuditEvent.objects.filter(action="audit.anchor_failed", outcome="failure").count() == 1
    anchoring.take(store)
    assert queries.anchor_state().problem == ""
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert queries.anchor_state().overdue


def test_a_head_that_cant_be_noted_is_logged_and_stops_nothing(
    own_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    anchoring.note_head(Refusing(tmp_path))
    assert "ENOSPC" in caplog.text


def test_a_store_that_cant_be_read_is_a_finding(own_database: str, tmp_path: Path) -> None:
    class Away(Folder):
        def head(self) -> bytes | None:
            raise OSError(errno.EIO, "away")

    written(tmp_path)
    assert codes(audit.examine(Away(tmp_path))) == ["anchors"]


# --- From an anchor on, and after a backup was restored.


def test_a_quick_look_begins_behind_an_anchor(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        sql("UPDATE safeguards_audit_event SET actor_display = 'x' WHERE id = %s", _event(3))
        sql("UPDATE safeguards_audit_event SET actor_display = 'x' WHERE id = %s", _event(11))
    report = audit.examine(store, from_anchor=2)
    assert (report.begins, report.links) == (10, 8)
    assert [(each.code, each.where) for each in report.findings] == [("changed", 11)]
    with pytest.raises(ValueError, match="no sound anchor 9"):
        audit.examine(store, from_anchor=9)


def test_a_trusted_anchors_own_link_is_looked_at(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        sql("UPDATE safeguards_audit_link SET hash = previous WHERE sequence = 9")
    assert codes(audit.examine(store, from_anchor=2)) == ["rewritten"]


def test_a_restored_backup_is_found_and_can_be_explained(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        sql("DELETE FROM safeguards_audit_link WHERE sequence > 12")
        sql("DELETE FROM safeguards_audit_event WHERE id NOT IN (SELECT event_id FROM safeguards_audit_link)")
    assert codes(audit.examine(store)) == ["cut"]
    with pytest.raises(ValueError, match="say why"):
        anchoring.accept_restore(actor=CONSOLE, reason=" ", store=store)
    entry = anchoring.accept_restore(actor=CONSOLE, reason="disk lost, backup of 03:00", store=store)
    assert (entry.kind, entry.more["common"]) == ("restored", 9)
    happen(4)
    chained()
    anchoring.note_head(store)
    report = audit.examine(store)
    assert report.findings == []
    assert any("accepted" in note for note in report.notes)
    [row] = AuditEvent.objects.filter(action="audit.restore_accepted")
    assert row.reason == "disk lost, backup of 03:00"
    with pytest.raises(ValueError, match="nothing"):
        anchoring.accept_restore(actor=CONSOLE, reason="again", store=Folder(tmp_path / "empty"))


def test_what_was_explained_hides_no_change_before_it(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        sql("DELETE FROM safeguards_audit_link WHERE sequence > 12")
        sql("DELETE FROM safeguards_audit_event WHERE id NOT IN (SELECT event_id FROM safeguards_audit_link)")
    anchoring.accept_restore(actor=CONSOLE, reason="backup", store=store)
    chained()
    anchoring.take(store)
    with as_owner():
        sql("UPDATE safeguards_audit_link SET hash = previous WHERE sequence = 9")
    assert "rewritten" in codes(audit.examine(store))


def _event(sequence: int) -> int:
    return AuditLink.objects.get(sequence=sequence).event_id


# --- The command.


def _run(*words: str) -> str:
    out = StringIO()
    call_command("audit", *words, stdout=out)
    return out.getvalue()


def test_the_command_says_what_is_wrong_and_fails(
    own_database: str, tmp_path: Path, settings: Settings
) -> None:
    settings.ANCHOR_DIR = tmp_path
    written(tmp_path)
    assert "The chain of 17 rows is whole, from 1 to 17, and agrees with 3 anchors" in _run("verify")
    told = json.loads(_run("verify", "--json", "--processes", "1"))
    assert (told["whole"], told["links"], told["findings"]) == (True, 17, [])
    with as_owner():
        sql("UPDATE safeguards_audit_event SET actor_display = 'x' WHERE id = %s", _event(6))
    out = StringIO()
    with pytest.raises(CommandError, match="1 findings"):
        call_command("audit", "verify", stdout=out)
    assert "the event was changed at 6" in out.getvalue()
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("audit", "verify", "--json", stdout=out)
    [finding] = json.loads(out.getvalue())["findings"]
    assert (finding["code"], finding["where"]) == ("changed", 6)
    assert _run("verify", "--from-anchor", "2")
    with pytest.raises(CommandError, match="no sound anchor"):
        _run("verify", "--from-anchor", "7")


def test_the_command_tells_how_the_log_stands(own_database: str, tmp_path: Path, settings: Settings) -> None:
    settings.ANCHOR_DIR = tmp_path
    with pytest.raises(CommandError, match="older than thirty minutes"):
        _run("status")
    assert "Anchor 1 covers 0 rows" in _run("anchor")
    assert "Anchor 1 of" in _run("status")
    assert json.loads(_run("status", "--json"))["anchor"] == 1
    assert anchors.public_key() in _run("key")
    settings.ANCHOR_DIR = tmp_path / "head.json" / "nowhere"
    (tmp_path / "head.json").write_text("a file where a folder should be")
    with pytest.raises(CommandError, match="Not a directory"):
        _run("anchor")
    with pytest.raises(CommandError, match="ENOTDIR"):
        _run("status")


def test_a_check_of_a_floor_above_is_part_of_it(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safeguards.audit.checks._checks", {})
    audit.register_check(
        "test", lambda after: [audit.Finding("evidence differs of batch", 7 + after, "evidence")]
    )
    assert [str(each) for each in audit.verify()] == ["evidence differs of batch 7"]
