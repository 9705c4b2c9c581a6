"""`manage.py audit verify`: walk the audit chain and say what is wrong."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from safeguards import audit
from safeguards.models import AuditLink


class Command(BaseCommand):
    """Checks the audit log; exits with 1 if anything was changed, removed or left unchained."""

    help = "Verify the audit chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify"])

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(audit.verify())
        for finding in findings:
            self.stdout.write(f"{finding.what} {finding.where}")
        if findings:
            raise CommandError(f"{len(findings)} findings")
        self.stdout.write(f"The chain of {AuditLink.objects.count()} rows is whole.")
