"""What OWASP ASVS 5.0 asks of passwords and sessions and no other test here proves (docs/safeguards.md, section V)."""

import math
import re
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from accounts import access, actions
from accounts.models import User
from safeguards import notices
from safeguards.models import Notice
from tests import cast
from tests.accounts.sign_in import PASSWORD, browser, somebody, type_password
from tests.sessions import signed_in

LONG = "  " + "a sentence of one's own, with signs: äöü 日本語 ✓ and much more of it " * 4 + "  "


def inputs(page: str) -> list[str]:
    """The tags of a page's fields for passwords."""
    return [
        tag
        for tag in re.findall(r"<input[^>]*>", page)
        if 'autocomplete="username"' not in tag and "password" in tag
    ]


@pytest.mark.django_db
def test_passwords_are_typed_hidden_and_pasting_is_welcome() -> None:
    cast.clinic()
    dana = somebody()
    actions.send_password_link(actor=access.system("setup"), person=dana)
    _, link = notices.opened(Notice.objects.get(kind="staff.password_link"))
    own = signed_in(browser(), dana)
    pages = {
        "current-password": [browser().get("/account/login/"), own.get("/account/")],
        "new-password": [own.get("/account/"), browser().get("/" + link.split("/", 3)[3])],
    }
    for purpose, answers in pages.items():
        for answer in answers:
            page = answer.content.decode()
            found = [tag for tag in inputs(page) if f'autocomplete="{purpose}"' in tag]
            assert found, page
            assert all('type="password"' in tag for tag in found)
            assert "onpaste" not in page


@pytest.mark.django_db
def test_a_password_of_many_characters_and_spaces_is_taken_as_it_is() -> None:
    dana = somebody()
    actions.change_password(actor=cast.actor(dana), person=dana, old=PASSWORD, new=LONG)
    for typed in (LONG.strip(), LONG[:72], LONG.upper()):
        assert type_password(browser(), dana, password=typed).status_code == 200
    assert type_password(browser(), dana, password=LONG).status_code == 302


@pytest.mark.django_db
def test_a_password_stays_good_however_old_it_is() -> None:
    dana = somebody()
    long_ago = timezone.now() - timedelta(days=3650)
    User.objects.filter(pk=dana.pk).update(created_at=long_ago, last_login=long_ago)
    answer = type_password(browser(), dana)
    assert answer.status_code == 302
    assert "password" not in answer["Location"]


@pytest.mark.django_db
def test_nobody_has_an_account_from_the_beginning() -> None:
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_sessions_key_is_long_and_random() -> None:
    keys = set()
    for _ in range(50):
        store = SessionStore()
        store.create()
        keys.add(str(store.session_key))
    assert len(keys) == 50
    letters = set("".join(keys))
    assert letters <= set("abcdefghijklmnopqrstuvwxyz0123456789")
    assert len(letters) == 36
    assert min(map(len, keys)) * math.log2(len(letters)) > 128


@pytest.mark.django_db
def test_signing_out_stands_on_every_page() -> None:
    cast.clinic()
    client: Client = signed_in(browser(), cast.ada())
    for path in (
        "/",
        "/account/",
        "/contacts/",
        "/campaigns/",
        "/compliance/",
        "/settings/people/",
        "/sending/",
    ):
        assert 'action="/account/logout/"' in client.get(path).content.decode(), path
