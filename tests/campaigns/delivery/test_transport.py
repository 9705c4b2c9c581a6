"""Delivery to real mail hosts on loopback, well-behaved and not."""

import asyncio
import itertools
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.delivery.journal import Journal, reconcile
from campaigns.delivery.routes import MxHost, Routes
from campaigns.delivery.sandbox import Certificate, Exchange, Sandbox
from campaigns.delivery.smtp import redact
from campaigns.delivery.transport import (
    Envelope,
    Kind,
    Outcome,
    Source,
    Timeouts,
    deliver,
    tls_context,
)
from campaigns.delivery.verdict import Released

PATIENT = Timeouts(connect=10, banner=10, hello=10, mail=10, recipient=10, data=10, final_dot=10)
SENDER = "b1.aaaa.bbbb@bounces.clinic.example"
MESSAGE = b"Subject: hello\r\n\r\nDear reader,\r\n.\r\n.. and more\r\n"
GOOD = Exchange("mx.good.test", "127.0.0.31")


@dataclass
class World:
    """A sandbox, and a way to deliver into it."""

    sandbox: Sandbox
    folder: Path
    tokens: Iterator[int]

    def envelopes(self, *recipients: str, content: Callable[[], bytes] = lambda: MESSAGE) -> list[Envelope]:
        return [
            Envelope(Released(number, 1, recipient), SENDER, content)
            for number, recipient in enumerate(recipients, start=1)
        ]

    def send(
        self,
        envelopes: Sequence[Envelope],
        *hosts: MxHost,
        connections: int = 1,
        per_connection: int = 100,
        timeouts: Timeouts = PATIENT,
        source: str = "127.0.0.77",
        within: float | None = None,
    ) -> dict[int, Outcome]:
        routes = Routes("clinic.example", hosts or tuple(host(each) for each in self.sandbox.hosts))

        async def run() -> list[Outcome]:
            with Journal.open(self.folder / "journals", next(self.tokens)) as journal:
                return [
                    outcome
                    async for outcome in deliver(
                        envelopes,
                        routes=routes,
                        source=Source(source, "out.clinic.example"),
                        port=self.sandbox.smtp_port,
                        tls=tls_context(self.sandbox.ca_file),
                        journal=journal,
                        connections=connections,
                        per_connection=per_connection,
                        timeouts=timeouts,
                        within=within,
                    )
                ]

        outcomes = asyncio.run(run())
        told = [outcome.message_id for outcome in outcomes]
        assert sorted(told) == sorted(each.released.message_id for each in envelopes)
        return {outcome.message_id: outcome for outcome in outcomes}


Make = Callable[..., AbstractContextManager[World]]
ADDRESSES: dict[str, str] = {}


def host(name: str, preference: int = 10) -> MxHost:
    return MxHost(name, (ADDRESSES[name],), preference)


@pytest.fixture
def world(tmp_path: Path) -> Make:
    @contextmanager
    def make(*exchanges: Exchange) -> Iterator[World]:
        ADDRESSES.update({each.name: each.address for each in exchanges})
        with Sandbox(tmp_path, exchanges=exchanges) as sandbox:
            yield World(sandbox, tmp_path, itertools.count(1))

    return make


def kinds(outcomes: dict[int, Outcome]) -> list[Kind]:
    return [outcomes[number].kind for number in sorted(outcomes)]


def people(count: int) -> list[str]:
    return [f"person{number}@clinic.example" for number in range(count)]


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_message_arrives_as_it_was_with_the_evidence_of_its_way(world: Make, pipelining: bool) -> None:
    with world(replace(GOOD, pipelining=pipelining)) as here:
        before = datetime.now(UTC)
        (outcome,) = here.send(here.envelopes("ann@clinic.example")).values()
        assert outcome.kind is Kind.ACCEPTED
        assert (outcome.code, outcome.enhanced, outcome.reply) == (250, "2.0.0", "kept")
        assert (outcome.tls_version, outcome.tls_verified) == ("TLSv1.3", True)
        assert outcome.tls_cipher.startswith("TLS_")
        assert (outcome.mx_host, outcome.mx_address) == ("mx.good.test", "127.0.0.31")
        assert before <= outcome.at <= datetime.now(UTC)
        (entry,) = here.sandbox.mailbox.entries()
        assert here.sandbox.mailbox.read(entry.id) == MESSAGE
        assert (entry.sender, entry.recipient) == (SENDER, "ann@clinic.example")
        assert entry.peer == outcome.source_address == "127.0.0.77"
        assert (entry.helo, entry.tls_version) == ("out.clinic.example", "TLSv1.3")


