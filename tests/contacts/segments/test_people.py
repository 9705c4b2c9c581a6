"""Who is in a segment, behind its count: by key, and of a segment by health data for those who open charts alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.access import Denied
from accounts.models import User
from accounts.organization.models import Brand
from contacts import queries as contacts
from contacts.consent.models import Topic
from contacts.segments import actions, queries
from contacts.segments.masking import exactly
from contacts.segments.models import Segment
from safeguards.models import AuditEvent
from tests import cast, processes
from tests.contacts.segments import people
from tests.contacts.segments.test_rules import every, leaf
from tests.processes import wait_until
from tests.sessions import signed_in

BOSTON = every(leaf("city", "is", "boston"))
DIABETES = every(leaf("conditions", "any_of", ["E11*"]))


def saved(tree: dict[str, Any]) -> Segment:
    return actions.save_segment(actor=cast.actor(cast.dana()), segment=None, name="Some", tree=tree)


def page(user: User, segment: Segment, **asked: int | str) -> str:
    response = signed_in(Client(), user).get(reverse("segment_people", args=[segment.pk]), asked)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.fixture
def index(own_database: str) -> Iterator[None]:
    cast.clinic()
    with processes.index(own_database):
        yield


def test_who_is_behind_a_count_is_read_by_key(index: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contacts.queries.of_segments.PER_PAGE", 2)
    there = [people.add(f"p{n}@mail.example", first_name=f"Person{n}", city="Boston") for n in range(3)]
    people.add("else@mail.example", first_name="Elsewhere", city="Salem")
    segment, dana = saved(BOSTON), cast.dana()
    wait_until(lambda: queries.count(cast.actor(dana), BOSTON).match.exact == 3, "their arrival")
    first = page(dana, segment)
    assert "Person0" in first
    assert "Person1" in first
    assert "Person2" not in first
    assert f"?after={there[1].pk}" in first
    last = page(dana, segment, after=there[1].pk)
    assert "Person2" in last
    assert "Person1" not in last
    assert "Elsewhere" not in first + last
    assert "Next page" not in last
    event = AuditEvent.objects.filter(action="segment.listed").latest("pk")
    assert event.purpose == "people of a segment"
    assert set(event.details) == {"digest", "count"}
    # The count leads there, for those who see contacts.
    address = reverse("segment_people", args=[segment.pk])
    size = reverse("segment_size", args=[segment.pk])
    assert f'href="{address}"' in signed_in(Client(), dana).get(size).content.decode()
    assert address not in signed_in(Client(), cast.ann()).get(size).content.decode()


def test_whoever_may_not_open_charts_is_named_nobody_by_health_data(index: None) -> None:
    for number in range(12):
        people.add(f"p{number}@mail.example", first_name="Pia", conditions=["E11.9"])
    segment, dana, ada = saved(DIABETES), cast.dana(), cast.ada()
    wait_until(lambda: queries.count(cast.actor(ada), DIABETES).match.exact == 12, "their arrival")
    shown = page(dana, segment)
    assert "Pia" not in shown
    assert "who matches them tells of their health" in shown
    assert "Pia" in page(ada, segment)
    assert contacts.people_of_segment(cast.actor(dana), segment)[1].rows == []
    with pytest.raises(Denied):
        queries.members_page(cast.actor(dana), DIABETES, after=0, limit=10)
    with pytest.raises(Denied):
        queries.members_page(cast.actor(cast.ann()), BOSTON, after=0, limit=10)
    with pytest.raises(Denied):
        contacts.people_of_segment(cast.actor(cast.olive()), segment)


@pytest.mark.django_db
def test_without_the_index_the_page_leads_back_and_says_why() -> None:
    cast.clinic()
    segment = saved(BOSTON)
    client = signed_in(Client(), cast.dana())
    response = client.get(reverse("segment_people", args=[segment.pk]), follow=True)
    assert response.redirect_chain == [(reverse("segments"), 302)]
    assert "the index doesn" in response.content.decode()


def builder_form(about: str, op: str, value: str, **more: str) -> dict[str, Any]:
    """The builder as it is sent, with one rule."""
    one = {"node": ["0::group", "1:0:rule"], "m0": "all", "f1": about, "b1": about, "o1": op, "v1": value}
    return one | more


def test_rules_that_nobody_saved_lead_to_their_people_too(
    index: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.queries.of_segments.PER_PAGE", 2)
    there = [people.add(f"p{n}@mail.example", first_name=f"Person{n}", city="Boston") for n in range(3)]
    people.add("else@mail.example", first_name="Elsewhere", city="Salem")
    dana = cast.dana()
    wait_until(lambda: queries.count(cast.actor(dana), BOSTON).match.exact == 3, "their arrival")
    client, address = signed_in(Client(), dana), reverse("segment_matching")
    rules = builder_form("city", "is", "Boston")
    live = client.post(reverse("segment_count"), rules).content.decode()
    assert f'formaction="{address}"' in live
    nobody = client.post(reverse("segment_count"), builder_form("city", "is", "Nowhere")).content.decode()
    assert address not in nobody, "a nought leads nowhere"
    assert (
        address not in signed_in(Client(), cast.ann()).post(reverse("segment_count"), rules).content.decode()
    )
    first = client.post(address, rules).content.decode()
    assert "Person1" in first
    assert "Person2" not in first
    assert f'value="{there[1].pk}"' in first
    assert 'name="v1" value="Boston"' in first, "the next page asks by the same rules"
    last = client.post(address, rules | {"after": str(there[1].pk)}).content.decode()
    assert "Person2" in last
    assert "Elsewhere" not in first + last
    assert not Segment.objects.exists(), "looking saves nothing"
    unfinished = client.post(address, builder_form("age", "at_least", ""))
    assert unfinished.status_code == 422
    assert "complete" in unfinished.content.decode()


def test_unsaved_rules_by_health_data_name_nobody_to_whoever_may_not_open_charts(index: None) -> None:
    for number in range(12):
        people.add(f"p{number}@mail.example", first_name="Pia", conditions=["E11.9"])
    dana, ada = cast.dana(), cast.ada()
    wait_until(lambda: queries.count(cast.actor(ada), DIABETES).match.exact == 12, "their arrival")
    rules, address = builder_form("conditions", "any_of", "E11*"), reverse("segment_matching")
    client = signed_in(Client(), dana)
    assert address not in client.post(reverse("segment_count"), rules).content.decode()
    assert "Pia" not in client.post(address, rules).content.decode()
    assert "Pia" in signed_in(Client(), ada).post(address, rules).content.decode()


def test_each_number_of_the_funnel_leads_to_its_people(index: None) -> None:
    topic, brand = Topic.objects.get(slug="clinic-news"), Brand.objects.get()
    people.agree(people.add("yes@mail.example", first_name="Agreed", city="Boston"), topic)
    people.add("no@mail.example", first_name="Silent", city="Boston")
    people.add("gone@mail.example", first_name="Departed", city="Boston", deceased_date="2025-01-01")
    ada, dana = cast.ada(), cast.dana()
    asked: dict[str, Any] = {"topic": topic, "brand": brand}
    wait_until(lambda: queries.count(cast.actor(ada), BOSTON, **asked).match.exact == 3, "their arrival")
    wait_until(lambda: queries.count(cast.actor(ada), BOSTON, **asked).reachable == exactly(1), "the consent")
    segment = saved(BOSTON)
    counted = queries.count(cast.actor(ada), BOSTON, **asked)
    numbers = {reason: figure.exact for reason, figure in counted.reasons} | {"reachable": 1}
    for reason, number in numbers.items():
        shown = page(ada, segment, topic=topic.pk, brand=brand.pk, reason=reason)
        assert shown.count("@mail.example") == number, reason
    assert "Agreed" in page(ada, segment, topic=topic.pk, reason="reachable")
    assert "Silent" in page(dana, segment, topic=topic.pk, reason="no_consent")
    hidden = page(dana, segment, topic=topic.pk, reason="deceased")
    assert "Departed" not in hidden, "who has died stands in the chart"
    assert "tells of their health" in hidden
    rules = builder_form("city", "is", "Boston", topic=str(topic.pk))
    live = signed_in(Client(), ada).post(reverse("segment_count"), rules).content.decode()
    assert all(f'value="{reason}"' in live for reason, number in numbers.items() if number)
    live = signed_in(Client(), dana).post(reverse("segment_count"), rules).content.decode()
    assert 'value="deceased"' not in live
    answer = signed_in(Client(), ada).post(reverse("segment_matching"), rules | {"reason": "no_consent"})
    assert "Silent" in answer.content.decode()
    assert "Agreed" not in answer.content.decode()
    assert "Agreed" in page(ada, segment, topic=topic.pk, reason="nonsense")
