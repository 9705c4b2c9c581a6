"""The processes that make up a running Wellsent on one machine, started and ended together: for `run`, `demo` and the tests."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 10.0


class Ended(RuntimeError):
    """A process ended that should be running."""


@dataclass(slots=True)
class Group:
    """Child processes with one environment; each writes to a log of its own under `logs`."""

    environment: Mapping[str, str]
    logs: Path
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    files: list[IO[bytes]] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start one, in a process group of its own, so that Ctrl-C reaches us first and we end it in order."""
        self.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = (self.logs / f"{name}.log").open("ab")
        self.files.append(log)
        child = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.children[name] = child
        return child

    def ended(self) -> dict[str, int]:
        """Names and exit codes of those that are no longer running."""
        return {name: code for name, child in self.children.items() if (code := child.poll()) is not None}

    def check(self) -> None:
        """Raises Ended, naming the log, if one of them is gone."""
        for name, code in self.ended().items():
            raise Ended(f"{name} ended with {code}; see {self.logs / name}.log")

    def wait_for(self, what: str, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until `ready`. Raises Ended if a process dies meanwhile, TimeoutError when the time is over."""
        until = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise TimeoutError(f"{what} did not get ready in {seconds:.0f} s; see {self.logs}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End them all: politely, and after ten seconds by force, with whatever they started themselves."""
        for child in self.children.values():
            _signal(child, signal.SIGTERM)
        until = time.monotonic() + _PATIENCE
        for child in self.children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, until - time.monotonic()))
        for child in self.children.values():
            _signal_group(child, signal.SIGKILL)
            child.wait()
        self.children.clear()
        for log in self.files:
            log.close()
        self.files.clear()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        child.send_signal(number)


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def end_on_sigterm() -> None:
    """Have SIGTERM end this process as Ctrl-C does, so that what it started is ended too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def manage(*arguments: str) -> list[str]:
    """The command line of a management command."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def worker(queue: str, concurrency: int) -> list[str]:
    """The command line of a Celery worker for one queue."""
    options = [
        f"--queues={queue}",
        f"--concurrency={concurrency}",
        f"--hostname={queue}@%h",
        "--loglevel=WARNING",
    ]
    return [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "marketing",
        "worker",
        *options,
        "--without-gossip",
        "--without-mingle",
    ]


def beat(state: Path) -> list[str]:
    """The command line of the alarm clock."""
    return [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "marketing",
        "beat",
        f"--schedule={state / 'celerybeat'}",
        "--pidfile=",
        "--loglevel=WARNING",
    ]


def web(addresses: Sequence[str]) -> list[str]:
    """The command line of the web server, on some `host:port`."""
    binds = [f"--bind={address}" for address in addresses]
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "marketing.wsgi:application",
        *binds,
        "--workers=2",
        "--threads=4",
        "--no-control-socket",
        "--log-level=warning",
        "--graceful-timeout=5",
    ]


def start_all(group: Group, *, state: Path, addresses: Sequence[str]) -> None:
    """Start index, workers, beat and web. The database and Redis are running already, and migrated."""
    group.start("index", manage("index"))
    group.start("worker-marketing", worker("marketing", 2))
    group.start("worker-transactional", worker("transactional", 1))
    group.start("worker-default", worker("default", 1))
    group.start("beat", beat(state))
    group.start("web", web(addresses))


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(wanted: int) -> int:
    """The wanted port if it is free, or the next free one after it."""
    return next(port for port in range(wanted, wanted + 500) if is_free(port))


def listens(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
