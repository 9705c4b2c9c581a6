"""Log reviews: which periods there are, what is counted, who signs, what a signature binds, and who is told when nobody does."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.http import FileResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.models import User
from contacts import queries as contacts
from marketing.compliance import actions, queries
from marketing.compliance.actions.reviews import AT_MOST
from marketing.compliance.forms import LogForm
from marketing.compliance.models import Review
from marketing.compliance.queries.reviews import looked_at, rows_url
from marketing.compliance.rules import Every, Figure, Figures, digest_of, ended_periods, period_of, stands_out
from safeguards import audit, log, notices
from safeguards.models import AuditEvent, Notice
from tests import cast, factories
from tests.marketing.compliance.test_log import did
from tests.marketing.compliance.test_reports import ask, page
from tests.sessions import signed_in

NEW_YORK = "America/New_York"
KEEPER = access.system("log")


# Periods and figures, pure


def test_a_week_is_from_monday_by_the_clinics_clocks_also_when_they_change() -> None:
    zone = ZoneInfo(NEW_YORK)
    # Sunday evening in New York is Monday in UTC already.
    begins, ends = period_of(datetime(2026, 11, 2, 3, tzinfo=UTC), Every.WEEK, NEW_YORK)
    assert (begins, ends) == (datetime(2026, 10, 26, tzinfo=zone), datetime(2026, 11, 2, tzinfo=zone))
    # The clocks went back in it: it has an hour more.
    assert ends.astimezone(UTC) - begins.astimezone(UTC) == timedelta(days=7, hours=1)
    december = period_of(datetime(2026, 12, 31, 12, tzinfo=UTC), Every.MONTH, NEW_YORK)
    assert december == (datetime(2026, 12, 1, tzinfo=zone), datetime(2027, 1, 1, tzinfo=zone))


def test_periods_follow_one_another_and_none_is_open_yet() -> None:
    since, now = datetime(2026, 10, 7, 15, tzinfo=UTC), datetime(2026, 10, 27, 12, tzinfo=UTC)
    found = list(ended_periods(since, now, Every.WEEK, NEW_YORK))
    assert found[0][0] == since
    assert [one[1] for one in found[:-1]] == [other[0] for other in found[1:]]
    assert found[-1][1] == datetime(2026, 10, 26, tzinfo=ZoneInfo(NEW_YORK))
    assert list(ended_periods(now, now, Every.WEEK, NEW_YORK)) == []


@pytest.mark.parametrize(
    ("number", "before", "unusual"),
    [(9, (0, 0), False), (10, (0, 0), True), (10, (0,), False), (40, (20, 20), False), (41, (20, 20), True)],
)
def test_what_is_unusual(number: int, before: tuple[int, ...], unusual: bool) -> None:
    assert stands_out(number, before) is unusual


def test_the_digest_binds_period_and_each_figure() -> None:
    begins, ends = datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 12, tzinfo=UTC)
    kept = Figures((Figure("exports", 3, (1, 2)),), ()).as_json()
    digest = digest_of(begins, ends, kept)
    assert digest_of(begins, ends, Figures.of_json(kept).as_json()) == digest
    assert digest_of(begins, ends + timedelta(seconds=1), kept) != digest
    assert digest_of(begins, ends, Figures((Figure("exports", 4, (1, 2)),), ()).as_json()) != digest


# With the database

pytestmark = pytest.mark.django_db


@pytest.fixture
def week() -> Review:
    """A period that has ended, in which Dana looked at contacts, and somebody was refused; nothing of Olive's."""
    cast.clinic()
    monday, _ends = period_of(timezone.now() - timedelta(days=7), Every.WEEK, NEW_YORK)
    with time_machine.travel(monday + timedelta(days=1, hours=15), tick=True):
        factories.contact("ana@goodmail.example")
        factories.contact("bo@goodmail.example")
        contacts.newest_contacts(cast.actor(cast.dana()))
        did("access.denied", outcome="denied", details={"permission": "view contacts"})
        cast.olive()
        cast.ada()
    actions.open_reviews(actor=KEEPER)
    return Review.objects.get()


def figure(review: Review, key: str) -> int:
    found = queries.figures_of(review.begins, review.ends, review.zone)
    return next(each.number for each in found.figures if each.key == key)


def sign(user: User, review: Review, **posted: str) -> Any:
    client = signed_in(Client(), user)
    shown = client.get(reverse("log_review", args=[review.pk])).content.decode()
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', shown)
    given = {"note": "Looked at all of it.", "digest": digest[1] if digest else ""} | posted
    return client.post(reverse("log_review_sign", args=[review.pk]), given)


def test_a_period_is_opened_once_when_it_has_ended(week: Review) -> None:
    assert week.ends <= timezone.now()
    assert actions.open_reviews(actor=KEEPER) == []
    row = AuditEvent.objects.get(action="review.opened")
    assert (row.actor_id, row.target_id) == ("log", str(week.pk))
    with time_machine.travel(week.ends + timedelta(days=7, hours=1), tick=True):
        [following] = actions.open_reviews(actor=KEEPER)
    assert following.begins == week.ends


