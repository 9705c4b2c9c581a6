"""Where a process that helps to verify the log begins: it is imported before the framework is set up, and sets it up."""

from collections.abc import Mapping
from typing import Any

import django

_own: list[Any] = []


def begin(parameters: Mapping[str, Any]) -> None:
    """Make this process ready to read the database at these parameters."""
    django.setup()
    from safeguards.audit import walking

    _own.append(walking.connected(parameters))


def walk(stretch: Any) -> Any:
    """What `walking.walk` says of a stretch."""
    from safeguards.audit import walking

    return walking.walk(_own[0], stretch)
