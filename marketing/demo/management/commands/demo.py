"""`manage.py demo`: the whole product on one machine with invented people; ends everything that it started."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketing import processes
from marketing.environment import socket_path
from marketing.servers import Servers, ServersError

# What the person at the keyboard may have set for a real deployment: the demonstration never touches that.
_SOMEBODY_ELSES = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "WELLSENT_SECRET_KEY",
    "WELLSENT_SECRET_KEY_FILE",
    "WELLSENT_ROOT_KEY",
    "WELLSENT_ROOT_KEY_FILE",
    "WELLSENT_ANCHOR_KEY",
    "WELLSENT_ANCHOR_KEY_FILE",
    "WELLSENT_ANCHOR_DIR",
    "WELLSENT_ANCHOR_PUBLIC_KEYS",
    "WELLSENT_INDEX_SOCKET",
)


def surroundings(state: Path, *, staff: int, public: int, smtp: int, dns: int) -> dict[str, str]:
    """The variables of the demonstration's processes: all lies under `state`, and servers or keys named outside are forgotten."""
    return {
        **dict.fromkeys(_SOMEBODY_ELSES, ""),
        "WELLSENT_DEMO": "1",
        "WELLSENT_STATE_DIR": str(state),
        "WELLSENT_STAFF_URL": f"http://localhost:{staff}",
        "WELLSENT_PUBLIC_URL": f"http://localhost:{public}",
        "DELIVERY_DNS": f"127.0.0.1:{dns}",
        "DELIVERY_SMTP_PORT": str(smtp),
        "DELIVERY_CA_FILE": str(state / "sandbox" / "authority" / "ca.pem"),
    }


class Command(BaseCommand):
    """Begins anew each time: its own servers, keys and mailbox under var/demo, never those of `run`."""

    help = "Run the demonstration until Ctrl-C, or with --once through one campaign."
    requires_system_checks = ()  # the database is not there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end by itself after the campaign")
        parser.add_argument(
            "--bind",
            default="127.0.0.1",
            help="the address to serve at; 0.0.0.0 lets other machines of the network look",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        processes.end_as_by_ctrl_c()
        state = settings.BASE_DIR / "var" / "demo"
        try:
            # Not in the folder itself, which is deleted.
            with processes.alone(state.with_suffix(".lock")):
                self._run(state, once=options["once"], bind=options["bind"])
        except processes.Busy:
            raise CommandError("A demonstration is running already. End that one first.") from None
        except KeyboardInterrupt:
            self._say("Ended")
        except (processes.Ended, ServersError, TimeoutError) as problem:
            raise CommandError(str(problem)) from None

    def _run(self, state: Path, *, once: bool, bind: str) -> None:
        began = time.monotonic()
        servers = Servers(state)
        staff = processes.free_port(8000)
        public, smtp, dns = (processes.free_port(first) for first in (max(8001, staff + 1), 2525, 5353))
        environment = surroundings(state, staff=staff, public=public, smtp=smtp, dns=dns)
        group = processes.Group(environment, state / "log")
        try:
            self._say("Starting PostgreSQL and Valkey")
            servers.remove()
            # Mailbox, journals, logs and reports of the last demonstration go with its database.
            shutil.rmtree(state, ignore_errors=True)
            servers.start()
            self._say("Migrating")
            self._do(environment, "migrate", "--verbosity=0")
            self._do(environment, "demo_story", "prepare")
            self._say("Living through the past weeks, by the product's own actions with the clock set back")
            group.start("index", processes.manage("index"))
            group.wait_for("the index process", lambda: _index_listens(environment))
            self._do(environment, "demo_story", "past")
            self._say("Starting the sandbox: mail hosts with TLS, and a name server, on this machine")
            sandbox = ("--folder", str(state / "sandbox"), "--smtp-port", str(smtp), "--dns-port", str(dns))
            group.start("sandbox", processes.manage("sandbox", *sandbox))
            self._say("Starting web, workers and beat")
            processes.start_all(group, state=state, addresses=[f"{bind}:{port}" for port in (staff, public)])
            near = "127.0.0.1" if bind == "0.0.0.0" else bind  # noqa: S104 - asked for by whoever started it
            group.wait_for(
                "the web server", lambda: all(processes.listens(port, near) for port in (staff, public))
            )
            figures = self._play(environment)
            group.check()
            if once:
                # The last line, for scripts: every figure counted from the database and the mailbox.
                self.stdout.write(figures)
                return
            self._where_to_look(environment, time.monotonic() - began)
            while True:
                group.check()
                time.sleep(1)
        finally:
            processes.end_undisturbed()
            group.stop()
            servers.stop()

    def _say(self, what: str) -> None:
        self.stdout.write(f"demo: {what} …")
        self.stdout.flush()

    def _do(self, environment: dict[str, str], *command: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own command
            processes.manage(*command), env={**os.environ, **environment}, check=False
        )
        if done.returncode:
            raise CommandError(f"{command[0]} failed; the lines above say why.")

    def _play(self, environment: dict[str, str]) -> str:
        """Run the story, passing on what it tells; gives its last line, the figures."""
        with subprocess.Popen(  # noqa: S603 - our own command
            processes.manage("demo_story", "play"),
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        ) as story:
            last = ""
            for line in story.stdout or ():
                if last:
                    self.stdout.write(last)
                    self.stdout.flush()
                last = line.rstrip("\n")
        if story.returncode:
            raise CommandError(f"{last}\nThe demo's campaign failed; logs are under var/demo/log.")
        json.loads(last)
        return last

    def _where_to_look(self, environment: dict[str, str], seconds: float) -> None:
        staff = environment["WELLSENT_STAFF_URL"]
        people = json.loads((Path(environment["WELLSENT_STATE_DIR"]) / "people.json").read_text())
        lines = [
            "",
            f"The demonstration is up after {seconds:.0f} s. No message leaves this machine.",
            "",
            f"  The staff's pages      {staff}/",
            f"  Who to sign in as      {staff}/demo/     (with the codes that change every 30 seconds)",
            f"  The patients' inbox    {staff}/demo/inbox/",
            "",
            *(f"  {person['role']:<20} {person['email']:<28} {person['password']}" for person in people),
            "",
            "Ctrl-C ends it; the next start begins anew.",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _index_listens(environment: dict[str, str]) -> bool:
    return socket_path(Path(environment["WELLSENT_STATE_DIR"]), "index.sock").exists()