def test_dots_at_the_start_and_a_missing_line_end_survive(world: Make) -> None:
    with world(GOOD) as here:
        here.send(here.envelopes("ann@clinic.example", content=lambda: b".odd: 1\r\n\r\n.\r\n..x"))
        (entry,) = here.sandbox.mailbox.entries()
        assert here.sandbox.mailbox.read(entry.id) == b".odd: 1\r\n\r\n.\r\n..x\r\n"


def test_connections_are_reused_up_to_their_limit_and_shared(world: Make) -> None:
    with world(GOOD) as here:
        outcomes = here.send(here.envelopes(*people(20)), connections=2, per_connection=5)
        assert set(kinds(outcomes)) == {Kind.ACCEPTED}
        assert len(here.sandbox.mailbox.entries()) == 20
        assert 4 <= here.sandbox.hosts["mx.good.test"].connections <= 5


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refused_recipient_bounces_and_the_next_goes_on_the_same_connection(
    world: Make, pipelining: bool
) -> None:
    with world(replace(GOOD, pipelining=pipelining)) as here:
        outcomes = here.send(here.envelopes("nosuch.ann@clinic.example", "bob@clinic.example"))
        assert kinds(outcomes) == [Kind.BOUNCED, Kind.ACCEPTED]
        assert (outcomes[1].code, outcomes[1].enhanced) == (550, "5.1.1")
        assert outcomes[1].reply == "<address>: no such user <address> here"
        seen = here.sandbox.hosts["mx.good.test"]
        assert seen.connections == 1
        assert "RSET" in seen.commands


def test_a_host_that_waits_for_data_without_a_recipient_gets_no_empty_message(world: Make) -> None:
    with world(replace(GOOD, takes_data_anyway=True)) as here:
        # A command said in place of the message would be taken for a part of it and never answered.
        patient = replace(PATIENT, mail=3600)
        outcomes = here.send(here.envelopes("nosuch@clinic.example", "bob@clinic.example"), timeouts=patient)
        assert kinds(outcomes) == [Kind.BOUNCED, Kind.ACCEPTED]
        assert [entry.recipient for entry in here.sandbox.mailbox.entries()] == ["bob@clinic.example"]


def test_a_host_that_can_is_told_to_return_headers_alone(world: Make) -> None:
    with world(replace(GOOD, dsn=True)) as here:
        assert kinds(here.send(here.envelopes("ann@clinic.example"))) == [Kind.ACCEPTED]
        assert "RET=HDRS" in here.sandbox.hosts["mx.good.test"].commands


def test_greylisting_defers_and_the_second_attempt_arrives(world: Make) -> None:
    with world(replace(GOOD, greylists=True)) as here:
        first = here.send(here.envelopes("ann@clinic.example"))
        assert (first[1].kind, first[1].code, first[1].enhanced) == (Kind.DEFERRED, 451, "4.7.1")
        assert kinds(here.send(here.envelopes("ann@clinic.example"))) == [Kind.ACCEPTED]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("452 4.2.2 mailbox full", Kind.DEFERRED),
        ("554 5.7.1 not liked", Kind.BOUNCED),
        ("354 what", Kind.UNCERTAIN),
    ],
)
def test_the_answer_to_the_final_dot_decides(world: Make, answer: str, kind: Kind) -> None:
    with world(replace(GOOD, answer_to_dot=answer)) as here:
        assert kinds(here.send(here.envelopes("ann@clinic.example"))) == [kind]


def test_a_421_to_the_final_dot_is_about_us_and_stops_the_run(world: Make) -> None:
    with world(replace(GOOD, answer_to_dot="421 4.7.0 enough")) as here:
        outcomes = here.send(here.envelopes(*people(3)))
        assert kinds(outcomes) == [Kind.REFUSED_US, Kind.UNSENT, Kind.UNSENT]


@pytest.mark.parametrize("reply", ["451 4.7.1 slow down", "550 5.7.1 blocked", "421 4.7.0 busy"])
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refused_sender_is_about_us_and_the_rest_goes_back_unsent(
    world: Make, reply: str, pipelining: bool
) -> None:
    with world(replace(GOOD, refuses_sender=reply, pipelining=pipelining)) as here:
        outcomes = here.send(here.envelopes(*people(5)))
        assert kinds(outcomes) == [Kind.REFUSED_US, *[Kind.UNSENT] * 4]
        assert outcomes[1].code == int(reply[:3])


