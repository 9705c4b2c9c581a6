"""Settings, Roles: the page says what the one table says (BEHAVIOURS A7)."""

import re

from django.test import Client

from accounts import access
from accounts.access import Permission
from accounts.models import Role
from accounts.wording import permission_words
from tests import cast
from tests.accounts.sign_in import HOST
from tests.sessions import signed_in


def _row(page: str, words: str) -> list[bool]:
    """The answers of the row that begins with these words."""
    row = re.search(rf'<th scope="row">\s*{re.escape(words)}.*?</tr>', page, re.S)
    assert row, words
    return [answer == "Yes" for answer in re.findall(r'<span class="vh">(Yes|No)</span>', row[0])]


def test_the_matrix_is_the_table(db: None) -> None:
    page = signed_in(Client(headers={"host": HOST}), cast.ada()).get("/settings/roles/").content.decode()
    for permission in set(Permission) - {Permission.DELIVER, Permission.INDEX_CONTACTS}:
        expected = [permission in access.ROLES[role] for role in Role]
        assert _row(page, permission_words(permission)) == expected, permission
    assert "deliver messages" not in page.lower()
    health = _row(page, "Health: conditions")
    assert health == [Permission.VIEW_CLINICAL in access.ROLES[role] for role in Role]
