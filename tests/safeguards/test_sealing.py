"""Sealing: what is moved, altered or out of date no longer opens; and a Sealed value tells nobody anything."""

import json
import logging
import pickle

import pytest
from django.template import Context, Engine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.json import dumps as kombu_dumps

from accounts import access
from accounts.access import Permission
from contacts.models import Contact
from safeguards import crypto, phi, tokens
from safeguards.fields import Sealed, message_of
from safeguards.models import AuditEvent
from tests import cast

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_is_sealed_opens_again_and_only_in_its_place(plaintext: bytes, context: bytes) -> None:
    message = crypto.seal(KEY, 7, b"t", plaintext, context)
    assert crypto.key_id_of(message) == 7
    assert crypto.unseal(KEY, b"t", message, context) == plaintext
    assert len(message) == len(plaintext) + crypto.OVERHEAD
    for other in ((b"u", context), (b"t", context + b"x")):
        with pytest.raises(crypto.SealBroken):
            crypto.unseal(KEY, other[0], message, other[1])


def test_every_flipped_bit_is_noticed() -> None:
    message = crypto.seal(KEY, 1, b"t", b"A1c 9.1", b"here")
    for position in range(len(message)):
        altered = bytearray(message)
        altered[position] ^= 1
        with pytest.raises(crypto.SealBroken):
            crypto.unseal(KEY, b"t", bytes(altered), b"here")


def test_nothing_shorter_than_a_seal_is_read() -> None:
    with pytest.raises(crypto.SealBroken):
        crypto.key_id_of(b"short")


def test_a_sealed_value_leaks_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    sealed = Sealed(b"ciphertext-of-a-diagnosis")
    with caplog.at_level(logging.INFO):
        logging.getLogger("t").info("contact %s %r", sealed, sealed)
    shown = Engine().from_string("{{ s }}{{ s|default:'x' }}").render(Context({"s": sealed}))
    for text in (caplog.text, shown, f"{sealed}|{sealed!r}|{sealed:>20}", str([sealed])):
        assert "ciphertext" not in text
    with pytest.raises(TypeError):
        pickle.dumps(sealed)
    with pytest.raises(TypeError):
        json.dumps(sealed)
    with pytest.raises(TypeError):
        kombu_dumps({"s": sealed})
    with pytest.raises(AttributeError):
        sealed.extra = 1


def contact(**record: object) -> Contact:
    now = timezone.now()
    return Contact.objects.create(
        id=901,
        person_key=b"p" * 16,
        address_hash=b"a" * 16,
        record=phi.seal(Contact, "record", 901, record),
        created_at=now,
        updated_at=now,
    )


@pytest.mark.django_db
def test_plaintext_is_refused_by_the_column() -> None:
    now = timezone.now()
    with pytest.raises(TypeError):
        Contact.objects.create(
            person_key=b"p" * 16,
            address_hash=b"a" * 16,
            record=b"{}",
            created_at=now,
            updated_at=now,
        )


@pytest.mark.django_db
def test_revealing_leaves_a_row_that_says_who_what_and_why() -> None:
    contact(first_name="Ana", conditions=["E11.9"])
    grant = access.grant(cast.actor(cast.dana()), Permission.VIEW_CONTACTS)
    record = Contact.objects.get(pk=901)
    assert phi.reveal([record], ["first_name"], grant=grant, purpose="contact page") == [
        {"first_name": "Ana"}
    ]
    row = AuditEvent.objects.get(action="phi.revealed")
    assert (row.actor_display, row.purpose, row.patient) == ("Dana Kim", "contact page", (b"p" * 16).hex())
    assert row.details == {"table": "contacts_contact", "fields": ["first_name"], "count": 1}
    assert "Ana" not in json.dumps(row.details)


