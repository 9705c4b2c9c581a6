"""What belongs to the demo's past: a clock that is set back nowhere else, and a file as it was known then."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from marketing.demo import past, plans, sample


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_clock_is_set_back_in_the_demonstration_alone() -> None:
    before = timezone.now()
    with pytest.raises(RuntimeError, match="demonstration alone"), past.at(datetime(2026, 1, 1, tzinfo=UTC)):
        pass
    assert timezone.now() - before < timedelta(hours=1)


def test_a_file_of_the_past_knows_nothing_that_came_later() -> None:
    today, day = date(2026, 11, 25), date(2026, 10, 7)
    known, now = rows(sample.known_on(day, today)), rows(sample.shifted(today))
    assert 0 < len(known) < len(now)
    for row in known:
        for column in ("consent_date", "deceased_date", "last_visit", "flu_shot_date"):
            assert row[column][:10] <= day.isoformat()


def test_whoever_is_asked_at_the_desk_lives_is_of_age_and_has_said_nothing() -> None:
    today = date(2026, 11, 25)
    asked = {address for address, _language in sample.never_asked(today)}
    assert len(asked) > 12
    for row in rows(sample.shifted(today)):
        if row["email"] in asked:
            assert not row["deceased_date"]
            assert row["birth_date"] < "2008-11-25"
            assert not row["marketing_consent"]


def test_each_plan_is_for_a_segment_that_there_is() -> None:
    for plan in (*plans.PAST, plans.TODAY, plans.WAITING, plans.SLOW):
        assert plan.segment in plans.SEGMENTS
