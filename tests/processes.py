"""Starts our own long-running commands as real processes, against a test's own database, and waits until they are ready."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contacts.segments import wire
from contacts.segments.client import IndexAway, ask
from tests.databases import url_of

ROOT = Path(__file__).resolve().parent.parent
# A limit that a loaded machine keeps, not a measure of speed.
PATIENCE_SECONDS = 90.0


def wait_until(holds: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Ask again until it holds; fails, naming `what`, where it doesn't within `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)


@contextmanager
def running(
    *command: str, database: str, ready: Callable[[], bool], **environment: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `python <command…>` in the project's folder against the database called `database` for the length of the block.

    Waits until `ready()`; a process that ends before that fails the test with what it wrote. At the end it gets SIGTERM, and
    SIGKILL where that doesn't do within ten seconds.
    """
    surroundings = os.environ | {
        "DATABASE_URL": url_of(os.environ["DATABASE_URL"], database),
        "DATABASE_OWNER_URL": url_of(os.environ["DATABASE_OWNER_URL"], database),
        **environment,
    }
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=surroundings, stdout=said, stderr=subprocess.STDOUT
        )

        def ready_or_ended() -> bool:
            if process.poll() is not None:
                said.seek(0)
                raise AssertionError(f"{command} ended with {process.returncode}:\n{said.read().decode()}")
            return ready()

        try:
            wait_until(ready_or_ended, f"the start of {command}")
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def index_answers() -> bool:
    """Whether an index process answers, and has read everything."""
    try:
        ask(wire.TellState(actor="tests", purpose="readiness"))
    except IndexAway:
        return False
    return True


@contextmanager
def index(database: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the index process against a database, on the socket that this process's settings name."""
    with running("manage.py", "index", database=database, ready=index_answers) as process:
        yield process
