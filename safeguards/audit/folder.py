"""A folder as the store of anchors: a file of lines for each month, only ever appended to, and one file for the chain's head.

The folder should not be where the database's owner can write. A crash can tear the last line and nothing else: what was put
is synced before `put` returns. A torn line is kept; the next entry begins on a line of its own and says what it found there.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils import timezone

_FILE = re.compile(r"anchors-\d{4}-\d{2}\.jsonl")


class Folder:
    """An AnchorStore in a folder of the file system."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, line: bytes) -> None:
        """Append one line, and sync it and the folder. One writer at a time, whichever process it is in."""
        with self._locked():
            file = self._last(f"anchors-{timezone.now():%Y-%m}.jsonl")
            made = not file.exists()
            with file.open("ab", buffering=0) as out:
                whole = out.tell() == 0 or _ends_a_line(file)
                written = (b"" if whole else b"\n") + line + b"\n"
                if out.write(written) != len(written):
                    raise OSError(f"{file} took only a part of an anchor")
                os.fsync(out.fileno())
            if made:
                file.chmod(0o640)
                _sync(self.path)

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Every line, oldest first, with its file and number."""
        for file in self._files():
            with file.open("rb") as source:
                for number, line in enumerate(source, 1):
                    yield f"{file.name}:{number}", line.rstrip(b"\n")

    def backwards(self) -> Iterator[bytes]:
        """Every line, newest first."""
        for file in reversed(self._files()):
            yield from reversed(file.read_bytes().removesuffix(b"\n").split(b"\n"))

    def put_head(self, line: bytes) -> None:
        """Lay the head whole in the place of the last one."""
        with self._locked():
            draft = self.path / ".head.new"
            with draft.open("wb") as out:
                out.write(line + b"\n")
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self.path / "head.json")
            _sync(self.path)

    def head(self) -> bytes | None:
        """The last head."""
        try:
            return (self.path / "head.json").read_bytes().rstrip(b"\n")
        except FileNotFoundError:
            return None

    def _files(self) -> list[Path]:
        if not self.path.exists():
            return []
        return sorted(each for each in self.path.iterdir() if _FILE.fullmatch(each.name))

    def _last(self, name: str) -> Path:
        # A clock that goes back must not put an anchor before those that are there.
        return self.path / max([name, *(file.name for file in self._files()[-1:])])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
        with (self.path / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _ends_a_line(file: Path) -> bool:
    with file.open("rb") as source:
        source.seek(-1, os.SEEK_END)
        return source.read(1) == b"\n"


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def store() -> Folder:
    """The store that the settings name."""
    return Folder(settings.ANCHOR_DIR)
