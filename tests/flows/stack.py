"""A whole Wellsent of the tests' own: a cloned database, workers, beat, web, the index process and a mail world."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.db import connections
from django.test import override_settings

from campaigns.delivery import drain, world
from campaigns.delivery.sandbox import Sandbox
from marketing import environment, processes
from tests import databases


@dataclass(frozen=True, slots=True)
class Stack:
    """What a test may look at, and break."""

    database: str
    state: Path
    sandbox: Sandbox
    group: processes.Group
    staff_url: str
    public_url: str

    def kill_workers(self, name: str) -> None:
        """Kill a worker and its children, as a machine that loses power would: no signal that could be handled."""
        os.killpg(self.group.children[name].pid, signal.SIGKILL)
        self.group.children.pop(name).wait()

    def start_worker(self, queue: str, concurrency: int = 1) -> None:
        """Start a worker again."""
        self.group.start(f"worker-{queue}", processes.worker(queue, concurrency))


def eventually(holds: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Wait until it holds; a limit that a loaded machine keeps, not a measure of speed."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"{what} did not come about in {seconds:.0f} s"
        time.sleep(0.1)


def _of(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """Start it all on a fresh clone, point this process at it too, and end it all."""
    before = str(connections["default"].settings_dict["NAME"])
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    with databases.cloned(before) as database, Sandbox(folder / "sandbox") as sandbox:
        state = folder / "state"
        state.mkdir(mode=0o700)
        staff = processes.free_port(18000)
        public = processes.free_port(staff + 1)
        variables = {
            "DATABASE_URL": _of(os.environ["DATABASE_URL"], database),
            "DATABASE_OWNER_URL": _of(os.environ["DATABASE_OWNER_URL"], database),
            "WELLSENT_STATE_DIR": str(state),
            "WELLSENT_STAFF_URL": f"http://localhost:{staff}",
            "WELLSENT_PUBLIC_URL": f"http://localhost:{public}",
            "DELIVERY_DNS": f"127.0.0.1:{sandbox.dns_port}",
            "DELIVERY_SMTP_PORT": str(sandbox.smtp_port),
            "DELIVERY_CA_FILE": str(sandbox.ca_file),
        }
        ours = override_settings(
            STATE_DIR=state,
            JOURNAL_DIR=state / "journal",
            INDEX_SOCKET=environment.socket_path(state, "index.sock"),
            PUBLIC_URL=variables["WELLSENT_PUBLIC_URL"],
            DELIVERY_DNS=variables["DELIVERY_DNS"],
            DELIVERY_SMTP_PORT=sandbox.smtp_port,
            DELIVERY_CA_FILE=str(sandbox.ca_file),
        )
        group = processes.Group(variables, state / "log")
        with ours:
            _forget()
            try:
                addresses = [f"127.0.0.1:{port}" for port in (staff, public)]
                processes.start_all(group, state=state, addresses=addresses)
                group.wait_for("the web server", lambda: processes.listens(public))
                group.wait_for("the index process", lambda: settings.INDEX_SOCKET.exists())
                yield Stack(
                    database,
                    state,
                    sandbox,
                    group,
                    variables["WELLSENT_STAFF_URL"],
                    variables["WELLSENT_PUBLIC_URL"],
                )
            finally:
                group.stop()
                _forget()


def _forget() -> None:
    """What this process has remembered of another world."""
    world.tls.cache_clear()
    drain.compiled.cache_clear()
