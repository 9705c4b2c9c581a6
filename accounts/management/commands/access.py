"""`manage.py access list|open`: for an administrator who is shut out by the allowed networks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import access, actions, networks
from accounts.models import Role


class Command(BaseCommand):
    """Allowed networks from the command line, by whoever has the server. What is opened is audited as the set-up's."""

    help = "List the networks that each role may be used from, or open a role to every network again."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="from where each role may be used")
        opened = verbs.add_parser("open", help="let a role be used from every network again")
        opened.add_argument("--role", required=True, choices=[*Role.values, "all"])
        opened.add_argument("--reason", required=True, help="why; it stands in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one verb."""
        if options["verb"] == "list":
            for role, found in ((role, networks.of_role(role)) for role in Role.values):
                places = ", ".join(f"{each.network} {each.label}".strip() for each in found)
                self.stdout.write(f"{role}\t{places or 'everywhere'}")
            return
        if not options["reason"].strip():
            raise CommandError("Say why in --reason: it stands in the audit log.")
        for role in Role.values if options["role"] == "all" else [options["role"]]:
            actions.allow_networks(
                actor=access.system("setup"), role=role, wanted=[], reason=options["reason"].strip()
            )
            self.stdout.write(f"{role} may be used from everywhere.")
