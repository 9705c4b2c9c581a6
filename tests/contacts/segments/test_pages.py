"""The pages of segments, through the whole stack with a signed-in person; the index process is real."""

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.access import Denied
from accounts.models import User
from contacts.consent.models import Topic
from contacts.segments import actions, queries, rules
from contacts.segments.models import Segment
from safeguards.models import AuditEvent
from tests import cast, processes
from tests.contacts.segments import people
from tests.contacts.segments.test_rules import every, leaf
from tests.processes import wait_until
from tests.sessions import signed_in

ADULTS = every(leaf("age", "at_least", 18))
DIABETES = every(leaf("conditions", "any_of", ["E11*"]))
HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    """What the page says, its white space made single."""
    return " ".join(unescape(response.content.decode()).split())


def form(about: str = "age", op: str = "at_least", value: str = "18", **more: str) -> dict[str, Any]:
    """The builder's form with one rule."""
    one = {"node": ["0::group", "1:0:rule"], "m0": "all", "f1": about, "b1": about, "o1": op, "v1": value}
    return one | more


def page_of(client: Client, name: str, *args: Any) -> Any:
    return client.get(reverse(name, args=args))


def saved(user: User, name: str, tree: dict[str, Any]) -> Segment:
    return actions.save_segment(actor=cast.actor(user), segment=None, name=name, tree=tree)


@pytest.fixture
def dana(db: None, client: Client) -> Client:
    cast.clinic()
    return signed_in(client, cast.dana())


@pytest.fixture
def counting(own_database: str) -> Iterator[Topic]:
    """The clinic with an index process; gives a topic."""
    cast.clinic()
    with processes.index(own_database):
        yield Topic.objects.get(slug="clinic-news")


def test_without_segments_the_list_teaches_the_first_step(dana: Client) -> None:
    page = text_of(page_of(dana, "segments"))
    assert "No segments yet" in page
    assert reverse("segment_new") in page


def test_the_list_names_segments_in_plain_words(dana: Client) -> None:
    segment = saved(cast.dana(), "Adults", ADULTS)
    page = text_of(page_of(dana, "segments"))
    assert "Adults" in page
    assert "People for whom age is at least 18." in page
    assert reverse("segment_size", args=[segment.pk]) in page
    assert '<time class="nowrap" datetime=' in page
    assert "PHI" not in page
    saved(cast.dana(), "Diabetes", DIABETES)
    assert "PHI" in text_of(page_of(dana, "segments"))


def test_a_damaged_segment_is_told_of_and_breaks_no_page(own_database: str) -> None:
    cast.clinic()
    dana = signed_in(Client(), cast.dana())
    saved(cast.dana(), "Adults", ADULTS)
    bad = saved(cast.dana(), "Diabetes", DIABETES)
    Segment.objects.filter(pk=bad.pk).update(version=9)
    page = text_of(page_of(dana, "segments"))
    assert "damaged or tampered with" in page
    assert "Adults" in page
    assert dana.get(reverse("segment_size", args=[bad.pk])).status_code == 200
    for response in (
        dana.get(reverse("segment_edit", args=[bad.pk]), follow=True),
        dana.post(reverse("segment_duplicate", args=[bad.pk]), follow=True),
    ):
        assert response.status_code == 200
        assert "damaged or tampered with" in text_of(response)
    assert [one.name for one in queries.segment_list(cast.actor(cast.dana()))] == ["Adults"]
    with pytest.raises(queries.SealBroken):
        queries.reveal_segment(cast.actor(cast.dana()), Segment.objects.get(pk=bad.pk))


def test_the_list_is_paged_and_opens_what_it_shows(dana: Client) -> None:
    for number in range(queries.PER_PAGE + 1):
        saved(cast.dana(), f"Segment {number}", ADULTS)
    page_of(dana, "segments")
    opened = AuditEvent.objects.filter(action="phi.revealed", details__table="segments_segment").latest("id")
    assert opened.details["count"] == queries.PER_PAGE
    assert ">Segment 0<" in text_of(dana.get(reverse("segments"), {"page": 2}))


