"""Valkey: started detached, found by its socket, asked whether it takes commands."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from marketing.servers.addresses import ServersError
from marketing.servers.folder import StateFolder
from marketing.servers.pids import gone, process
from marketing.servers.programs import valkey_program

START_SECONDS = 60
STOP_SECONDS = 30


class Valkey:
    """The Valkey of one state folder. Who calls holds the folder's lock."""

    def __init__(self, folder: StateFolder) -> None:
        self.folder = folder

    def pid(self, home: Path) -> int | None:
        return process(home / "valkey" / "valkey.pid", str(home / "valkey"))

    def start(self) -> None:
        home = self.folder.prepared_home()
        path = self.socket_path(home)
        self.folder.own_directory(path.parent)
        deadline = time.monotonic() + START_SECONDS
        launched = False
        while not _answers(path):
            if not launched and self.pid(home) is None:
                self._launch(home, path)
                launched = True
            if time.monotonic() > deadline:
                log = self.folder.root / "log" / "valkey.log"
                raise ServersError(f"Valkey did not start. Its log says why: {log}")
            time.sleep(0.02)

    def _launch(self, home: Path, path: Path) -> None:
        kept = self.folder.own_directory(home / "valkey")
        (kept / "valkey.pid").unlink(missing_ok=True)
        command = [str(valkey_program(self.folder, home)), "--port", "0", "--unixsocket", str(path)]
        command += ["--unixsocketperm", "700", "--dir", str(kept), "--pidfile", str(kept / "valkey.pid")]
        command += ["--set-proc-title", "no", "--save", "", "--appendonly", "yes"]
        command += ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
        with self.folder.log("valkey") as log:
            # The shell goes at once, so the server is nobody's child here and outlives whoever started it.
            self.folder.run(["/bin/sh", "-c", '"$@" &', "sh", *command], output=log)

    def socket_path(self, home: Path) -> Path:
        return self.folder.run_directory(home) / "valkey.sock"

    def stop(self) -> None:
        home = self.folder.home()
        running = self.pid(home)
        if running is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(running, how)
            if gone(lambda: self.pid(home), STOP_SECONDS):
                return
        raise ServersError(
            f"Valkey (process {running}) does not stop. See {self.folder.root / 'log' / 'valkey.log'}"
        )


def _answers(path: Path) -> bool:
    """Valkey takes commands at this socket (and has loaded its file)."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
