"""What floors above have `verify` ask: whether their evidence still is what the chain says of it."""

from collections.abc import Callable, Iterable, Iterator

from safeguards.audit.walking import Finding

Check = Callable[[int], Iterable[Finding]]
"""Looks at what was recorded behind an event, by its id (0: all), and says what no longer agrees."""

_checks: dict[str, Check] = {}


def register_check(name: str, check: Check) -> None:
    """Have `verify` ask this as well. Called as an app gets ready: this floor imports none above."""
    _checks[name] = check


def findings(after_event: int) -> Iterator[Finding]:
    """What all checks find."""
    for check in _checks.values():
        yield from check(after_event)
