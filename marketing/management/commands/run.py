"""`manage.py run`: the product itself on one machine, with servers of its own where none are named."""

import os
import subprocess
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketing import processes
from marketing.servers import Servers, ServersError


class Command(BaseCommand):
    """Starts servers, migrates, starts web, workers, beat and the index process, and stays until Ctrl-C."""

    help = "Run Wellsent on this machine until Ctrl-C."
    requires_system_checks = ()  # the database is not there yet

    def handle(self, *args: Any, **options: Any) -> None:
        processes.end_as_by_ctrl_c()
        if not settings.EMBEDDED and not os.environ.get("REDIS_URL"):
            raise CommandError(
                "DATABASE_URL names a PostgreSQL of yours: set REDIS_URL to a Valkey or Redis as well."
            )
        try:
            with processes.alone(settings.STATE_DIR / "run.lock"):
                self._run()
        except processes.Busy:
            raise CommandError(
                f"Wellsent is running on {settings.STATE_DIR} already. End that one first."
            ) from None
        except KeyboardInterrupt:
            self.stdout.write("Ended.")
        except (processes.Ended, ServersError, TimeoutError) as problem:
            raise CommandError(str(problem)) from None

    def _run(self) -> None:
        # Two hosts behind one proxy may share a port.
        ports = sorted({urlsplit(url).port or 80 for url in (settings.STAFF_URL, settings.PUBLIC_URL)})
        for port in ports:
            if not processes.is_free(port):
                raise CommandError(
                    f"Port {port} is taken or not yours to open. Set WELLSENT_STAFF_URL and WELLSENT_PUBLIC_URL"
                    " to other ports."
                )
        servers = Servers(settings.STATE_DIR) if settings.EMBEDDED else None
        group = processes.Group({}, settings.STATE_DIR / "log")
        try:
            if servers is not None:
                self.stdout.write("Starting PostgreSQL and Valkey …")
                servers.start()
            self._migrate()
            processes.start_all(
                group, state=settings.STATE_DIR, addresses=[f"127.0.0.1:{port}" for port in ports]
            )
            group.wait_for("the web server", lambda: all(map(processes.listens, ports)))
            self.stdout.write(f"Staff     {settings.STAFF_URL}")
            self.stdout.write(f"Patients  {settings.PUBLIC_URL}")
            self.stdout.write(
                "The first administrator:  .venv/bin/python manage.py staff add --role administrator …"
            )
            self.stdout.write("Ctrl-C ends it; data stay under " + str(settings.STATE_DIR))
            while True:
                group.check()
                time.sleep(1)
        finally:
            processes.end_undisturbed()
            group.stop()
            if servers is not None:
                servers.stop()

    def _migrate(self) -> None:
        self.stdout.write("Migrating …")
        done = subprocess.run(  # noqa: S603 - our own command
            processes.manage("migrate", "--verbosity=0"), check=False
        )
        if done.returncode:
            raise CommandError("The migration failed; the message above says why.")