@pytest.mark.parametrize("certificate", [Certificate.EXPIRED, Certificate.WRONG_NAME, Certificate.STRANGER])
def test_an_unverifiable_certificate_gets_nothing(world: Make, certificate: Certificate) -> None:
    with world(replace(GOOD, certificate=certificate)) as here:
        outcomes = here.send(here.envelopes(*people(3)), connections=2)
        assert kinds(outcomes) == [Kind.TLS_NOT_MET] * 3
        assert not outcomes[1].tls_verified
        assert outcomes[1].mx_host == "mx.good.test"
        assert here.sandbox.mailbox.entries() == []
        assert here.sandbox.hosts["mx.good.test"].connections == 1


def test_a_host_without_starttls_gets_nothing(world: Make) -> None:
    with world(replace(GOOD, starttls=False)) as here:
        outcomes = here.send(here.envelopes(*people(2)))
        assert kinds(outcomes) == [Kind.TLS_NOT_MET] * 2
        assert outcomes[2].reply == "the host offers no STARTTLS"
        assert here.sandbox.mailbox.entries() == []


def test_tls_that_is_unavailable_for_the_moment_makes_the_lane_wait(world: Make) -> None:
    with world(replace(GOOD, tls_unavailable=True)) as here:
        assert kinds(here.send(here.envelopes("ann@clinic.example"))) == [Kind.REFUSED_US]


def test_what_was_said_ahead_in_plaintext_is_forgotten(world: Make) -> None:
    # The forged reply would be taken for the answer to EHLO, and each later reply for the one before it.
    with world(replace(GOOD, speaks_ahead=True, pipelining=False)) as here:
        outcomes = here.send(here.envelopes("ann@clinic.example", "nosuch@clinic.example"))
        assert kinds(outcomes) == [Kind.ACCEPTED, Kind.BOUNCED]


def test_the_next_host_is_tried_where_the_first_lacks_tls_or_does_not_answer(world: Make) -> None:
    plain = Exchange("mx.plain.test", "127.0.0.32", starttls=False)
    with world(GOOD, plain) as here:
        silent = MxHost("mx.silent.test", ("127.0.0.39",), 1)
        outcomes = here.send(
            here.envelopes(*people(2)), host("mx.good.test", 30), host("mx.plain.test", 20), silent
        )
        assert kinds(outcomes) == [Kind.ACCEPTED] * 2
        assert {outcome.mx_host for outcome in outcomes.values()} == {"mx.good.test"}


def test_the_worst_hosts_word_is_told_if_none_takes_us(world: Make) -> None:
    plain = Exchange("mx.plain.test", "127.0.0.32", starttls=False)
    busy = Exchange("mx.busy.test", "127.0.0.33", tls_unavailable=True)
    with world(plain, busy) as here:
        silent = MxHost("mx.silent.test", ("127.0.0.39",), 1)
        one = here.envelopes("ann@clinic.example")
        assert kinds(here.send(one, silent)) == [Kind.UNREACHABLE]
        assert kinds(here.send(one, host("mx.plain.test"), silent)) == [Kind.TLS_NOT_MET]
        assert kinds(here.send(one, host("mx.plain.test"), host("mx.busy.test"))) == [Kind.REFUSED_US]


def test_a_source_without_a_common_address_family_reaches_nobody(world: Make) -> None:
    with world(GOOD) as here:
        six = MxHost("mx.good.test", ("::1",), 10)
        assert kinds(here.send(here.envelopes("ann@clinic.example"), six)) == [Kind.UNREACHABLE]


def test_a_421_in_the_banner_refuses_us(world: Make) -> None:
    with world(replace(GOOD, refuses_connection=1)) as here:
        outcomes = here.send(here.envelopes(*people(2)))
        assert kinds(outcomes) == [Kind.REFUSED_US] * 2
        assert outcomes[1].code == 421


def test_a_refused_further_connection_leaves_its_work_to_the_others(world: Make) -> None:
    with world(replace(GOOD, refuses_connection=2, delay=0.002)) as here:
        outcomes = here.send(here.envelopes(*people(12)), connections=3)
        assert set(kinds(outcomes)) == {Kind.ACCEPTED}


