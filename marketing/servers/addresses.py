"""Where the servers are reached, and whether they run: what other processes ask."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from marketing.servers.pids import command_line


class ServersError(RuntimeError):
    """A server can't be started or stopped; the message says what to do."""


@dataclass(frozen=True)
class Addresses:
    """Where the servers are reached: URLs for the application, for migrations, and for the broker."""

    database_url: str = field(repr=False)
    database_owner_url: str = field(repr=False)
    redis_url: str


@dataclass(frozen=True)
class Status:
    """Process ids of the servers (None: not running) and the directory that holds what they keep."""

    postgres: int | None
    valkey: int | None
    home: Path

    @property
    def running(self) -> bool:
        """Both servers are there."""
        return self.postgres is not None and self.valkey is not None


def running(root: Path) -> Addresses | None:
    """Give the addresses of the servers under a state folder; None unless both run.

    Cheap enough for the import of settings: one small file, two looks at sockets, two at processes. None also
    for a caller who may not read the file, and for sockets that a crash or a reboot left behind.
    """
    try:
        record = json.loads((root / "servers.json").read_text())
        alive = all(Path(path).is_socket() for path in record["sockets"]) and all(
            command_line(int(pid)) for pid in record["pids"]
        )
        return Addresses(**record["addresses"]) if alive else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