def test_each_figure_counts_the_rows_that_its_link_shows(week: Review) -> None:
    assert figure(week, "access_denied") == 1
    assert figure(week, "records_opened") == 1
    for looked in looked_at().values():
        url = rows_url(week, looked.query)
        query = dict(each.split("=") for each in url.partition("?")[2].replace("%3A", ":").split("&"))
        form = LogForm({name: value.replace("+", " ") for name, value in query.items()})
        assert form.is_valid(), form.errors
        asked = form.asked().filter
        assert isinstance(asked, log.RowFilter)
        assert set(asked.actions) == set(looked.asked.actions), looked.words
        assert log.count_of_rows(asked, at_most=99) == figure(week, _key(looked)), looked.words


def _key(looked: Any) -> str:
    return next(key for key, each in looked_at().items() if each == looked)


def test_who_opened_how_many_records_stands_beside_what_is_usual(week: Review) -> None:
    [share] = queries.figures_of(week.begins, week.ends, week.zone).shares
    assert (share.name, share.records, share.openings) == ("Dana Kim", 2, 1)
    assert share.usual is None
    assert "Dana Kim" in page(cast.olive(), "log_review", week.pk)


def test_signing_binds_the_figures_seals_the_note_and_leaves_a_row(week: Review) -> None:
    answer = sign(cast.olive(), week, note="Dana asked about Ana B. Nothing unusual.")
    assert answer.status_code == 302
    week.refresh_from_db()
    assert (week.signed_name, week.second_asked) == ("Olive Okoro", False)
    assert week.figures is not None
    assert digest_of(week.begins, week.ends, week.figures) == week.digest
    row = AuditEvent.objects.get(action="review.signed")
    assert row.details["digest"] == week.digest
    assert "Ana B" not in str(row.details)
    with connection.cursor() as cursor:
        cursor.execute("SELECT note FROM compliance_review")
        assert b"Ana B" not in bytes(cursor.fetchone()[0])
    text = page(cast.ada(), "log_review", week.pk)
    assert "Dana asked about Ana B." in text
    assert "have the digest that was signed" in text
    # It can't be signed again.
    assert sign(cast.ada(), week).status_code == 422
    with pytest.raises(actions.AlreadySigned):
        actions.sign_review(actor=cast.actor(cast.ada()), review=week, digest=week.digest, note="x")


def test_figures_that_were_changed_after_signing_are_told_of(week: Review) -> None:
    sign(cast.olive(), week)
    week.refresh_from_db()
    assert week.figures is not None
    changed = week.figures | {"shares": []}
    Review.objects.filter(pk=week.pk).update(figures=changed)
    assert "those that were signed. Somebody changed them" in page(cast.olive(), "log_review", week.pk)
    # Nor does it help to change the digest along with them: the log has the one that was signed.
    Review.objects.filter(pk=week.pk).update(digest=digest_of(week.begins, week.ends, changed))
    assert "those that were signed. Somebody changed them" in page(cast.olive(), "log_review", week.pk)
    # Of a signature that is older than the log is kept, no row can be asked for.
    Review.objects.filter(pk=week.pk).update(signed_at=timezone.now() - timedelta(days=7 * 366))
    assert "those that were signed. Somebody changed them" not in page(cast.olive(), "log_review", week.pk)


def test_figures_that_changed_since_they_were_looked_at_are_not_signed(week: Review) -> None:
    answer = sign(cast.olive(), week, digest="0" * 64)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Figures have changed" in text
    assert "Looked at all of it." in text
    week.refresh_from_db()
    assert week.signed_at is None


def test_without_a_note_nothing_is_signed(week: Review) -> None:
    answer = sign(cast.olive(), week, note=" ")
    assert answer.status_code == 422
    assert "nothing unusual" in answer.content.decode()
    assert not AuditEvent.objects.filter(action="review.signed").exists()


def test_signing_asks_for_a_fresh_code(week: Review) -> None:
    client = signed_in(Client(), cast.olive())
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=True):
        answer = client.post(
            reverse("log_review_sign", args=[week.pk]), {"note": "Kept note", "digest": "0" * 64}
        )
    assert answer.status_code == 200
    assert "Kept note" in answer.content.decode()
    week.refresh_from_db()
    assert week.signed_at is None


