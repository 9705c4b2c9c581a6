"""Whatever a patient may read is there in Spanish, with the same values in it, and is what Django shows."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation.template import templatize

REPOSITORY = Path(__file__).resolve().parents[2]
# Pages and notices that patients get, and the error pages, which both patients and staff meet.
WRITTEN_FOR_PATIENTS = (
    "consent/*.html",
    "patient/*.html",
    "notices/consent.*.txt",
    "plain.html",
    "4??.html",
    "500.html",
)
TEMPLATES = sorted(
    path for pattern in WRITTEN_FOR_PATIENTS for path in (REPOSITORY / "templates").glob(pattern)
)
_CALL = re.compile(r"""\bgettext\(u?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\)""")
_VALUE = re.compile(r"%\(\w+\)s")


@cache
def catalogue() -> Catalog:
    with (REPOSITORY / "locale" / "es" / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale="es")


def said_in(template: Path) -> set[str]:
    """Every English sentence of a template, as Django's own extraction finds it."""
    found = _CALL.findall(templatize(template.read_text()))
    return {(single or double).replace("\\'", "'").replace('\\"', '"') for single, double in found}


def everything() -> set[str]:
    return set().union(*map(said_in, TEMPLATES))


def test_the_templates_are_found_and_speak() -> None:
    names = {str(path.relative_to(REPOSITORY / "templates")) for path in TEMPLATES}
    assert {"consent/unsubscribe.html", "patient/base.html", "notices/consent.confirm.txt"} <= names
    assert "Stop all emails" in everything()
    assert len(everything()) > 50


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_sentence_has_its_spanish(template: Path) -> None:
    missing = [text for text in said_in(template) if not (entry := catalogue().get(text)) or not entry.string]
    assert not missing


def test_no_translation_is_marked_unsure() -> None:
    assert not [entry.id for entry in catalogue() if entry.id and entry.fuzzy]


def test_the_same_values_stand_in_both_languages() -> None:
    for entry in catalogue():
        if entry.id:
            assert sorted(_VALUE.findall(str(entry.id))) == sorted(_VALUE.findall(str(entry.string))), (
                entry.id
            )


def test_patients_are_spoken_to_as_usted() -> None:
    familiar = re.compile(r"\b(tú|tu|tus|ti|contigo|puedes|quieres|recibirás|elige|llama|llámanos)\b", re.I)
    for entry in catalogue():
        assert not familiar.search(str(entry.string)), entry.string


def test_django_shows_what_the_catalogue_says() -> None:
    """Fails where the catalogue wasn't compiled since it was changed; `make test` compiles it."""
    with translation.override("es"):
        for text in everything():
            entry = catalogue().get(text)
            assert entry is not None
            assert translation.gettext(text) == entry.string


def test_no_text_of_a_patients_page_escapes_translation() -> None:
    """Words between tags that stand outside every translation tag; the names of languages are the exception."""
    tags = re.compile(r"{%\s*blocktranslate.*?endblocktranslate\s*%}|{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", re.S)
    for template in TEMPLATES:
        bare = tags.sub(" ", template.read_text())
        words = set(re.findall(r"[^\W\d_]{2,}", bare)) - {"English", "Español"}
        assert not words, (template.name, words)
