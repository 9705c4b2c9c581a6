"""Start, stop or look at the embedded PostgreSQL and Valkey."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketing.servers import Servers, ServersError


class Command(BaseCommand):
    """`manage.py servers start|stop|status`, on the state folder of the settings (STATE_DIR)."""

    help = "Start, stop or show the embedded PostgreSQL and Valkey."
    requires_system_checks = ()  # they ask the database, which this starts

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one word: what to do."""
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do it; the exit status of `status` is 1 unless both servers run."""
        servers = Servers(settings.STATE_DIR)
        try:
            if action == "start":
                servers.start()
            elif action == "stop":
                servers.stop()
            status = servers.status()
        except ServersError as error:
            raise CommandError(str(error)) from error
        for name, pid in (("PostgreSQL", status.postgres), ("Valkey", status.valkey)):
            self.stdout.write(f"{name}: process {pid}" if pid else f"{name}: not running")
        self.stdout.write(f"Data: {status.home}")
        if action == "status" and not status.running:
            raise SystemExit(1)