def test_saving_seals_name_and_rules_and_leaves_a_row(dana: Client) -> None:
    response = dana.post(reverse("segment_new"), form(name="  Adults  in Boston ", save="1"))
    assert response.headers["Location"] == reverse("segments")
    segment = Segment.objects.get()
    definition = queries.reveal_segment(cast.actor(cast.dana()), segment)
    assert (definition.name, segment.clinical) == ("Adults in Boston", False)
    assert rules.digest(definition.tree) == rules.digest(ADULTS)
    row = AuditEvent.objects.get(action="segment.saved")
    assert row.details == {"digest": rules.digest(ADULTS), "clinical": False, "version": 1}


def test_new_rules_are_a_new_version(dana: Client) -> None:
    segment = saved(cast.dana(), "Adults", ADULTS)
    changed = form("conditions", "any_of", "E11*", name="Diabetes", save="1", version="1")
    assert dana.post(reverse("segment_edit", args=[segment.pk]), changed).status_code == 302
    segment.refresh_from_db()
    assert (segment.version, segment.clinical) == (2, True)
    assert queries.reveal_segment(cast.actor(cast.dana()), segment).name == "Diabetes"
    # A page opened before that doesn't overwrite it.
    late = dana.post(reverse("segment_edit", args=[segment.pk]), form(name="Late", save="1", version="1"))
    assert late.status_code == 422
    assert "Somebody else has changed this segment" in text_of(late)
    segment.refresh_from_db()
    assert segment.version == 2


def test_a_segment_without_name_or_with_a_wrong_rule_is_not_saved(dana: Client) -> None:
    nameless = dana.post(reverse("segment_new"), form(name=" ", save="1"))
    assert nameless.status_code == 422
    assert "Give the segment a name" in text_of(nameless)
    wrong = dana.post(reverse("segment_new"), form(value="many", name="Adults", save="1"))
    page = text_of(wrong)
    assert wrong.status_code == 422
    assert "Type a number, such as 7 or 7.5." in page.split('id="error-1"')[1]
    assert 'value="many"' in page
    assert 'value="Adults"' in page
    assert not Segment.objects.exists()


def test_the_builder_works_by_buttons_without_a_script(dana: Client) -> None:
    page = text_of(dana.post(reverse("segment_new"), form(name="Adults", press="group:0")))
    assert "<html" in page
    assert 'value="2:0:group"' in page
    assert 'value="3:2:rule"' in page
    assert 'value="Adults"' in page
    page = text_of(dana.post(reverse("segment_new"), form(press="remove:1")))
    assert "Without a rule, everybody is in the segment." in page


def test_with_a_script_only_the_rules_and_the_count_come_back(dana: Client) -> None:
    changed = form("city", "is", "18", b1="age")
    page = text_of(dana.post(reverse("segment_new"), changed, headers=HTMX))
    assert page.startswith("<") and "<html" not in page
    assert 'id="builder"' in page
    assert 'id="live" hx-swap-oob="outerMorph"' in page
    assert 'id="live-bar" hx-swap-oob="outerMorph"' in page
    assert '<option value="city" selected>' in page


def test_health_is_marked_with_the_lock(dana: Client) -> None:
    page = text_of(dana.post(reverse("segment_new"), form("conditions", "any_of", "E11*"), headers=HTMX))
    assert "rule-phi" in page
    assert "This segment uses health information." in page


def test_what_is_typed_stays_text(dana: Client) -> None:
    hostile = '"><script>alert(1)</script>'
    page = dana.post(reverse("segment_new"), form("city", "is", hostile, name=hostile), headers={})
    assert b"<script>alert" not in page.content
    saved(cast.dana(), hostile, every(leaf("city", "is", hostile)))
    assert b"<script>alert" not in page_of(dana, "segments").content


