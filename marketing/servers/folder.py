"""The state folder: the lock, the passwords, the logs, and the places where the servers' user can go."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from marketing.servers.addresses import ServersError

OWNER_ROLE = "wellsent_owner"
APP_ROLE = "wellsent_app"
SUPERUSER = "postgres"

SOCKET_PATH_BYTES = 90  # sockaddr_un holds 104 on macOS and 108 on Linux; PostgreSQL adds ".lock"
LOG_BYTES = 10 * 1024 * 1024
# Both survive a reboot, which the system's temporary directory need not.
REACHABLE_HOMES = (Path("/var/lib/wellsent"), Path("/var/tmp/wellsent"))  # noqa: S108 -- made 0711 by root


class StateFolder:
    """A folder that keeps one pair of servers, and the user as whom they run (None: the caller)."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.user = server_user()

    @contextmanager
    def locked(self) -> Iterator[None]:
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

    def home(self) -> Path:
        """Find where data and sockets lie: the state folder, or where the servers' user can go."""
        recorded = self.passwords().get("home")
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
        if self.user is None or self.can_enter(self.root):
            return self.root
        for parent in REACHABLE_HOMES:
            if private_directory(parent, None, 0o711) and self.can_enter(parent):
                return parent / digest
        raise ServersError(
            f"The user {self.user.pw_name}, under whom PostgreSQL runs when root starts it, can enter "
            f"neither {self.root} nor {REACHABLE_HOMES[0]}. Put the state folder where that user can go."
        )

    def run_directory(self, home: Path) -> Path:
        """Find the directory of the sockets: short enough for a socket's address."""
        run = home / "run"
        if len(os.fsencode(run / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES:
            return run
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        name = f"wellsent-servers-{os.geteuid()}-{digest}"
        for temporary in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 -- 0700 and checked
            run = temporary / name
            if len(os.fsencode(run / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES and self.can_enter(temporary):
                return run
        raise ServersError(
            f"No place for sockets: the path of {home} is too long, and that of /tmp is closed."
        )

    def own_directory(self, path: Path) -> Path:
        """Make a directory that only the servers' user enters; refuse one that somebody else laid there."""
        owner = self.user.pw_uid if self.user else os.geteuid()
        if not private_directory(path, self.user, 0o700):
            raise ServersError(
                f"{path} must be a directory of user id {owner}, closed to others. Start the servers as the "
                "user who made it, or move it away."
            )
        return path

    def can_enter(self, directory: Path) -> bool:
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)]).returncode == 0

    def prepared_home(self) -> Path:
        """Make the home and its passwords, once; what exists stays as it is."""
        home = self.home()
        if home != self.root:
            self.own_directory(home)
        if not self.passwords():
            if (home / "postgres" / "PG_VERSION").exists():
                raise ServersError(
                    f"{self.root / 'passwords.json'} is missing, and {home / 'postgres'} can't be opened "
                    "without it. Put the file back, or move that directory away to begin empty."
                )
            made = {role: secrets.token_urlsafe(32) for role in (SUPERUSER, OWNER_ROLE, APP_ROLE)}
            write_private(
                self.root / "passwords.json", made | {"home": "." if home == self.root else str(home)}
            )
        return home

    def passwords(self) -> dict[str, str]:
        try:
            passwords: dict[str, str] = json.loads((self.root / "passwords.json").read_text())
        except FileNotFoundError:
            return {}
        except PermissionError as error:
            raise ServersError(
                f"{self.root} belongs to another user. Run this as the one who made it."
            ) from error
        return passwords

    def own_file(self, path: Path, text: str) -> Path:
        """Write a file that only the servers' user can read."""
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            if self.user is not None:
                os.fchown(file.fileno(), self.user.pw_uid, self.user.pw_gid)
        return path

    def log(self, name: str) -> IO[bytes]:
        """Open a server's log for appending; the server inherits it, so it needs no right to the folder."""
        folder = self.root / "log"
        folder.mkdir(mode=0o750, exist_ok=True)
        path = folder / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def run(
        self, command: Sequence[str], output: IO[bytes] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the servers' user, in a session of its own (Ctrl-C is not for it).

        With `output` its words go there; without, they are in the answer. A program that can't be entered or
        executed answers 126, as a shell would.
        """
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
        who: dict[str, Any] = {}
        if self.user is not None:
            who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
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


def server_user() -> pwd.struct_passwd | None:
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


def private_directory(path: Path, owner: pwd.struct_passwd | None, mode: int) -> bool:
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


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that only its owner can read, whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    unfinished.replace(path)
