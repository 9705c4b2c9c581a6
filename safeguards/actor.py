"""Who does a thing: the one principal that every action and every audit row names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person on the staff, a patient following a link, or a part of the system.

    `kind` is "user", "patient" or "system". `display` is copied into the audit row, so that it stays true when the
    account is renamed; for patients it is empty. `role` decides permissions; it is empty for patients.
    """

    kind: str
    id: str
    display: str = ""
    role: str = ""
    session_hash: str = ""
    method: str = ""
    factor: str = ""
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""
