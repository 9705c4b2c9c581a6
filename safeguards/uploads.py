"""The way of an uploaded file from the request to whoever stores it: what has to lie on a disk meanwhile lies there sealed.

Django's own handlers spool a file of patients into /tmp in the clear, where a crash, a snapshot or a swapped page leaves it (B1).
"""

import os
import struct
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from safeguards import keyring

_LABEL = b"upload"
_LENGTH = struct.Struct(">I")


class SealedUpload(UploadedFile):
    """An uploaded file that is read by `chunks` alone, in their order; `file` is the sealed spool, which has no name."""

    def __init__(self, spool: IO[bytes], context: bytes, name: str | None, size: int) -> None:
        super().__init__(spool, name, "application/octet-stream", size)
        self._spool, self._context = spool, context

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The file's bytes as they came, whatever `chunk_size` says. Raises SealBroken where the spool was tampered with."""
        self._spool.seek(0)
        number = 0
        while header := self._spool.read(_LENGTH.size):
            (length,) = _LENGTH.unpack(header)
            yield keyring.unseal(_LABEL, self._spool.read(length), _context(self._context, number))
            number += 1

    def multiple_chunks(self, chunk_size: int | None = None) -> bool:
        """Always: there is no reading it whole."""
        return True


class SealedUploadHandler(FileUploadHandler):
    """Seals each chunk as it arrives, and writes it to a file without a name, which is gone with the process.

    What is over IMPORT_MAX_BYTES in one request is counted and let go, so that `size` tells the truth and the disk isn't filled.
    """

    chunk_size = 256 * 1024

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._taken = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a spool of its own for each file of the request."""
        super().new_file(*args, **kwargs)
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the request, with the upload that holds it
        self._context, self._number = os.urandom(16), 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Seal one chunk; nothing is handed on to other handlers."""
        self._taken += len(raw_data)
        if self._taken > settings.IMPORT_MAX_BYTES:
            return
        sealed = keyring.seal(
            keyring.Purpose.RECORD, _LABEL, bytes(raw_data), _context(self._context, self._number)
        )
        self._spool.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1

    def file_complete(self, file_size: int) -> SealedUpload:
        """The file, to be read by chunks; `file_size` counts all that came."""
        return SealedUpload(self._spool, self._context, self.file_name, file_size)

    def upload_interrupted(self) -> None:
        """The sender broke off: nothing is kept."""
        if hasattr(self, "_spool"):
            self._spool.close()


def _context(upload: bytes, number: int) -> bytes:
    return upload + number.to_bytes(4, "big")
