"""Background work of contacts: ids in, one action called."""

from uuid import UUID

from celery import shared_task

from accounts import access
from contacts import actions


@shared_task(name="contacts.check_import", ignore_result=True)
def check_import(import_id: str) -> None:
    """Check a file."""
    actions.check_import(actor=access.system("importer"), import_id=UUID(import_id))


@shared_task(name="contacts.run_import", ignore_result=True)
def run_import(import_id: str) -> None:
    """Import a file, from wherever it stands."""
    actions.run_import(actor=access.system("importer"), import_id=UUID(import_id))


@shared_task(name="contacts.sweep_imports", ignore_result=True)
def sweep_imports() -> None:
    """Wake imports that nobody works on."""
    actions.sweep_imports(actor=access.system("importer"))
