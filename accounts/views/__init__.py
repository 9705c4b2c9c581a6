"""Pages of the staff's accounts: the second factor, people and roles, one's own account."""

from accounts.views.factor import enrol, replace
from accounts.views.own import account, account_password, account_sessions
from accounts.views.people import (
    people,
    person,
    person_deactivate,
    person_factor,
    person_reactivate,
    person_role,
    person_sessions,
)

__all__ = [
    "account",
    "account_password",
    "account_sessions",
    "enrol",
    "people",
    "person",
    "person_deactivate",
    "person_factor",
    "person_reactivate",
    "person_role",
    "person_sessions",
    "replace",
]
