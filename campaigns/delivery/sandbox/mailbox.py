"""Where the sandbox keeps the mail it receives: two files a message, in a folder outside the database."""

import json
import os
import re
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

_ID = re.compile(r"[0-9]{20}-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it arrived: envelope, time (UTC), and how the connection was."""

    id: str
    sender: str
    recipient: str
    at: datetime
    peer: str
    helo: str
    mx_host: str
    tls_version: str
    tls_cipher: str
    size: int

    def __repr__(self) -> str:
        return f"Received({self.id})"


class Mailbox:
    """A folder of received mail; ids sort by arrival, are safe file names and name nobody."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._latest = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def deposit(
        self,
        content: bytes,
        *,
        sender: str,
        recipient: str,
        peer: str,
        helo: str,
        mx_host: str,
        tls_version: str,
        tls_cipher: str,
    ) -> Received:
        """Keep a message; it shows in `entries` only once both of its files are whole."""
        # Two deposits within one tick of the clock still sort by arrival.
        self._latest = max(self._latest + 1, time.time_ns())
        received = Received(
            id=f"{self._latest:020d}-{secrets.token_hex(8)}",
            sender=sender,
            recipient=recipient,
            at=datetime.fromtimestamp(self._latest / 1e9, UTC),
            peer=peer,
            helo=helo,
            mx_host=mx_host,
            tls_version=tls_version,
            tls_cipher=tls_cipher,
            size=len(content),
        )
        self._put(f"{received.id}.eml", content)
        self._put(
            f"{received.id}.json",
            json.dumps({**asdict(received), "at": received.at.isoformat()}).encode("utf-8"),
        )
        return received

    def entries(self) -> list[Received]:
        """List all received mail, the oldest first."""
        return self.since("")

    def since(self, id: str) -> list[Received]:
        """List the mail received after the message of that id, the oldest first; "" lists all."""
        found = sorted(path.stem for path in self._folder.glob("*.json") if _ID.fullmatch(path.stem))
        return [self._describe(each) for each in found if each > id]

    def entry(self, id: str) -> Received:
        """How a message arrived; KeyError if there is none of that id."""
        if not _ID.fullmatch(id) or not (self._folder / f"{id}.json").exists():
            raise KeyError(id)
        return self._describe(id)

    def read(self, id: str) -> bytes:
        """Give the bytes of a message as they arrived; KeyError if there is none of that id."""
        if not _ID.fullmatch(id):
            raise KeyError(id)
        try:
            return (self._folder / f"{id}.eml").read_bytes()
        except FileNotFoundError as error:
            raise KeyError(id) from error

    def _describe(self, id: str) -> Received:
        fields = json.loads((self._folder / f"{id}.json").read_bytes())
        return Received(**{**fields, "at": datetime.fromisoformat(fields["at"])})

    def _put(self, name: str, content: bytes) -> None:
        draft = self._folder / f".{name}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        draft.rename(self._folder / name)
