"""Verbs of contacts: take in a file, check it, import it, stop it."""

from contacts.actions.imports import check_import, run_import, start_import, stop_import, sweep_imports
from contacts.actions.uploads import NotNow, map_columns, record_problems_opened, upload_file

__all__ = [
    "NotNow",
    "check_import",
    "map_columns",
    "record_problems_opened",
    "run_import",
    "start_import",
    "stop_import",
    "sweep_imports",
    "upload_file",
]
