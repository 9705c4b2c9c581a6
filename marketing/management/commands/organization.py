"""`manage.py organization`: name the organisation, its brand, its addresses to send from, and the first topics."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketing.founding import set_up


class Command(BaseCommand):
    """Sets up the organisation; may be run again to change it."""

    help = "Name the organisation, its brand and the addresses it sends from."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--phone", required=True)
        parser.add_argument("--time-zone", default="America/New_York")
        parser.add_argument(
            "--from-address", required=True, help="the sender's address, such as news@clinic.org"
        )
        parser.add_argument(
            "--postal-address", required=True, help="the physical address that the law asks for"
        )
        parser.add_argument("--privacy-url", default="")
        parser.add_argument(
            "--marketing", nargs="+", required=True, metavar="IP", help="addresses for marketing"
        )
        parser.add_argument(
            "--transactional",
            nargs="+",
            required=True,
            metavar="IP",
            help="addresses for short service mails",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        keys = ("name", "phone", "time_zone", "from_address", "postal_address", "privacy_url")
        try:
            record = set_up(
                **{key: options[key] for key in keys},
                marketing=options["marketing"],
                transactional=options["transactional"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Set up. Publish this DNS record, so that receivers can verify our signature:")
        self.stdout.write(record)
