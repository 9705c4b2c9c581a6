"""Run the demo's mail world: `manage.py sandbox --folder …`."""

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.delivery.sandbox import Sandbox, demo_exchanges


class Command(BaseCommand):
    """Runs mail hosts and a name server on loopback until it is told to end (SIGTERM or Ctrl-C)."""

    help = "Run the demo's mail hosts and name server on this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, required=True, help="for received mail and certificates")
        parser.add_argument("--smtp-port", type=int, default=getattr(settings, "DELIVERY_SMTP_PORT", 0))
        parser.add_argument("--dns-port", type=int, default=0)
        parser.add_argument(
            "--no-tls",
            nargs="*",
            default=["countryisp.example"],
            metavar="DOMAIN",
            help="domains whose mail host offers no TLS",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, say on which ports, and wait; refused outside the demo, where mail is for people."""
        if not getattr(settings, "DEMO", False):
            raise CommandError("The sandbox belongs to the demo. Set WELLSENT_DEMO=1 to run it.")
        ending = {signal.SIGTERM, signal.SIGINT}
        # Blocked before any thread starts, so that all of them leave the signal to sigwait.
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        sandbox = Sandbox(
            options["folder"],
            options["smtp_port"],
            options["dns_port"],
            exchanges=demo_exchanges(options["no_tls"]),
        )
        try:
            sandbox.start()
        except OSError as error:
            raise CommandError(f"A port of the sandbox is taken: {error.strerror}. Choose others.") from error
        try:
            self.stdout.write(f"sandbox ready: SMTP port {sandbox.smtp_port}, DNS port {sandbox.dns_port}")
            self.stdout.flush()
            signal.sigwait(ending)
        finally:
            sandbox.stop()
