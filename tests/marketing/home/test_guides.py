"""Help: the guides in the product, led to by the pages that they are about."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from accounts import actions as accounts
from accounts.models import Role
from marketing.home import guides
from tests import cast
from tests.sessions import signed_in


def test_every_page_of_docs_is_a_guide_and_every_guide_has_a_page() -> None:
    written = {file.stem for file in Path(settings.BASE_DIR, "docs", "features").glob("*.md")} - {"README"}
    listed = {each.slug for each in guides.guides()} | {"demonstration"}
    assert listed == written
    assert set(guides._ABOUT.values()) <= written
    for each in guides.guides():
        assert each.title, each.slug
        assert each.about, each.slug
        assert each.sections, each.slug


@pytest.mark.parametrize("slug", [each.slug for each in guides.guides()])
def test_a_guide_leads_nowhere_outside_the_product(slug: str) -> None:
    found = guides.guide(slug)
    assert found is not None
    for href in re.findall(r'href="([^"]+)"', found.body):
        assert href.startswith(("/help/", "#", "https://")), href
        if named := re.fullmatch(r"/help/([a-z-]+)/(#.*)?", href):
            assert guides.guide(named[1]) or named[1] == "demonstration", href
    assert "<img" not in found.body
    assert "<h1" not in found.body


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/campaigns/7/setup/", "campaigns-and-approval"),
        ("/contacts/import/3/", "importing-contacts"),
        ("/compliance/messages/", "reports-and-evidence"),
    ],
)
def test_a_page_leads_to_the_guide_about_it(path: str, slug: str) -> None:
    assert guides.address_about(path) == f"/help/{slug}/"


def test_other_pages_lead_to_the_list() -> None:
    assert guides.address_about("/") == "/help/"


def test_tours_and_the_demonstrations_guide_are_the_demonstrations() -> None:
    assert guides.tours() == []
    assert guides.guide("marketer") is None
    assert guides.guide("demonstration") is None
    with override_settings(DEMO=True):
        assert [each.slug for each in guides.tours()] == ["marketer", "officer"]
        assert guides.guide("demonstration")


@pytest.mark.django_db
def test_whoever_is_stuck_is_told_whom_to_ask_and_nobody_who_has_left() -> None:
    ada = cast.ada()
    gone = cast.person("Gone Away", Role.ADMINISTRATOR)
    accounts.deactivate_person(actor=cast.actor(ada), person=gone)
    dana = cast.dana()
    page = signed_in(Client(), dana).get(reverse("help")).content.decode()
    assert ada.email in page
    assert gone.email not in page
    assert dana.email not in page
    assert 'href="/help/segments/"' in page
    assert signed_in(Client(), dana).get(reverse("guide", args=["no-such-guide"])).status_code == 404


@pytest.mark.django_db
def test_the_search_finds_what_a_guide_says() -> None:
    page = (
        signed_in(Client(), cast.dana()).post(reverse("search"), {"text": "excel rounded"}).content.decode()
    )
    assert "/help/importing-contacts/#what-is-refused-and-why" in page