def test_a_host_that_hangs_up_between_messages_loses_none(world: Make) -> None:
    with world(replace(GOOD, hangs_up_after=3)) as here:
        outcomes = here.send(here.envelopes(*people(10)))
        assert set(kinds(outcomes)) == {Kind.ACCEPTED}
        assert len(here.sandbox.mailbox.entries()) == 10
        assert here.sandbox.hosts["mx.good.test"].connections == 4


@pytest.mark.parametrize(
    "exchange", [replace(GOOD, stalls_after_dot=True), replace(GOOD, hangs_up_after_dot=True)]
)
def test_without_an_answer_to_the_dot_a_message_is_uncertain_and_a_silent_host_left_alone(
    world: Make, exchange: Exchange
) -> None:
    with world(exchange) as here:
        outcomes = here.send(here.envelopes(*people(5)), timeouts=replace(PATIENT, final_dot=0.3))
        assert kinds(outcomes) == [*[Kind.UNCERTAIN] * 3, *[Kind.UNSENT] * 2]
        # It had arrived: to send it again would have been to send it twice.
        assert len(here.sandbox.mailbox.entries()) == 3


def test_when_the_time_is_over_nothing_is_begun_and_what_has_its_dot_is_waited_for(world: Make) -> None:
    with world(replace(GOOD, stalls_after_dot=True)) as here:
        outcomes = here.send(here.envelopes(*people(4)), timeouts=replace(PATIENT, final_dot=4), within=3)
        assert kinds(outcomes) == [Kind.UNCERTAIN, *[Kind.UNSENT] * 3]
        assert len(here.sandbox.mailbox.entries()) == 1


def test_a_message_that_the_time_ran_out_on_before_its_dot_is_tried_later(world: Make) -> None:
    def slow() -> bytes:
        time.sleep(3.1)
        return MESSAGE

    with world(GOOD) as here:
        outcomes = here.send(here.envelopes(*people(3), content=slow), within=3)
        assert kinds(outcomes) == [Kind.DEFERRED, *[Kind.UNSENT] * 2]
        assert here.sandbox.mailbox.entries() == []


def test_hosts_that_keep_us_waiting_for_all_the_time_there_is_are_unreachable(world: Make) -> None:
    with world(replace(GOOD, delay=8)) as here:
        outcomes = here.send(here.envelopes(*people(3)), within=0.2)
        assert kinds(outcomes) == [Kind.UNREACHABLE] * 3


def test_a_slow_host_is_waited_for(world: Make) -> None:
    with world(replace(GOOD, delay=0.05)) as here:
        assert kinds(here.send(here.envelopes(*people(2)))) == [Kind.ACCEPTED] * 2


def test_a_message_larger_than_the_host_accepts_is_not_begun(world: Make) -> None:
    with world(replace(GOOD, size=100)) as here:
        small, large = here.envelopes(*people(2))
        large = replace(large, content=lambda: MESSAGE + b"x" * 70 + b"\r\n")
        outcomes = here.send([large, small])
        assert [outcomes[2].kind, outcomes[1].kind] == [Kind.BOUNCED, Kind.ACCEPTED]
        assert (outcomes[2].code, outcomes[2].enhanced) == (552, "5.3.4")


def test_a_message_larger_than_the_write_buffer_arrives_whole(world: Make) -> None:
    with world(GOOD) as here:
        body = MESSAGE + b"0123456789abcdef\r\n" * 60_000
        here.send(here.envelopes("ann@clinic.example", content=lambda: body))
        (entry,) = here.sandbox.mailbox.entries()
        assert here.sandbox.mailbox.read(entry.id) == body


def cannot_be_made() -> bytes:
    raise ValueError("Ann's value has a line feed")


@pytest.mark.parametrize(
    ("recipient", "content"),
    [
        ("ann@clinic.example", cannot_be_made),
        ("ann@clinic.example", lambda: b"a: b\r\n\r\nbare\n.\nMAIL FROM:<x@y>\r\n"),
        ("ann@clinic.example", lambda: b"a: b\r\n\r\nbare\r.\r\n"),
        ("ann@clinic.example>\r\nRCPT TO:<eve@clinic.example", lambda: MESSAGE),
        ("ann eve@clinic.example", lambda: MESSAGE),
        ("änn@clinic.example", lambda: MESSAGE),
        ("ann", lambda: MESSAGE),
    ],
)
def test_what_cannot_be_sent_whole_and_safe_is_not_begun(
    world: Make, recipient: str, content: Callable[[], bytes]
) -> None:
    with world(GOOD) as here:
        bad, good = here.envelopes(recipient, "bob@clinic.example")
        outcomes = here.send([replace(bad, content=content), good])
        assert kinds(outcomes) == [Kind.UNRENDERED, Kind.ACCEPTED]
        assert "Ann" not in outcomes[1].reply
        assert [entry.recipient for entry in here.sandbox.mailbox.entries()] == ["bob@clinic.example"]


