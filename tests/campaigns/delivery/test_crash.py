"""A worker killed in the middle of sending: nothing is lost, and nothing sent twice unseen."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from campaigns.delivery.journal import reconcile
from campaigns.delivery.sandbox import Exchange, Sandbox

COUNT = 400
CONNECTIONS = 4

WORKER = r"""
import asyncio, sys
from pathlib import Path
from campaigns.delivery.journal import Journal
from campaigns.delivery.routes import MxHost, Routes
from campaigns.delivery.transport import Envelope, Source, deliver, tls_context
from campaigns.delivery.verdict import Released

journals, ca_file, port, count, connections = sys.argv[1:]

async def main():
    content = lambda: b"A: b\r\n\r\nhello\r\n"
    envelopes = [
        Envelope(Released(n, 1, f"person{n}@clinic.example"), "b@bounces.example", content)
        for n in range(int(count))
    ]
    with Journal.open(Path(journals), 5) as journal:
        async for outcome in deliver(
            envelopes,
            routes=Routes("clinic.example", (MxHost("mx.good.test", ("127.0.0.31",), 10),)),
            source=Source("127.0.0.1", "out.clinic.example"),
            port=int(port),
            tls=tls_context(Path(ca_file)),
            journal=journal,
            connections=int(connections),
        ):
            assert outcome.kind == "accepted", outcome

asyncio.run(main())
"""


def test_after_a_kill_the_journal_and_the_world_agree(tmp_path: Path) -> None:
    journals = tmp_path / "journals"
    with Sandbox(tmp_path / "box", exchanges=[Exchange("mx.good.test", "127.0.0.31")]) as sandbox:
        told = [journals, sandbox.ca_file, sandbox.smtp_port, COUNT, CONNECTIONS]
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, *map(str, told)], cwd=Path(__file__).parents[3]
        )
        mail = tmp_path / "box" / "mail"
        while len(list(mail.glob("*.json"))) < COUNT // 4:
            assert worker.poll() is None
            time.sleep(0.005)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        (dead,) = reconcile(journals)
    # The sandbox is closed: whatever was on its way has arrived or never will.
    arrived = [
        int(entry.recipient.partition("@")[0].removeprefix("person")) for entry in sandbox.mailbox.entries()
    ]
    assert len(arrived) == len(set(arrived)) < COUNT
    assert dead.complete
    assert dead.refused == {}
    assert dead.accepted.keys() <= set(arrived)
    # The rest of what arrived is in doubt, and no more than one message a connection is.
    assert set(arrived) - dead.accepted.keys() <= dead.unanswered
    assert len(dead.unanswered) <= CONNECTIONS