def test_a_marketer_may_not_open_clinical_fields(own_database: str) -> None:
    contact(first_name="Ana", conditions=["E11.9"])
    grant = access.grant(cast.actor(cast.dana()), Permission.VIEW_CONTACTS)
    with pytest.raises(phi.Refused):
        phi.reveal(list(Contact.objects.all()), ["conditions"], grant=grant, purpose="curiosity")
    assert AuditEvent.objects.filter(action="phi.refused", outcome="denied").count() == 1


def test_a_record_put_into_another_row_denies_and_is_reported(own_database: str) -> None:
    contact(first_name="Ana")
    now = timezone.now()
    stolen = Contact.objects.get(pk=901).record
    Contact.objects.create(
        id=902,
        person_key=b"q" * 16,
        address_hash=b"b" * 16,
        record=stolen,
        created_at=now,
        updated_at=now,
    )
    grant = access.grant(cast.actor(cast.dana()), Permission.VIEW_CONTACTS)
    with pytest.raises(crypto.SealBroken):
        phi.reveal(list(Contact.objects.filter(pk=902)), ["first_name"], grant=grant, purpose="contact page")
    assert AuditEvent.objects.filter(action="phi.seal_broken", outcome="failure").count() == 1


@pytest.mark.parametrize("position", [0, 1, 4, 5, 40], ids="byte {}".format)
def test_damage_anywhere_in_a_record_holds_up_nobody_else(own_database: str, position: int) -> None:
    """Its version, its key's number, its nonce, its text: each is one record left out, with its incident row."""
    contact(first_name="Ana")
    record = Contact.objects.get(pk=901)
    damaged = bytearray(message_of(record.record))
    damaged[position] ^= 1
    Contact.objects.filter(pk=901).update(record=Sealed(bytes(damaged)))
    grant = access.grant(access.system("delivery"), Permission.DELIVER)
    opened = phi.reveal_sound(list(Contact.objects.all()), ["first_name"], grant=grant, purpose="delivery")
    assert opened == [None]
    assert AuditEvent.objects.filter(action="phi.seal_broken", outcome="failure").count() == 1


@pytest.mark.django_db
def test_the_same_words_are_sealed_differently_each_time() -> None:
    one, two = (message_of(phi.seal(Contact, "record", 1, {"plan": "Gold"})) for _ in range(2))
    assert one != two
    assert b"Gold" not in one


@pytest.mark.django_db
def test_one_address_has_one_key_however_it_is_written() -> None:
    assert tokens.address_key(" Ana.Lopez@Mail.Example ") == tokens.address_key("ana.lopez@mail.example")
    assert tokens.address_key("a@b\u00fccher.example") == tokens.address_key("a@xn--bcher-kva.example")
    with pytest.raises(ValueError, match="@"):
        tokens.address_key("ana.lopez")


@pytest.mark.django_db
def test_a_link_token_opens_for_its_own_kind_only() -> None:
    token = tokens.LinkToken(b"a" * 16, b"p" * 16, 1, 2, 3, 4)
    text = tokens.seal_link("u", token)
    assert tokens.open_link("u", text) == token
    for bad in (text[:-2], text[:-1] + ("A" if text[-1] != "A" else "B") + "A", "", "ü", "abc", text + "!"):
        with pytest.raises(tokens.BadToken):
            tokens.open_link("u", bad)
    with pytest.raises(tokens.BadToken):
        tokens.open_link("p", text)


@pytest.mark.django_db
def test_a_totals_link_is_always_the_same_and_names_nobody() -> None:
    text = tokens.totals_link("c", 7, 2)
    assert text == tokens.totals_link("c", 7, 2)
    opened = tokens.open_link("c", text)
    assert (opened.mailing_id, opened.number, opened.message_id) == (7, 2, 0)
    assert opened.address_hash == opened.person_key == bytes(16)
    for kind, bad in (("o", text), ("c", text[:-1] + ("A" if text[-1] != "A" else "B")), ("c", text[:20])):
        with pytest.raises(tokens.BadToken):
            tokens.open_link(kind, bad)
