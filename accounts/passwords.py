"""Passwords that somebody who knows the clinic would try first (ASVS 5.0, 6.1.2 and 6.2.11)."""

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.organization.models import Brand, Organization

# What is left of a password without the known words has to have so many letters; digits and signs are soon tried.
_LEFT = 6
_ALWAYS = (
    "wellsent",
    "password",
    "passwort",
    "contraseña",
    "clinic",
    "hospital",
    "health",
    "welcome",
    "qwerty",
)
_WORD = re.compile(r"[^\W\d_]{3,}")


class OfKnownWords:
    """Refuses a password that is little more than words which belong to the place: the product's name, the organisation's, its
    brands' and their domains', and the person's own name and address. Such a word beside enough of one's own is welcome.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError, in words for the person."""
        left = password.casefold()
        for word in sorted(_words(user), key=len, reverse=True):
            left = left.replace(word, " ")
        if sum(letter.isalpha() for letter in left) < _LEFT:
            raise ValidationError(
                _(
                    "This is little more than words that anybody who knows you or the clinic would try. Take a few words that "
                    "have nothing to do with either."
                ),
                code="password_of_known_words",
            )

    def get_help_text(self) -> str:
        """What Django shows beside a field, where it is asked to."""
        return _("More than your name, the clinic's, or the product's.")


def _words(user: User | None) -> set[str]:
    texts: list[str] = [*_ALWAYS]
    for organization in Organization.objects.all():
        texts.append(organization.name)
    for brand in Brand.objects.all():
        texts += [brand.name, brand.from_name, brand.domain.rpartition(".")[0]]
    if user is not None:
        texts += [user.name, user.email.partition("@")[0]]
    return set(_split(texts))


def _split(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        yield from _WORD.findall(text.casefold())
