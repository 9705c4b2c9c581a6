"""`manage.py staff add|list|deactivate|reset-factor`: the first administrator, and whoever needs help without a browser."""

import getpass
import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import access, actions
from accounts.models import Role, User
from accounts.organization.models import Organization


class Command(BaseCommand):
    """Staff accounts from the command line. Every change is audited as the set-up's."""

    help = "Add, list or deactivate members of the staff."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="make an account; the password is asked for")
        add.add_argument("--email", required=True)
        add.add_argument("--name", required=True)
        add.add_argument("--role", required=True, choices=Role.values)
        verbs.add_parser("list", help="who has an account")
        deactivate = verbs.add_parser("deactivate", help="close an account and end its sessions")
        deactivate.add_argument("--email", required=True)
        reset = verbs.add_parser(
            "reset-factor", help="for lost devices: the next sign-in sets up a new passkey or app"
        )
        reset.add_argument("--email", required=True)
        reset.add_argument("--reason", required=True, help="how the person proved who they are")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one verb; a refusal is told in its own words, and the command fails."""
        try:
            match options["verb"]:
                case "add":
                    self._add(options["email"], options["name"], options["role"])
                case "list":
                    self._list()
                case "deactivate":
                    self._deactivate(options["email"])
                case "reset-factor":
                    self._reset(options["email"], options["reason"])
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from None

    def _add(self, email: str, name: str, role: str) -> None:
        organization = Organization.objects.first()
        person = actions.add_person(
            actor=access.system("setup"),
            email=email,
            name=name,
            role=role,
            password=_password(),
            time_zone=organization.time_zone if organization else "",
        )
        self.stdout.write(
            f"{person.email} is {person.get_role_display()}. The first sign-in sets up their "
            f"{'passkey' if access.needs_passkey(role) else 'passkey or app'}."
        )

    def _list(self) -> None:
        for person in User.objects.order_by("email"):
            state = "active" if person.is_active else "deactivated"
            self.stdout.write(f"{person.email}\t{person.name}\t{person.get_role_display()}\t{state}")

    def _deactivate(self, email: str) -> None:
        person = _person(email)
        ended = actions.deactivate_person(actor=access.system("setup"), person=person)
        self.stdout.write(f"{person.email} can't sign in any more; sessions ended: {ended}.")

    def _reset(self, email: str, reason: str) -> None:
        person = _person(email)
        ended = actions.reset_factor(actor=access.system("setup"), person=person, reason=reason)
        self.stdout.write(
            f"{person.email} sets up a new factor at the next sign-in; sessions ended: {ended}."
        )


def _person(email: str) -> User:
    person = User.objects.filter(email__iexact=email.strip()).first()
    if person is None:
        raise CommandError("Nobody has an account with this address. See: manage.py staff list")
    return person


def _password() -> str:
    """The new password: from WELLSENT_PASSWORD for scripts, or typed twice. An argument would stand in the shell's history."""
    if given := os.environ.get("WELLSENT_PASSWORD"):
        return given
    first = getpass.getpass("Password (at least 12 characters): ")
    if getpass.getpass("Again: ") != first:
        raise CommandError("The two passwords differ. Nothing was saved.")
    return first
