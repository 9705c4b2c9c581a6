"""Search over everything: each finds what their role may see, and what was searched for is kept nowhere."""

import pytest
from django.test import Client

from campaigns.designs import actions as designs
from campaigns.designs.starters import CLINIC_NEWS
from marketing.home.search import AT_MOST, search
from safeguards.models import AuditEvent
from tests import cast
from tests.campaigns import plans
from tests.sessions import signed_in

pytestmark = pytest.mark.django_db


def test_things_are_found_by_every_word_of_their_name() -> None:
    plans.campaign()
    dana = cast.actor(cast.dana())
    designs.create_from_starter(actor=dana, name="June letter", starter=CLINIC_NEWS, template=True)
    plans.segment(plans.BOSTON, "People of June")
    found = {str(group.label): [each.title for each in group.found] for group in search(dana, "JUNE")}
    assert found["Campaigns"] == ["June news"]
    assert found["Templates"] == ["June letter"]
    assert found["Segments"] == ["People of June"]
    assert [str(group.label) for group in search(dana, "june people") if group.found] == ["Segments"]


def test_no_more_than_five_of_a_kind_and_how_many_more() -> None:
    for _ in range(AT_MOST + 2):
        plans.campaign()
    [group] = [each for each in search(cast.actor(cast.olive()), "june") if each.label == "Campaigns"]
    assert (len(group.found), group.more) == (AT_MOST, 2)


def test_pages_are_found_that_the_navigation_has() -> None:
    page = signed_in(Client(), cast.olive()).post("/search/", {"text": "report"}).content.decode()
    assert 'href="/reports/"' in page.partition("<main")[2]


def test_nobody_finds_what_their_role_may_not_see() -> None:
    plans.campaign()
    assert {group.label for group in search(cast.actor(cast.olive()), "e")} <= {"Pages", "Campaigns", "Help"}
    assert search(cast.actor(cast.person("Devi Rao", "developer")), "june") == []


def test_without_the_index_people_are_said_to_come_later() -> None:
    [group] = [each for each in search(cast.actor(cast.dana()), "ana") if each.label == "Contacts"]
    assert group.away


def test_what_was_searched_for_is_kept_nowhere() -> None:
    client = signed_in(Client(), cast.olive())
    assert client.get("/search/?text=Quirkword").content.decode().count("Quirkword") == 0
    client.post("/search/", {"text": "Quirkword"})
    assert "Quirkword" not in str(list(AuditEvent.objects.values()))
