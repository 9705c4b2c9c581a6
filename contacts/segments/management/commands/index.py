"""`manage.py index`: run the index process, beside the web and worker processes, until it gets SIGTERM or SIGINT."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contacts.segments import index


class Command(BaseCommand):
    """Runs the index process."""

    help = "Hold the opened contacts in memory and answer segments and searches."
    # Checks look at every page of the product; this process has none, and should be back quickly after a restart.
    requires_system_checks: list[str] | tuple[str, ...] = ()

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            index.serve(settings.INDEX_SOCKET, stop)
        except index.AlreadyRunning as error:
            raise CommandError(
                f"An index process already answers on {error}. Stop it first, or name another socket."
            ) from None