def test_only_what_the_gate_released_is_taken(world: Make) -> None:
    @dataclass(frozen=True)
    class Forged:
        message_id: int = 1
        mailing_id: int = 1
        recipient: str = "ann@clinic.example"

    with world(GOOD) as here:
        with pytest.raises(TypeError, match="released"):
            here.send([Envelope(Forged(), SENDER, lambda: MESSAGE)])  # type: ignore[arg-type]
        assert here.sandbox.hosts["mx.good.test"].connections == 0


def lax(change: Callable[[ssl.SSLContext], None]) -> ssl.SSLContext:
    context = tls_context(None)
    change(context)
    return context


def unverified(context: ssl.SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


def nameless(context: ssl.SSLContext) -> None:
    context.check_hostname = False


def old(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1


@pytest.mark.parametrize(
    "change", [unverified, nameless, pytest.param(old, marks=pytest.mark.filterwarnings("ignore"))]
)
def test_a_lax_context_is_refused(tmp_path: Path, change: Callable[[ssl.SSLContext], None]) -> None:
    async def run() -> None:
        with Journal.open(tmp_path, 1) as journal:
            sending = deliver(
                [],
                routes=Routes("clinic.example", ()),
                source=Source("127.0.0.1", "out.clinic.example"),
                port=25,
                tls=lax(change),
                journal=journal,
            )
            with pytest.raises(ValueError, match="must"):
                await anext(sending)

    asyncio.run(run())


def test_the_journal_says_what_had_begun_when_the_run_was_broken_off(world: Make, tmp_path: Path) -> None:
    with world(replace(GOOD, stalls_after_dot=True)) as here:

        async def run() -> None:
            with Journal.open(tmp_path / "j", 9) as journal:
                sending = deliver(
                    here.envelopes("ann@clinic.example", "bob@clinic.example"),
                    routes=Routes("clinic.example", (host("mx.good.test"),)),
                    source=Source("127.0.0.1", "out.clinic.example"),
                    port=here.sandbox.smtp_port,
                    tls=tls_context(here.sandbox.ca_file),
                    journal=journal,
                )
                await anext(sending)

        async def until_stalled() -> None:
            task = asyncio.create_task(run())
            while not here.sandbox.mailbox.entries():
                assert not task.done()
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])

        asyncio.run(until_stalled())
        (dead,) = reconcile(tmp_path / "j")
        assert dead.unanswered == {1}
        assert dead.accepted == dead.refused == {}


def test_without_a_journal_no_final_dot_is_written(world: Make, tmp_path: Path) -> None:
    with world(GOOD) as here:

        async def run() -> None:
            journal = Journal.open(tmp_path / "j", 9)
            journal.close()
            async for _ in deliver(
                here.envelopes(*people(3)),
                routes=Routes("clinic.example", (host("mx.good.test"),)),
                source=Source("127.0.0.1", "out.clinic.example"),
                port=here.sandbox.smtp_port,
                tls=tls_context(here.sandbox.ca_file),
                journal=journal,
            ):
                pass

        with pytest.raises(ExceptionGroup) as caught:
            asyncio.run(run())
        assert caught.group_contains(OSError)
        assert here.sandbox.mailbox.entries() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<ann.b@x.example>: unknown", "<address>: unknown"),
        ("user ann.b unknown", "user <address> unknown"),
        ("ANN.B@x.example rejected, see http://x/ann.b", "<address> rejected, see http://x/<address>"),
        ("other+tag@y.example (bob@z.example)", "<address> (<address>)"),
        ("mann.bond is fine", "mann.bond is fine"),
        ("one\r\ntwo\x00three", "one two three"),
    ],
)
def test_replies_lose_every_address(text: str, expected: str) -> None:
    assert redact(text, "ann.b@x.example") == expected
    assert len(redact(text * 200, "ann.b@x.example")) <= 500
