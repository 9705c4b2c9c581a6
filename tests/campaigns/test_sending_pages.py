"""The sending page: what it tells to whom, what it covers, and what an administrator's buttons do and undo."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.access import Denied
from accounts.models import User
from campaigns import sending
from campaigns.delivery.actions import claims, pause_mailing, tallies
from campaigns.delivery.models import EgressSource, IpPool, Mailing, Message, Provider, Stream
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.models import Campaign
from campaigns.rules import Flow, Hold
from contacts.models import Contact
from contacts.segments.masking import Telling
from tests import cast, factories
from tests.campaigns import plans
from tests.campaigns.test_pages import page, post
from tests.sessions import signed_in


def people(count: int, first: int = 0) -> list[Contact]:
    return [factories.contact(f"p{n}@goodmail.example") for n in range(first, first + count)]


def under_way(count: int, *, clinical: bool = False, first: int = 0) -> Mailing:
    """A campaign of Dana's that is being sent to so many people, of which nothing has left yet."""
    campaign = plans.campaign(plans.DIABETES if clinical else plans.EVERYBODY)
    made = factories.mailing()
    Mailing.objects.filter(pk=made.pk).update(clinical=clinical)
    launched = factories.launch(made, people(count, first))
    type(campaign).objects.filter(pk=campaign.pk).update(mailing=launched)
    # Due by the database's clock, which in a test stands still where its transaction began.
    Message.objects.filter(mailing_id=launched.pk).update(due=timezone.now() - timedelta(minutes=5))
    return launched


def settle(mailing: Mailing, count: int, kind: Kind = Kind.ACCEPTED, *, ago: int = 2) -> None:
    """Have so many of its messages handed over some minutes ago, and tallied, as a batch does."""
    at = timezone.now() - timedelta(minutes=ago)
    rows = list(Message.objects.filter(mailing_id=mailing.pk, state="queued").order_by("id")[:count])
    state = "sent" if kind is Kind.ACCEPTED else "queued"
    Message.objects.filter(mailing_id=mailing.pk, id__in=[row.id for row in rows]).update(
        state=state, due=timezone.now() + timedelta(minutes=30)
    )
    tallies.count(
        [
            (
                Outcome(kind, row.id, code=250 if kind is Kind.ACCEPTED else 451, at=at),
                row.source_id,
                row.provider_id,
                mailing.pk,
            )
            for row in rows
        ]
    )


def seen(who: Callable[[], User]) -> sending.Sending:
    return sending.sending(cast.actor(who()))


@pytest.mark.django_db
def test_who_may_not_gets_nothing() -> None:
    for person in (cast.olive, cast.ann):
        with pytest.raises(Denied):
            seen(person)


@pytest.mark.django_db
def test_with_nothing_on_its_way_it_says_so_and_leads_on() -> None:
    cast.clinic()
    shown = page(cast.dana(), "sending")
    assert "Nothing to send" in shown
    assert "Nothing is on its way" in shown
    assert "Being called" in shown
    assert "Change the rate" not in shown
    assert "Change the rate" in page(cast.ada(), "sending")


@pytest.mark.django_db
def test_what_waits_is_counted_by_what_it_waits_for() -> None:
    mailing = under_way(40)
    settle(mailing, 15)
    settle(mailing, 5, Kind.DEFERRED)
    now = seen(cast.ada)
    assert (now.due.number, now.later.number, now.held) == (20, 5, 0)
    assert now.flow is Flow.NO_WORKER
    assert now.rate == 3.0
    [row] = now.mailings
    assert (row.hold, row.rate, row.seen.settled) == (Hold.SENDING, 3.0, 15)
    assert sum(minute.sent for minute in now.minutes) == 15
    assert len(now.minutes) == 60
    [first] = claims.claim(
        mailing.pk,
        *Message.objects.filter(mailing_id=mailing.pk).values_list("source_id", "provider_id")[0],
        token=7,
        limit=1,
    )
    forget()
    now = seen(cast.ada)
    assert (now.held, now.batches) == (1, 1)
    assert first.mailing_id == mailing.pk


def forget() -> None:
    """Let the two seconds pass for which a look serves everybody."""
    cache.clear()


@pytest.mark.django_db
def test_what_waits_leads_to_its_people_whoever_looks() -> None:
    mailing = under_way(40)
    settle(mailing, 15)
    campaign = Campaign.objects.get(mailing=mailing)
    people = f'href="{reverse("campaign_people", args=[campaign.pk])}?which=waiting">25</a>'
    assert people in page(cast.ada(), "sending")
    assert people in page(cast.dana(), "sending")


