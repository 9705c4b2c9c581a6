"""`migrate` as the owner: then grants for the application's role, and the first data keys."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate

from safeguards import grants, keyring


class Command(DjangoMigrate):
    """Django's migrate, run as the database's owner, with what must follow it."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options.get("plan") or options.get("check_unapplied") or options.get("app_label"):
            return
        grants.apply(options["database"])
        made = keyring.create_missing(options["database"])
        if made and options["verbosity"]:
            self.stdout.write(f"  Made {made} data keys, wrapped by the root key.")
