"""The pair of servers of a state folder: started, stopped, and published for other processes."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from marketing.servers.addresses import Addresses, Status
from marketing.servers.folder import APP_ROLE, OWNER_ROLE, StateFolder, write_private
from marketing.servers.postgres import DATABASE, Postgres
from marketing.servers.valkey import Valkey


class Servers:
    """The pair of servers of one state folder.

    Every method that changes something holds a lock on the folder, so any number of processes may call it.
    """

    def __init__(self, root: Path) -> None:
        self._folder = StateFolder(root)
        self._postgres, self._valkey = Postgres(self._folder), Valkey(self._folder)
        self.root = self._folder.root

    # What a person asks for

    def start(self) -> Addresses:
        """Start what isn't running, and answer the addresses once both servers take connections.

        Refused (ServersError): no binaries for this platform, a data directory of another user or of another
        major version, and a server that doesn't come up within a minute; its log is named.
        """
        with self._folder.locked():
            self._postgres.start()
            self._valkey.start()
            return self._publish()

    def stop(self) -> None:
        """Stop both servers, after PostgreSQL has ended open transactions and Valkey has written its file."""
        with self._folder.locked():
            (self.root / "servers.json").unlink(missing_ok=True)
            self._valkey.stop()
            self._postgres.stop()

    def status(self) -> Status:
        """Tell which servers run; changes nothing."""
        if not self.root.is_dir():
            return Status(None, None, self.root)
        home = self._folder.home()
        return Status(self._postgres.pid(home), self._valkey.pid(home), home)

    def remove(self) -> None:
        """Stop both servers and delete all that they keep, data and passwords included."""
        self.stop()
        with self._folder.locked():
            home = self._folder.home()
            shutil.rmtree(self._folder.run_directory(home), ignore_errors=True)
            for name in ("postgres", "postgres.new", "valkey", "programs", "run"):
                shutil.rmtree(home / name, ignore_errors=True)
            if home != self.root:
                # Not there yet where these servers were never started.
                shutil.rmtree(home, ignore_errors=True)
            (self.root / "passwords.json").unlink(missing_ok=True)

    # One server at a time, for drills and tests of faults

    def start_postgres(self) -> None:
        """Start PostgreSQL alone; returns when it takes connections."""
        with self._folder.locked():
            self._postgres.start()
            self._publish()

    def stop_postgres(self) -> None:
        """Stop PostgreSQL alone, ending its sessions."""
        with self._folder.locked():
            self._postgres.stop()

    def restart_postgres(self) -> None:
        """Stop and start PostgreSQL; sessions are lost, data is not."""
        with self._folder.locked():
            self._postgres.stop()
            self._postgres.start()
            self._publish()

    def start_valkey(self) -> None:
        """Start Valkey alone; returns when it answers."""
        with self._folder.locked():
            self._valkey.start()
            self._publish()

    def stop_valkey(self) -> None:
        """Stop Valkey alone."""
        with self._folder.locked():
            self._valkey.stop()

    def _publish(self) -> Addresses:
        home, passwords = self._folder.home(), self._folder.passwords()
        run, path = self._folder.run_directory(home), self._valkey.socket_path(home)

        def url(role: str) -> str:
            return f"postgresql://{role}:{quote(passwords[role])}@/{DATABASE}?host={quote(str(run), safe='')}"

        addresses = Addresses(url(APP_ROLE), url(OWNER_ROLE), f"unix://{quote(str(path))}")
        record = {
            "addresses": asdict(addresses),
            "sockets": [str(run / ".s.PGSQL.5432"), str(path)],
            "pids": [self._postgres.pid(home), self._valkey.pid(home)],
        }
        write_private(self.root / "servers.json", record)
        return addresses
