"""The journal, with owners that really die."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from campaigns.delivery.journal import DeadJournal, Journal, reconcile

OWNER = """
import sys
from pathlib import Path
from campaigns.delivery.journal import Journal

journal = Journal.open(Path(sys.argv[1]), 77)
journal.begin(1); journal.answer(1, 250)
journal.begin(2); journal.answer(2, 451)
journal.begin(3)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def owner(directory: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def only(directory: Path) -> DeadJournal:
    (dead,) = reconcile(directory)
    return dead


def test_a_living_owner_is_left_alone_and_a_killed_one_is_read(tmp_path: Path) -> None:
    with owner(tmp_path) as child:
        assert list(reconcile(tmp_path)) == []
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        (dead,) = reconcile(tmp_path)
        assert (dead.lease_token, dead.accepted, dead.refused) == (77, {1: 250}, {2: 451})
        assert dead.unanswered == {3}
        assert dead.complete


def test_a_journal_is_yielded_until_it_is_forgotten(tmp_path: Path) -> None:
    with owner(tmp_path):
        pass
    only(tmp_path)
    only(tmp_path).forget()
    assert list(reconcile(tmp_path)) == []


def test_two_reconcilers_never_hold_the_same_journal(tmp_path: Path) -> None:
    with owner(tmp_path):
        pass
    first = reconcile(tmp_path)
    dead = next(first)
    assert list(reconcile(tmp_path)) == []
    dead.forget()
    assert list(first) == []


def test_closing_removes_the_file_and_leaving_by_an_error_keeps_it(tmp_path: Path) -> None:
    with Journal.open(tmp_path, 5) as journal:
        journal.begin(9)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="lost"), Journal.open(tmp_path, 6) as journal:
        journal.begin(9)
        raise RuntimeError("lost")
    assert only(tmp_path).unanswered == {9}


def test_a_lease_has_one_journal(tmp_path: Path) -> None:
    with Journal.open(tmp_path, 5):
        with pytest.raises(FileExistsError):
            Journal.open(tmp_path, 5)
        assert [path.name for path in tmp_path.iterdir()] == ["5.journal"]


@pytest.mark.parametrize("torn", [b"B", b"B 12", b"A 3 25"])
def test_a_torn_last_line_is_as_if_it_had_not_been_written(tmp_path: Path, torn: bytes) -> None:
    with owner(tmp_path):
        pass
    with (tmp_path / "77.journal").open("ab") as stream:
        stream.write(torn)
    dead = only(tmp_path)
    assert dead.unanswered == {3}
    assert dead.accepted == {1: 250}
    assert dead.complete


def test_damage_before_the_end_is_reported(tmp_path: Path) -> None:
    with owner(tmp_path):
        pass
    with (tmp_path / "77.journal").open("ab") as stream:
        stream.write(b"\0\0\0\nB 4\n")
    dead = only(tmp_path)
    assert dead.unanswered == {3, 4}
    assert not dead.complete


def test_a_journal_from_an_earlier_boot_is_not_complete(tmp_path: Path) -> None:
    (tmp_path / "8.journal").write_bytes(b"J 00000000-0000-0000-0000-000000000000\nB 1\nA 1 250\n")
    dead = only(tmp_path)
    assert dead.accepted == {1: 250}
    assert not dead.complete


def test_a_message_begun_again_waits_for_its_new_answer(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Journal.open(tmp_path, 6) as journal:
        journal.begin(1)
        journal.answer(1, 451)
        journal.begin(1)
        raise RuntimeError
    dead = only(tmp_path)
    assert dead.unanswered == {1}
    assert dead.refused == {}


def test_a_draft_left_by_a_kill_is_cleared_away_and_a_fresh_or_a_held_one_is_not(tmp_path: Path) -> None:
    old, fresh, held = (tmp_path / f".{number}.1.new" for number in (1, 2, 3))
    for draft in (old, fresh, held):
        draft.touch()
    for draft in (old, held):
        os.utime(draft, (0, 0))
    with held.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert list(reconcile(tmp_path)) == []
    assert not old.exists()
    assert fresh.exists()
    assert held.exists()
