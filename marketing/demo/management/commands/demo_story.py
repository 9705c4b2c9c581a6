"""`manage.py demo_story prepare|past|play`: the demo's clinic, the weeks that lie behind it, and its campaign of today."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketing.demo import past, patients, story


class Command(BaseCommand):
    """Runs inside the demonstration only; `demo` calls it."""

    help = "Prepare or play the demo's story."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["prepare", "past", "play"])

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This belongs to the demonstration: make demo")
        if options["act"] == "prepare":
            story.set_the_scene()
            past.hire()
            return
        if options["act"] == "past":
            past.live(self._say)
            return
        try:
            figures = story.play(self._say, patients.play)
        except story.Wrong as wrong:
            raise CommandError(str(wrong)) from None
        self.stdout.write(json.dumps(figures))

    def _say(self, what: str) -> None:
        self.stdout.write(f"demo: {what}")
        self.stdout.flush()
