"""The processes that make up a running Wellsent on one machine, started and ended together: for `run`, `demo` and the tests."""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 10.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Ended(RuntimeError):
    """A process ended that should be running."""


class Busy(RuntimeError):
    """Another one of the same kind is running."""


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock for the length of the block, or until this process dies in whatever way. Raises Busy where another holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(str(lock)) from None
        yield


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
            preexec_fn=_end_with(os.getpid()),
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


def _end_with(parent: int) -> Callable[[], None]:
    """Have Linux send SIGTERM to a child whose parent was killed: nobody else would ever end it, and it keeps its port."""

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return ask


def end_as_by_ctrl_c() -> None:
    """Have SIGTERM, and SIGHUP of a terminal that is closed, end this process as Ctrl-C does: with all that it started.

    Started by nohup it stays, as asked.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def end_undisturbed() -> None:
    """From here on nothing but SIGKILL keeps this process from ending what it started: whoever asks twice is heard once."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


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
        "--quiet",
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
        "--quiet",
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
    """Start index, workers, beat and web. The database and Redis are running already, and migrated; the index may be."""
    if "index" not in group.children:
        group.start("index", manage("index"))
    group.start("worker-marketing", worker("marketing", 2))
    group.start("worker-transactional", worker("transactional", 1))
    group.start("worker-default", worker("default", 1))
    group.start("beat", beat(state))
    group.start("web", web(addresses))


def is_free(port: int) -> bool:
    """Whether this port of 127.0.0.1 can be listened on."""
    return _binds(port, "127.0.0.1", socket.SOCK_STREAM)


def free_port(wanted: int) -> int:
    """The wanted port, or the next one after it, that nobody uses on any address of this machine, by TCP or by UDP.

    The demonstration's mail hosts stand on addresses of their own beside 127.0.0.1, and its name server answers by UDP.
    """
    return next(
        port
        for port in range(wanted, wanted + 500)
        if _binds(port, "", socket.SOCK_STREAM) and _binds(port, "", socket.SOCK_DGRAM)
    )


def _binds(port: int, address: str, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            # Connections that ended a moment ago don't hold it; of UDP the option would let two share it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((address, port)) == 0
