"""PostgreSQL: its cluster, its settings, its two roles and its database."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from marketing.servers.addresses import ServersError
from marketing.servers.folder import APP_ROLE, OWNER_ROLE, SUPERUSER, StateFolder
from marketing.servers.pids import gone, process
from marketing.servers.programs import major_version, postgres_programs

DATABASE = "wellsent"
GRANTS = Path(__file__).parents[1] / "grants.sql"
START_SECONDS = 60
SETTLE_SECONDS = 10
STOP_SECONDS = 30

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements, parameters and values are PHI. An ERROR names the value that it refuses ("invalid input
    # syntax: …") and its DETAIL the row, so the server logs neither; the application logs its errors by id.
    "log_statement": "none",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "%m [%p] ",
    # Suited to two cores shared with web, workers and the index process.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "autovacuum_max_workers": "2",
    "random_page_cost": "1.1",
    "jit": "off",
}


class Postgres:
    """The PostgreSQL of one state folder. Who calls holds the folder's lock."""

    def __init__(self, folder: StateFolder) -> None:
        self.folder = folder

    def pid(self, home: Path) -> int | None:
        # The id alone isn't proof: after a reboot, or in a container, another process may carry it.
        data = home / "postgres"
        return process(data / "postmaster.pid", str(data))

    def start(self) -> None:
        # Only whoever starts servers pays for this import; settings ask running() alone.
        import psycopg

        home = self.folder.prepared_home()
        run = self.folder.own_directory(self.folder.run_directory(home))
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            if self.pid(home) is None:
                self._start_cluster(home, run)
            try:
                self._make_database(run)
            except psycopg.OperationalError as error:
                # A server killed a moment ago may still have its process; the next look finds it gone.
                if time.monotonic() > deadline:
                    raise ServersError(
                        f"PostgreSQL runs and does not let its superuser in: {error}. If the password is "
                        f"wrong, put back the {self.folder.root / 'passwords.json'} that belongs to this data."
                    ) from error
                time.sleep(0.1)
            else:
                return

    def _start_cluster(self, home: Path, run: Path) -> None:
        data, programs = home / "postgres", postgres_programs(self.folder, home)
        if not (data / "PG_VERSION").exists():
            self._make_cluster(programs, data)
        self._check_cluster(programs, data)
        # Nobody runs on this directory (we hold the lock, and asked): what lies there is a crash's.
        (data / "postmaster.pid").unlink(missing_ok=True)
        self._launch(programs, data, run)

    def _launch(self, programs: Path, data: Path, run: Path) -> None:
        settings = POSTGRES_SETTINGS | {"unix_socket_directories": '"' + str(run).replace('"', '""') + '"'}
        options = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        command = [str(programs / "pg_ctl"), "start", "-D", str(data), "-w", "-t", str(START_SECONDS), "-s"]
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            with self.folder.log("postgres") as log:
                if self.folder.run([*command, "-o", options], output=log).returncode == 0:
                    return
            # Children of a killed server hold its shared memory for a moment, and PostgreSQL rightly waits.
            if time.monotonic() > deadline:
                raise ServersError(
                    f"PostgreSQL did not start. Its log says why: {self.folder.root / 'log' / 'postgres.log'}"
                )
            time.sleep(0.2)

    def _make_cluster(self, programs: Path, data: Path) -> None:
        unfinished = data.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self.folder.own_directory(unfinished)
        password = self.folder.own_file(
            unfinished.with_name("postgres.password"), self.folder.passwords()[SUPERUSER]
        )
        command = [
            str(programs / "initdb"),
            "-D",
            str(unfinished),
            "-U",
            SUPERUSER,
            "--pwfile",
            str(password),
        ]
        # The builtin provider sorts the same on every machine; no locale of the system is asked.
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--data-checksums"]
        try:
            answer = self.folder.run([*command, "--no-instructions"])
        finally:
            password.unlink()
        if answer.returncode != 0:
            raise ServersError(
                f"PostgreSQL could not lay out its data directory {data}: {answer.stderr.strip()}"
            )
        unfinished.rename(data)

    def _check_cluster(self, programs: Path, data: Path) -> None:
        made_by, installed = int((data / "PG_VERSION").read_text()), major_version(self.folder, programs)
        if made_by != installed:
            raise ServersError(
                f"{data} was made by PostgreSQL {made_by}, and version {installed} is installed. Export with the "
                "old version (pg_dumpall), move the directory away, start, and import."
            )
        owner = self.folder.user.pw_uid if self.folder.user else os.geteuid()
        if data.stat().st_uid != owner:
            raise ServersError(
                f"{data} belongs to user id {data.stat().st_uid}. Start the servers as that user."
            )

    def _make_database(self, run: Path) -> None:
        """Make the two roles and the database, unless an earlier start did; the database comes last."""
        import psycopg
        from psycopg import sql

        passwords = self.folder.passwords()
        connection = psycopg.connect(
            host=str(run), user=SUPERUSER, password=passwords[SUPERUSER], dbname="template1", autocommit=True
        )
        with connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                return
            for role, rights in ((OWNER_ROLE, "LOGIN CREATEDB"), (APP_ROLE, "LOGIN")):
                known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount
                # The verifier is made here, so that no password travels in a statement.
                verifier = connection.pgconn.encrypt_password(
                    passwords[role].encode(), role.encode(), b"scram-sha-256"
                ).decode()
                connection.execute(
                    sql.SQL("{} ROLE {} WITH " + rights + " PASSWORD {}").format(
                        sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(role), sql.Literal(verifier)
                    )
                )
            connection.execute(GRANTS.read_bytes())
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                )
            )

    def stop(self) -> None:
        home = self.folder.home()
        running = self.pid(home)
        if running is None:
            return
        # "Fast" ends sessions; what still holds out is ended without a checkpoint, and recovers at the start.
        for how in (signal.SIGINT, signal.SIGQUIT):
            with suppress(ProcessLookupError):
                os.kill(running, how)
            if gone(lambda: self.pid(home), STOP_SECONDS):
                return
        raise ServersError(
            f"PostgreSQL (process {running}) does not stop. See {self.folder.root / 'log' / 'postgres.log'}"
        )