def test_ones_own_doings_are_said_and_a_second_reader_is_asked_for(week: Review) -> None:
    with time_machine.travel(week.begins + timedelta(days=2), tick=True):
        did("evidence.exported", user=cast.olive(), details={"kind": "consent ledger"})
    assert "1 of these rows is your own doing" in page(cast.olive(), "log_review", week.pk)
    assert "your own doing" not in page(cast.ada(), "log_review", week.pk)
    sign(cast.olive(), week)
    week.refresh_from_db()
    assert week.second_asked
    assert "waits for review" in page(cast.ada(), "home")
    assert "waits for review" not in page(cast.olive(), "home")
    # Not by the one who signed.
    with pytest.raises(actions.NotTheirs):
        actions.sign_second(actor=cast.actor(cast.olive()), review=week, note="again")
    assert sign(cast.olive(), week).status_code == 422
    assert sign(cast.ada(), week, note="Agreed.").status_code == 302
    week.refresh_from_db()
    assert (week.second_name, AuditEvent.objects.filter(action="review.second_signed").count()) == (
        "Ada Lindqvist",
        1,
    )
    assert "Agreed." in page(cast.olive(), "log_review", week.pk)
    assert "waits for review" not in page(cast.ada(), "home")


def test_nobody_signs_for_a_period_of_their_own_doings_alone_while_somebody_else_could() -> None:
    cast.clinic()
    monday, ends = period_of(timezone.now() - timedelta(days=7), Every.WEEK, NEW_YORK)
    with time_machine.travel(monday + timedelta(days=1, hours=15), tick=True):
        did("evidence.exported", user=cast.olive(), details={"kind": "consent ledger"})
    ada = cast.ada()
    [review] = actions.open_reviews(actor=KEEPER)
    assert "somebody else has to sign" in page(cast.olive(), "log_review", review.pk)
    digest = queries.digest_now(cast.actor(ada), review.pk)
    with pytest.raises(actions.NotTheirs):
        actions.sign_review(actor=cast.actor(cast.olive()), review=review, digest=digest, note="mine")
    # Where nobody else may read the log it has to be signed all the same, and no second reader is waited for.
    User.objects.filter(pk=ada.pk).update(is_active=False)
    signed = actions.sign_review(actor=cast.actor(cast.olive()), review=review, digest=digest, note="mine")
    assert not signed.second_asked
    assert signed.ends == ends


def test_an_overdue_review_stands_first_and_officers_get_one_mail(week: Review) -> None:
    assert "waits for review" in page(cast.olive(), "home")
    assert "waits for review" not in page(cast.dana(), "home")
    assert actions.remind_of_reviews(actor=KEEPER) == 0
    with time_machine.travel(week.due_at + timedelta(minutes=1), tick=True):
        assert actions.remind_of_reviews(actor=KEEPER) == 1
        assert actions.remind_of_reviews(actor=KEEPER) == 0
        assert "Overdue" in page(cast.olive(), "log_reviews")
    notice = Notice.objects.get(kind="staff.review_overdue")
    assert notices.opened(notice)[0] == cast.olive().email
    assert AuditEvent.objects.get(action="review.reminded").details == {"people": 1}


def test_without_an_officer_administrators_get_the_mail(week: Review) -> None:
    User.objects.filter(pk=cast.olive().pk).update(is_active=False)
    with time_machine.travel(week.due_at + timedelta(minutes=1), tick=True):
        actions.remind_of_reviews(actor=KEEPER)
    assert notices.opened(Notice.objects.get(kind="staff.review_overdue"))[0] == cast.ada().email


def test_a_review_is_taken_away_with_note_signature_and_digest(week: Review) -> None:
    sign(cast.olive(), week, note="=1+1 is what Dana typed")
    answer = ask(cast.olive(), "log_review_csv", week.pk)
    assert isinstance(answer, FileResponse)
    lines, closing = b"".join(answer.streaming_content).decode().split("\r\n\r\n")  # type: ignore[arg-type]
    week.refresh_from_db()
    assert "Pages and fields refused,1," in lines
    assert "records opened by Dana Kim,2," in lines
    assert "signed by,Olive Okoro" in closing
    assert "note,'=1+1 is what Dana typed" in closing
    assert week.digest in closing
    taken = AuditEvent.objects.get(action="evidence.exported")
    assert taken.details["kind"] == "log review"
    assert ask(cast.olive(), "log_review_csv", 10**6).status_code == 404


def test_a_log_that_was_never_reviewed_opens_no_more_than_a_dozen() -> None:
    cast.clinic()
    with time_machine.travel(timezone.now() - timedelta(days=400), tick=True):
        audit.record("access.denied", actor=cast.actor(cast.dana()), outcome="denied")
    assert len(actions.open_reviews(actor=KEEPER)) == AT_MOST
    assert Review.objects.latest("begins").ends <= timezone.now()
    assert settings.LOG_REVIEW == "weekly"


def test_others_may_neither_see_nor_sign(week: Review) -> None:
    dana = cast.actor(cast.dana())
    for asked in (
        lambda: queries.review_page(dana, week.pk),
        lambda: queries.waiting_reviews(dana),
        lambda: actions.sign_review(actor=dana, review=week, digest="", note=""),
        lambda: actions.sign_second(actor=dana, review=week, note=""),
        lambda: actions.open_reviews(actor=dana),
        lambda: actions.ask_verification(actor=dana),
    ):
        with pytest.raises(access.Denied):
            asked()
