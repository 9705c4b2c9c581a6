"""`manage.py audit …`: verify the log, say how it stands, write an anchor, print the key that an auditor keeps."""

import getpass
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from safeguards import anchoring, audit, queries
from safeguards.actor import Actor
from safeguards.audit import anchors, folder


def operator() -> Actor:
    """Whoever sits at the console of the server: no account of ours, so named by the account of the machine."""
    return Actor(kind="system", id="console", display=f"console: {getpass.getuser()}"[:200])


class Command(BaseCommand):
    """The audit log from the console. `verify` exits with 1 if anything was changed, removed or left unchained."""

    help = "Verify the audit log, and look after its anchors."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        verify = what.add_parser("verify", help="hold the log against itself and against its anchors")
        verify.add_argument("--json", action="store_true", help="one line of JSON, and no progress")
        verify.add_argument("--from-anchor", type=int, metavar="NUMBER", help="trust what lies before it")
        verify.add_argument("--processes", type=int, help="how many read (default: two for a long log)")
        verify.add_argument(
            "--log-only", action="store_true", help="leave out the evidence that the log has digests of"
        )
        status = what.add_parser("status", help="how far the chain and its anchors have come")
        status.add_argument("--json", action="store_true")
        what.add_parser("anchor", help="write an anchor now")
        what.add_parser("key", help="print the public key that signs anchors")
        accept = what.add_parser("accept-restore", help="explain anchors of rows that a restored backup lost")
        accept.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        act: Callable[[dict[str, Any]], None] = getattr(self, f"_{options['what'].replace('-', '_')}")
        try:
            act(options)
        except (anchors.AnchorKeyMalformed, OSError) as error:
            raise CommandError(str(error)) from None

    def _verify(self, options: dict[str, Any]) -> None:
        began, progress = time.monotonic(), None if options["json"] else _Progress()
        try:
            report = audit.examine(
                folder.store(),
                from_anchor=options["from_anchor"],
                processes=options["processes"],
                progress=progress,
                evidence=not options["log_only"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        seconds = time.monotonic() - began
        if progress:
            progress.end()
        if options["json"]:
            told = asdict(report) | {"whole": not report.findings, "seconds": round(seconds, 3)}
            self.stdout.write(json.dumps(told))
        else:
            self._tell(report, seconds)
        if report.findings:
            raise CommandError(f"{len(report.findings)} findings. See docs/runbooks/audit-log.md.")

    def _tell(self, report: audit.Report, seconds: float) -> None:
        for note in report.notes:
            self.stdout.write(f"note: {note}")
        for finding in report.findings:
            self.stdout.write(str(finding))
        if not report.findings:
            self.stdout.write(
                f"The chain of {report.links} rows is whole, from {report.begins} to {report.ends}, and agrees with"
                f" {report.anchors} anchors ({seconds:.1f} s)."
            )

    def _status(self, options: dict[str, Any]) -> None:
        chain, kept = queries.chain_state(), queries.anchor_state()
        problem = kept.problem or _store_problem()
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "chained": chain.chained,
                        "waiting": chain.waiting,
                        "last_chained": chain.last_at and chain.last_at.isoformat(),
                        "anchor": kept.number,
                        "anchored": kept.sequence,
                        "anchored_at": kept.at and kept.at.isoformat(),
                        "overdue": kept.overdue,
                        "problem": problem,
                    }
                )
            )
        else:
            self.stdout.write(f"{chain.chained} rows are chained, {chain.waiting} wait.")
            self.stdout.write(
                f"Anchor {kept.number} of {kept.at:%Y-%m-%d %H:%M:%S} UTC covers {kept.sequence} rows."
                if kept.at
                else "There is no anchor yet."
            )
        if problem or kept.overdue:
            raise CommandError(problem or "The last anchor is older than thirty minutes: is `beat` running?")

    def _anchor(self, options: dict[str, Any]) -> None:
        if entry := anchoring.take():
            self.stdout.write(f"Anchor {entry.number} covers {entry.sequence} rows: {entry.sha256}")

    def _key(self, options: dict[str, Any]) -> None:
        public = anchors.public_key()
        self.stdout.write(f"{public} (in anchors: {anchors.key_id(public)})")

    def _accept_restore(self, options: dict[str, Any]) -> None:
        try:
            entry = anchoring.accept_restore(actor=operator(), reason=options["reason"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Entry {entry.number} says so, from sequence {entry.more['common']} on.")


def _store_problem() -> str:
    """Why the store can't be used, as asked now; the rows know only of the last try."""
    try:
        anchoring.newest(folder.store())
    except OSError as error:
        return f"The store of anchors can't be read: {error}"
    return ""


class _Progress:
    """A line on the terminal that counts; silent where nobody looks."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._began = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if self._shown:
            rate = done / max(time.monotonic() - self._began, 0.001)
            sys.stderr.write(f"\r{done:,} of {total:,} rows, {rate:,.0f} a second")
            sys.stderr.flush()

    def end(self) -> None:
        if self._shown:
            sys.stderr.write("\n")
