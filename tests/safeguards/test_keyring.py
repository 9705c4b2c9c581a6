"""The key ring: made once, never in somebody's transaction, and a root key that is missing or another is refused in words."""

import os
import threading
from collections.abc import Iterator

import pytest
from django.db import connection, connections, transaction
from django.test import override_settings

from safeguards import crypto, keyring
from safeguards.keyring import KeyMissing, Purpose, WrongRootKey
from safeguards.models import DataKey
from tests.databases import point_at


@pytest.fixture
def ring(own_database: str) -> Iterator[str]:
    """A database of the test's own, and a key ring that remembers no other."""
    keyring.forget()
    yield own_database
    keyring.forget()


def test_migrating_makes_one_key_of_each_purpose_and_no_second(ring: str) -> None:
    assert sorted(DataKey.objects.values_list("purpose", flat=True)) == sorted(Purpose)
    assert keyring.create_missing() == 0
    assert DataKey.objects.count() == len(Purpose)


def test_purposes_do_not_share_a_key(ring: str) -> None:
    assert len({keyring.current(purpose)[1] for purpose in Purpose}) == len(Purpose)


def test_what_is_stored_is_wrapped(ring: str) -> None:
    stored = b"".join(bytes(row) for row in DataKey.objects.values_list("wrapped", flat=True))
    for purpose in Purpose:
        assert keyring.current(purpose)[1] not in stored


def test_what_is_sealed_opens_and_only_for_what_it_was_sealed(ring: str) -> None:
    message = keyring.seal(Purpose.RECORD, b"phi", b"A1c 9.1", b"here")
    keyring.forget()
    assert keyring.unseal(b"phi", message, b"here") == b"A1c 9.1"
    for label, context in ((b"phi", b"there"), (b"secret", b"here")):
        with pytest.raises(crypto.SealBroken):
            keyring.unseal(label, message, context)


def test_a_newer_key_seals_and_the_older_one_still_opens(ring: str) -> None:
    old = keyring.seal(Purpose.RECORD, b"phi", b"before", b"")
    number, _ = keyring.current(Purpose.RECORD)
    row = DataKey.objects.get(pk=number)
    wrapped = crypto.seal(keyring._root(), 0, b"wrap", os.urandom(32), b"data-key|record")
    DataKey.objects.create(purpose=row.purpose, wrapped=wrapped, created_at=row.created_at)
    keyring.forget()
    assert keyring.current(Purpose.RECORD)[0] > number
    new = keyring.seal(Purpose.RECORD, b"phi", b"after", b"")
    assert crypto.key_id_of(new) != crypto.key_id_of(old)
    assert [keyring.unseal(b"phi", each, b"") for each in (old, new)] == [b"before", b"after"]


def test_reading_a_key_inside_a_transaction_that_fails_loses_none(ring: str) -> None:
    """A key made on first use would vanish with the transaction, and with it all that others sealed meanwhile."""

    class Failed(Exception):
        pass

    with pytest.raises(Failed), transaction.atomic():
        message = keyring.seal(Purpose.RECORD, b"phi", b"kept", b"")
        raise Failed
    keyring.forget()
    assert keyring.unseal(b"phi", message, b"") == b"kept"


def test_no_key_is_made_inside_somebodys_transaction(ring: str) -> None:
    """This process would go on sealing with it after it was rolled back."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM safeguards_data_key WHERE purpose = 'notice'")
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(using="owner"):
        keyring.create_missing("owner")
    assert not DataKey.objects.filter(purpose="notice").exists()


def test_a_database_without_keys_is_told_to_migrate(ring: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM safeguards_data_key")
    keyring.forget()
    with pytest.raises(KeyMissing, match="migrate"):
        keyring.seal(Purpose.RECORD, b"phi", b"x", b"")
    with pytest.raises(KeyMissing, match="4711"):
        keyring.by_id(4711)


@pytest.mark.parametrize("root", ["", "abc", "zz" * 32, "ab" * 16, "ab" * 33, "ab " * 32])
def test_a_root_key_that_is_none_is_refused_in_words(ring: str, root: str) -> None:
    with override_settings(ROOT_KEY=root), pytest.raises(ValueError, match="WELLSENT_ROOT_KEY") as refused:
        keyring.current(Purpose.RECORD)
    if root:
        assert root not in str(refused.value)


def test_another_root_key_is_refused_in_words_and_told_apart_from_tampering(ring: str) -> None:
    with (
        override_settings(ROOT_KEY=os.urandom(32).hex()),
        pytest.raises(WrongRootKey, match="WELLSENT_ROOT_KEY"),
    ):
        keyring.current(Purpose.RECORD)
    assert keyring.current(Purpose.RECORD), "with the right one it goes on"


def test_migrating_with_another_root_key_makes_no_keys_that_only_it_can_read(ring: str) -> None:
    """A purpose added later would get a key under the wrong root, and its data would be lost with that root."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM safeguards_data_key WHERE purpose = 'notice'")
    with override_settings(ROOT_KEY=os.urandom(32).hex()), pytest.raises(WrongRootKey):
        keyring.create_missing("owner")
    assert not DataKey.objects.filter(purpose="notice").exists()
    assert keyring.create_missing("owner") == 1


def test_keys_made_at_once_by_several_are_made_once(ring: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM safeguards_data_key")
    made: list[int] = []

    def make() -> None:
        made.append(keyring.create_missing("owner"))
        connections["owner"].close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 0, len(Purpose)]


def test_another_database_has_other_keys(ring: str) -> None:
    name = str(connection.settings_dict["NAME"])
    first = keyring.current(Purpose.RECORD)
    point_at(name)
    assert keyring.current(Purpose.RECORD) == first, "the same database, read again"


def test_a_message_that_names_no_key_of_ours_is_broken_and_not_a_missing_key(ring: str) -> None:
    """One damaged header would stop whatever goes through many records at once."""
    message = bytearray(keyring.seal(Purpose.RECORD, b"phi", b"A1c 9.1", b""))
    message[2] ^= 1
    with pytest.raises(crypto.SealBroken, match="key that this database doesn't have"):
        keyring.unseal(b"phi", bytes(message), b"")
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM safeguards_data_key")
    keyring.forget()
    with pytest.raises(KeyMissing):
        keyring.unseal(b"phi", bytes(message), b"")


def test_a_ring_is_read_whole_or_not_at_all(ring: str) -> None:
    """A newer key that doesn't open is an error each time, and no reason to go on with the older one."""
    wrapped = crypto.seal(os.urandom(32), 0, b"wrap", os.urandom(32), b"data-key|record")
    newest = DataKey.objects.latest("pk")
    DataKey.objects.create(purpose=Purpose.RECORD, wrapped=wrapped, created_at=newest.created_at)
    for _ in range(2):
        with pytest.raises(WrongRootKey):
            keyring.current(Purpose.RECORD)
