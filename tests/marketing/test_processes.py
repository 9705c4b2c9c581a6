"""What is started together is ended together, however the end comes, and never beside another of its kind."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from marketing import processes
from marketing.demo.management.commands.demo import surroundings
from tests.processes import wait_until

STARTER = """
import signal, sys, time
from pathlib import Path
from marketing import processes
# As in a terminal, whatever the tests were started by.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
processes.end_as_by_ctrl_c()
group = processes.Group({}, Path(sys.argv[1]))
try:
    child = group.start("child", [sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    pass
finally:
    processes.end_undisturbed()
    print("ending", flush=True)
    sys.stdin.readline()
    group.stop()
    print("ended", flush=True)
"""


def start(folder: Path) -> "tuple[subprocess.Popen[str], int]":
    """A process that has started another one; gives it, and the other's id."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)],
        cwd=processes.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout
    return starter, int(starter.stdout.readline())


def runs(pid: int) -> bool:
    """Whether the process is there and not merely waits to be reaped."""
    answer = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return bool(answer.stdout.strip()) and not answer.stdout.startswith("Z")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_whoever_asks_for_the_end_is_heard_once_and_nothing_is_left(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Also by a terminal that is closed; and asking again while it ends leaves nothing half ended."""
    starter, child = start(tmp_path)
    assert runs(child)
    starter.send_signal(number)
    assert starter.stdout
    assert starter.stdout.readline() == "ending\n"
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        starter.send_signal(again)
    said, _ = starter.communicate("go on\n", timeout=60)
    assert (said, starter.returncode) == ("ended\n", 0)
    assert not runs(child)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own word to a child is Linux's")
def test_killing_the_starter_ends_what_it_started(tmp_path: Path) -> None:
    """Else the next start finds its ports taken, and two sets of workers at one queue."""
    starter, child = start(tmp_path)
    starter.kill()
    starter.communicate()
    wait_until(lambda: not runs(child), "the end of the child")


def test_two_of_a_kind_do_not_run_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "var" / "run.lock"
    with processes.alone(lock), pytest.raises(processes.Busy), processes.alone(lock):
        pass
    with processes.alone(lock):
        pass


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", socket.SOCK_STREAM),
        ("127.0.0.25", socket.SOCK_STREAM),
        ("127.0.0.1", socket.SOCK_DGRAM),
        ("", socket.SOCK_DGRAM),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine on Linux alone")
def test_a_port_that_somebody_uses_anywhere_here_is_passed_over(
    address: str, kind: socket.SocketKind
) -> None:
    """Another demonstration's mail host, or the name service of a desktop, which has 5353 by UDP."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((address, 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        assert processes.free_port(port) > port


def ask_settings(environment: dict[str, str]) -> dict[str, str]:
    """What the settings say in these surroundings."""
    question = (
        "import json; from django.conf import settings as s; print(json.dumps({n: str(getattr(s, n)) for n in"
        " ('DATABASE_URL', 'DATABASE_OWNER_URL', 'REDIS_URL', 'SECRET_KEY', 'ROOT_KEY', 'ANCHOR_KEY',"
        " 'ANCHOR_DIR', 'INDEX_SOCKET', 'DEMO')}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", question],
        cwd=processes.ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "marketing.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def test_the_demonstration_never_touches_servers_or_keys_that_are_somebodys(tmp_path: Path) -> None:
    """It makes an administrator whose password stands on a page: not in the database of a clinic."""
    key = tmp_path / "key"
    key.write_text("f" * 64)
    theirs = {
        "DATABASE_URL": "postgresql://clinic@db.clinic.example/real",
        "DATABASE_OWNER_URL": "postgresql://owner@db.clinic.example/real",
        "REDIS_URL": "redis://redis.clinic.example/0",
        "WELLSENT_SECRET_KEY": "clinic" * 10,
        "WELLSENT_ROOT_KEY_FILE": str(key),
        "WELLSENT_ANCHOR_KEY": "e" * 64,
        "WELLSENT_ANCHOR_DIR": "/clinic/anchors",
        "WELLSENT_INDEX_SOCKET": "/clinic/index.sock",
    }
    state = tmp_path / "demo"
    ours = surroundings(state, staff=8000, public=8001, smtp=2525, dns=5353)
    found = ask_settings({**os.environ, **theirs, **ours})
    assert found.pop("DEMO") == "True"
    assert found["ROOT_KEY"] != "f" * 64
    assert found["ANCHOR_KEY"] != "e" * 64
    assert str(state) in found["DATABASE_URL"]
    assert not [name for name, value in found.items() if "clinic" in value]


def test_running_on_a_named_database_needs_a_named_redis(tmp_path: Path) -> None:
    environment = os.environ | {"WELLSENT_STATE_DIR": str(tmp_path), "REDIS_URL": ""}
    answer = subprocess.run(
        processes.manage("run"),
        cwd=processes.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 1
    assert "set REDIS_URL" in answer.stderr