def test_without_the_index_the_page_says_so_and_saving_still_works(dana: Client) -> None:
    page = text_of(dana.post(reverse("segment_count"), form(), headers=HTMX))
    assert "be counted at the moment" in page
    segment = saved(cast.dana(), "Adults", ADULTS)
    assert "Try again" in text_of(page_of(dana, "segment_size", segment.pk))


def test_unfinished_rules_are_told_while_typing(dana: Client) -> None:
    page = text_of(dana.post(reverse("segment_count"), form(value="1x"), headers=HTMX))
    assert "as soon as every rule is complete" in page
    assert 'id="error-1" hx-swap-oob="true"' in page
    assert "Type a number" in page
    assert "Type a number" not in text_of(dana.post(reverse("segment_count"), form(value=""), headers=HTMX))


def test_a_copy_has_a_name_of_its_own(dana: Client) -> None:
    segment = saved(cast.dana(), "Adults", ADULTS)
    response = dana.post(reverse("segment_duplicate", args=[segment.pk]))
    copy = Segment.objects.exclude(pk=segment.pk).get()
    assert response.headers["Location"] == reverse("segment_edit", args=[copy.pk])
    assert queries.reveal_segment(cast.actor(cast.dana()), copy).name == "Copy of Adults"
    assert AuditEvent.objects.get(action="segment.duplicated").details == {"copy_of": segment.pk}


def test_roles_see_only_their_pages(own_database: str, client: Client) -> None:
    cast.clinic()
    segment = saved(cast.dana(), "Adults", ADULTS)
    ann = signed_in(client, cast.ann())
    page = text_of(page_of(ann, "segments"))
    assert "Adults" in page
    assert reverse("segment_edit", args=[segment.pk]) not in page
    assert page_of(ann, "segment_new").status_code == 404
    assert ann.post(reverse("segment_edit", args=[segment.pk]), form(name="X", save="1")).status_code == 404
    assert ann.post(reverse("segment_duplicate", args=[segment.pk])).status_code == 404
    olive = signed_in(Client(), cast.olive())
    for name, args in (("segments", ()), ("segment_new", ()), ("segment_size", (segment.pk,))):
        assert page_of(olive, name, *args).status_code == 404
    assert olive.post(reverse("segment_count"), form()).status_code == 404
    with pytest.raises(Denied):
        saved(cast.ann(), "No", ADULTS)
    assert client.get(reverse("segment_duplicate", args=[segment.pk])).status_code == 405


def test_counts_and_the_breakdown_on_the_page(counting: Topic, client: Client) -> None:
    dana = signed_in(client, cast.dana())
    for number in range(30):
        contact = people.add(f"p{number}@mail.example", birth_date=people.years_ago(40), conditions=["E11.9"])
        if number < 15:
            people.agree(contact, counting)
    segment = saved(cast.dana(), "Adults", ADULTS)
    wait_until(lambda: "30" in text_of(page_of(dana, "segment_size", segment.pk)), "the count of the row")
    page = text_of(dana.post(reverse("segment_count"), form(topic=str(counting.pk)), headers=HTMX))
    assert "people match these rules" in page
    assert "Have not agreed to this topic" in page
    assert "Could be reached about Clinic news" in page
    # Health: few are covered for Dana, who may not open charts.
    few = form("conditions", "none_of", "E11*")
    assert "Fewer than 11" in text_of(dana.post(reverse("segment_count"), few, headers=HTMX))
    ada = signed_in(Client(), cast.ada())
    assert "Fewer than 11" not in text_of(ada.post(reverse("segment_count"), few, headers=HTMX))
    # The values that people have are suggested.
    rebuilt = text_of(dana.post(reverse("segment_new"), form("conditions", "any_of", ""), headers=HTMX))
    assert '<datalist id="values-conditions"> <option value="E11.9">' in rebuilt
