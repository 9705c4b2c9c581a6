"""An uploaded file on its way: sealed wherever it touches a disk, whole when it is read, and never larger than it may be."""

import tempfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.test import Client, RequestFactory, override_settings

from contacts.models import Import
from safeguards import phi
from safeguards.uploads import SealedUpload
from tests import cast
from tests.sessions import signed_in

pytestmark = pytest.mark.django_db
CONTENT = b"email,conditions\r\n" + b"canary@mail.example,E11.9\r\n" * 40_000


def received(content: bytes) -> SealedUpload:
    """The file as a view is given it, by the handlers that the settings name."""
    request = RequestFactory().post("/", {"file": SimpleUploadedFile("patients.csv", content)})
    file = request.FILES["file"]
    assert isinstance(file, SealedUpload)
    return file


def test_what_lies_on_the_disk_is_sealed_and_what_is_read_is_whole() -> None:
    request = RequestFactory().post("/", {"file": SimpleUploadedFile("patients.csv", CONTENT)})
    file = request.FILES["file"]
    assert isinstance(file, UploadedFile)
    spool = file.file
    assert spool is not None
    spool.seek(0)
    raw = spool.read()
    assert len(raw) > len(CONTENT)
    assert b"canary" not in raw
    assert b"E11.9" not in raw
    assert b"".join(file.chunks()) == CONTENT
    assert file.size == len(CONTENT)


def test_no_file_with_a_name_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    received(CONTENT)
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_was_tampered_with_is_not_read() -> None:
    file = received(CONTENT)
    spool = file.file
    assert spool is not None
    spool.seek(1000)
    spool.write(b"\0\0\0\0")
    with pytest.raises(phi.SealBroken):
        list(file.chunks())


def test_what_is_too_large_is_counted_and_not_kept() -> None:
    with override_settings(IMPORT_MAX_BYTES=300_000):
        file = received(CONTENT)
        assert file.size == len(CONTENT)
        assert len(b"".join(file.chunks())) <= 300_000
        cast.clinic()
        client = signed_in(Client(), cast.dana())
        response = client.post("/contacts/import/", {"file": SimpleUploadedFile("patients.csv", CONTENT)})
        assert response.status_code == 422
        assert not Import.objects.exists()
