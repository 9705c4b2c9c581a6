"""Fixtures of the account tests."""

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Throw-away passwords need no slow hash, which would take most of the time of these tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def any_factor(settings: Settings) -> None:
    """These people sign in by typing codes, administrators too; what a role needs has tests of its own."""
    settings.PASSKEYS_REQUIRED = False