def attempted(mailing: Mailing, count: int, kind: Kind, *, ago: int = 2) -> None:
    """The same as `settle` with the evidence of each attempt beside it, as a batch leaves both."""
    rows = list(Message.objects.filter(mailing_id=mailing.pk, state="queued").order_by("id")[:count])
    settle(mailing, count, kind, ago=ago)
    at = timezone.now() - timedelta(minutes=ago)
    addresses = dict(EgressSource.objects.values_list("pk", "source_address"))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO delivery_attempt (at, mailing_id, message_id, kind, source_address, mx_host, code, reply)"
            " VALUES (%s, %s, %s, %s, %s, 'mx.goodmail.example', %s, '')",
            [
                (
                    at,
                    mailing.pk,
                    row.id,
                    kind.value,
                    addresses[row.source_id],
                    250 if kind is Kind.ACCEPTED else 451,
                )
                for row in rows
            ],
        )


@pytest.mark.django_db
def test_each_number_of_addresses_and_providers_leads_to_as_many_attempts() -> None:
    mailing = under_way(60)
    attempted(mailing, 12, Kind.ACCEPTED)
    attempted(mailing, 3, Kind.DEFERRED, ago=20)
    attempted(mailing, 2, Kind.BOUNCED, ago=30)
    attempted(mailing, 5, Kind.ACCEPTED, ago=180)
    forget()
    shown = page(cast.ada(), "sending")
    led = re.findall(rf'href="({reverse("sending_attempts")}[?][^"]+)">\s*([0-9.,]+)\s*</a>', shown)
    told = {}
    for address, number in led:
        asked = address.replace("&amp;", "&")
        rows = signed_in(Client(), cast.ada()).get(asked).content.decode().count("listing-title")
        # A rate is told by the minute, as a mean of five.
        tried_a_minute = "within=5" in asked
        assert rows == (12 if tried_a_minute else int(number)), (asked, number)
        told[asked] = rows
    whats = {re.search(r"what=(\w+)&within=(\d+)", asked).groups() for asked in told if "within" in asked}  # type: ignore[union-attr]
    assert {("sent", "60"), ("sent", "1440"), ("deferred", "60"), ("refused", "60"), ("sent", "5")} <= whats
    assert any("minute=" in asked for asked in told), "the table of minutes leads on as well"
    assert reverse("sending_attempts") not in page(cast.dana(), "sending"), (
        "who may not read the log is led nowhere"
    )


@pytest.mark.django_db
def test_attempts_are_read_by_key_and_lead_to_the_messages_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.queries.attempted.ATTEMPTS_PER_PAGE", 2)
    mailing = under_way(20)
    attempted(mailing, 5, Kind.ACCEPTED)
    first = list(Message.objects.filter(mailing_id=mailing.pk, state="sent").values_list("id", flat=True))
    client, address, seen_ids = (
        signed_in(Client(), cast.ada()),
        f"{reverse('sending_attempts')}?what=sent",
        [],
    )
    for _ in range(4):
        shown = client.get(address).content.decode()
        seen_ids += [int(found) for found in re.findall(rf"/compliance/messages/{mailing.pk}/(\d+)/", shown)]
        onward = re.search(r'href="([^"]+)">Next page', shown)
        if onward is None:
            break
        address = f"{reverse('sending_attempts')}{onward[1].replace('&amp;', '&')}"
    assert sorted(seen_ids) == sorted(first)
    assert len(seen_ids) == 5, "none twice"


@pytest.mark.parametrize(
    "query",
    [
        "what=nonsense",
        "within=7",
        "minute=x",
        "minute=99999999999999",
        "source=0",
        "provider=x",
        "at=1",
        "at=x&id=y",
    ],
)
@pytest.mark.django_db
def test_an_address_that_makes_no_sense_shows_the_last_hour(query: str) -> None:
    attempted(under_way(12), 2, Kind.ACCEPTED)
    response = signed_in(Client(), cast.ada()).get(f"{reverse('sending_attempts')}?{query}")
    assert response.status_code == 200
    assert response.content.decode().count("listing-title") == 2


@pytest.mark.django_db
def test_a_paused_campaign_waits_and_is_not_due() -> None:
    mailing = under_way(12)
    pause_mailing(actor=cast.actor(cast.dana()), mailing=mailing)
    now = seen(cast.dana)
    assert (now.due.number, now.later.number, now.flow, now.oldest) == (0, 12, Flow.PAUSED, None)
    assert "Paused" in page(cast.dana(), "sending")


