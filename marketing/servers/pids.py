"""Processes of this machine, known by their ids and by what they were started with."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def process(pidfile: Path, marker: str) -> int | None:
    """Read a process id, and give it if that process runs and names `marker` in its command line."""
    try:
        pid = int(pidfile.read_text().split()[0])
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None
    return pid if marker in command_line(pid) else None


def command_line(pid: int) -> str:
    """Give a process' arguments; empty for one that is gone or only waits to be reaped."""
    if platform.system() == "Linux":
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            return ""
    answer = subprocess.run(  # noqa: S603 -- a fixed program and a number
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout


def gone(pid: Callable[[], int | None], seconds: float) -> bool:
    """Wait until there is no such process any more; False if it outlasts the time."""
    deadline = time.monotonic() + seconds
    while pid() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