@pytest.mark.django_db
def test_where_all_addresses_rest_it_says_so() -> None:
    under_way(12)
    until = timezone.now() + timedelta(hours=1)
    EgressSource.objects.update(suspended_until=until, suspended_why="a provider refuses this address")
    now = seen(cast.dana)
    assert (now.flow, now.mailings[0].hold) == (Flow.RESTING, Hold.RESTING)
    shown = page(cast.dana(), "sending")
    assert "All addresses that could send are resting" in shown
    assert "a provider refuses this address" in shown


@pytest.mark.django_db
def test_a_provider_that_defers_everything_is_told_with_until_when() -> None:
    mailing = under_way(12)
    settle(mailing, 12, Kind.DEFERRED)
    now = seen(cast.ada)
    assert now.flow is Flow.LATER
    [told] = [row for row in now.providers if row.provider.name == "default"]
    assert told.deferred.exact == 12
    assert told.waits_until is not None
    [card] = [card for card in now.pools if card.pool.stream == Stream.MARKETING]
    assert sum(row.deferred.exact or 0 for row in card.sources) == 12
    assert {row.last_code for row in card.sources} <= {451, None}


@pytest.mark.django_db
def test_small_numbers_of_a_clinical_campaign_are_in_no_sum_for_those_who_may_not_know_them() -> None:
    open_one = under_way(30)
    settle(open_one, 15)
    small = under_way(30, clinical=True, first=100)
    settle(small, 4)
    ada, dana = seen(cast.ada), seen(cast.dana)
    assert sum(minute.sent for minute in ada.minutes) == 19
    assert (ada.due.number, ada.left_out) == (41, 0)
    # Dana sees the other campaign's numbers, so the difference would be the four.
    assert sum(minute.sent for minute in dana.minutes) == 15
    assert (dana.due.number, dana.left_out, dana.rate) == (15, 1, 3.0)
    covered = next(row for row in dana.mailings if row.mailing.pk == small.pk)
    assert (covered.seen.settled, covered.rate) == (None, None)
    shown = page(cast.dana(), "sending")
    assert "leaves out 1 campaign by health data" in shown
    assert "Covered: the numbers are small" in shown
    assert "leaves out" not in page(cast.ada(), "sending")


@pytest.mark.django_db
def test_addresses_and_providers_are_told_in_steps_to_those() -> None:
    settle(under_way(30, clinical=True), 15)
    for figure in (
        *(row.hour for card in seen(cast.dana).pools for row in card.sources),
        *(row.hour for row in seen(cast.dana).providers),
    ):
        assert figure.telling is not Telling.EXACT or figure.least == 0
    default = next(row for row in seen(cast.ada).providers if row.provider.name == "default")
    assert default.hour.exact == 15
    assert sending._in_steps(0).exact == 0
    told = [(sending._in_steps(n).telling, sending._in_steps(n).least) for n in (1, 10, 11, 49, 50, 100_001)]
    assert told == [
        (Telling.FEWER, 0),
        (Telling.FEWER, 0),
        (Telling.AT_LEAST, 11),
        (Telling.AT_LEAST, 11),
        (Telling.AT_LEAST, 50),
        (Telling.AT_LEAST, 100_000),
    ]


@pytest.mark.django_db
def test_the_moving_part_keeps_nobody_signed_in_and_the_page_asks_for_it() -> None:
    cast.clinic()
    shown = page(cast.dana(), "sending")
    assert f'hx-get="{reverse("sending_now")}"' in shown
    assert "X-Polling" in shown
    client = signed_in(Client(), cast.dana())
    before = dict(client.session)
    moving = client.get(reverse("sending_now"), headers={"x-polling": "1", "hx-request": "true"})
    assert dict(client.session) == before
    for name in ("sending-minutes", "sending-parts"):
        assert f'id="{name}"' in moving.content.decode()
    assert moving.content.decode().count("hx-swap-oob") == 2


@pytest.mark.django_db
def test_a_look_costs_the_same_however_many_campaigns_are_on_their_way() -> None:
    under_way(12)
    page(cast.dana(), "sending")
    forget()
    client = signed_in(Client(), cast.dana())
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get(reverse("sending_now"))
    for first in (100, 200, 300):
        under_way(12, first=first)
    forget()
    with CaptureQueriesContext(connection) as many:
        client.get(reverse("sending_now"))
    assert len(many) <= len(one) <= 40
    with CaptureQueriesContext(connection) as again:
        client.get(reverse("sending_now"))
    assert len(again) < len(many), "what was looked at a moment ago serves the next reader too"


def undo_in(shown: str) -> str:
    found = re.search(r'action="(/sending/[^"]+)"[^>]*>(?:(?!</form>).)*Undo', shown, re.S)
    assert found, "there is an Undo"
    return found[1]


def press(path: str) -> str:
    response = signed_in(Client(), cast.ada()).post(path, follow=True)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
def test_an_address_is_put_to_rest_and_woken_each_with_undo() -> None:
    cast.clinic()
    source = EgressSource.objects.order_by("pk")[0]
    ada = cast.ada()
    at = timezone.localtime(timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    typed = {"day": at.date().isoformat(), "time": "10:30", "why": "on a blocklist"}
    assert "has passed" in post_422("sending_rest", source.pk, typed | {"day": "2020-01-01"})
    assert "thirty days" in post_422("sending_rest", source.pk, typed | {"day": "2090-01-01"})
    assert "required" in post_422("sending_rest", source.pk, typed | {"why": ""})
    shown = post(ada, "sending_rest", source.pk, **typed)
    assert "rests. Running workers know it" in shown
    assert "on a blocklist" in shown
    assert resting(source)
    shown = press(undo_in(shown))
    assert not resting(source)
    assert "rested until" in shown
    shown = press(undo_in(shown))
    until = resting(source)
    assert until is not None
    assert timezone.localtime(until).strftime("%H:%M") == "10:30" or until > timezone.now()
    shown = post(ada, "sending_until", source.pk, 0)
    assert "sends again" in shown
    assert "isn&#x27;t resting" in post(ada, "sending_until", source.pk, 0)


def resting(source: EgressSource) -> datetime | None:
    source.refresh_from_db()
    return source.suspended_until if sending.is_resting(source) else None


def post_422(name: str, pk: int, fields: dict[str, str]) -> str:
    response = signed_in(Client(), cast.ada()).post(reverse(name, args=[pk]), fields)
    assert response.status_code == 422
    return response.content.decode()


@pytest.mark.django_db
def test_rates_and_limits_are_changed_and_undone() -> None:
    cast.clinic()
    pool, google = IpPool.objects.get(stream=Stream.MARKETING), Provider.objects.get(name="google")
    ada = cast.ada()
    assert "greater than or equal" in post_422("sending_pool", pool.pk, {"per_second": "0", "burst": "1"})
    shown = post(ada, "sending_pool", pool.pk, per_second="0.4", burst="2")
    pool.refresh_from_db()
    assert (pool.per_second, pool.burst) == (0.4, 2)
    assert "At most 0.4 a second" in shown
    press(undo_in(shown))
    pool.refresh_from_db()
    assert (pool.per_second, pool.burst) == (200, 200)
    shown = post(
        ada, "sending_provider", google.pk, per_second="3", burst="6", connections="2", per_connection="10"
    )
    google.refresh_from_db()
    assert (google.per_second, google.burst, google.connections, google.per_connection) == (3, 6, 2, 10)
    press(undo_in(shown))
    google.refresh_from_db()
    assert (google.per_second, google.burst, google.connections, google.per_connection) == (10, 20, 5, 50)


@pytest.mark.django_db
@pytest.mark.parametrize("before", ["1", "0,1", "1,x", "1,2,3", "nan,1"])
def test_an_undo_that_nobody_was_offered_is_no_page(before: str) -> None:
    cast.clinic()
    pool = IpPool.objects.get(stream=Stream.MARKETING)
    response = signed_in(Client(), cast.ada()).post(reverse("sending_pool_as", args=[pool.pk, before]))
    assert response.status_code == 404
    pool.refresh_from_db()
    assert pool.per_second == 200


@pytest.mark.django_db
def test_opening_the_page_waits_for_no_worker_and_its_moving_part_calls_them() -> None:
    under_way(12)
    shown = page(cast.ada(), "sending")
    assert "Being called" in shown
    assert "No worker answers" not in shown
    assert "No worker answers" in page(cast.ada(), "sending_now")
    # Somebody called a moment ago: it is told at once.
    assert "No worker answers" in page(cast.ada(), "sending")
    forget()
    asked = signed_in(Client(), cast.ada()).get(f"{reverse('sending')}?call")
    assert "No worker answers" in asked.content.decode()
