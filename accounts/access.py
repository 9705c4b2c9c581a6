"""The permission door: who may do what, asked in actions and queries, not only in views; and grants to open health data."""

import hashlib
from enum import StrEnum

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Invitation, Role, User
from safeguards import audit
from safeguards.actor import Actor
from safeguards.phi import ALL_FIELDS, Grant

audit.declare("access.denied", "permission")


class Permission(StrEnum):
    """One thing that somebody may do."""

    VIEW_CONTACTS = "view contacts"
    VIEW_CLINICAL = "view clinical fields"
    IMPORT_CONTACTS = "import contacts"
    EDIT_CONTACTS = "edit contacts and lists"
    EDIT_CONSENT = "ask for consent"
    VIEW_SEGMENTS = "view segments"
    EDIT_SEGMENTS = "edit segments"
    VIEW_CAMPAIGNS = "view campaigns"
    EDIT_CAMPAIGNS = "edit campaigns"
    LAUNCH_CAMPAIGN = "launch campaigns"
    APPROVE_MAILING = "approve mailings"
    VIEW_REPORTS = "view reports"
    EXPORT_EVIDENCE = "export evidence"
    VIEW_AUDIT = "view the audit log"
    MANAGE_PEOPLE = "manage people"
    VIEW_SENDING = "view sending"
    MANAGE_SENDING = "manage sending"
    # What parts of the system do by themselves.
    DELIVER = "deliver messages"
    INDEX_CONTACTS = "index contacts"


P = Permission
_WORK = {P.VIEW_CONTACTS, P.VIEW_SEGMENTS, P.VIEW_CAMPAIGNS, P.VIEW_REPORTS, P.VIEW_SENDING}

ROLES: dict[str, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(set(P) - {P.DELIVER, P.INDEX_CONTACTS}),
    Role.MARKETER: frozenset(
        _WORK
        | {
            P.IMPORT_CONTACTS,
            P.EDIT_CONTACTS,
            P.EDIT_CONSENT,
            P.EDIT_SEGMENTS,
            P.EDIT_CAMPAIGNS,
            P.LAUNCH_CAMPAIGN,
        }
    ),
    Role.APPROVER: frozenset(_WORK | {P.APPROVE_MAILING}),
    Role.ANALYST: frozenset({P.VIEW_SEGMENTS, P.VIEW_CAMPAIGNS, P.VIEW_REPORTS}),
    Role.COMPLIANCE: frozenset({P.VIEW_CAMPAIGNS, P.VIEW_REPORTS, P.EXPORT_EVIDENCE, P.VIEW_AUDIT}),
    Role.DEVELOPER: frozenset(),
    "importer": frozenset({P.IMPORT_CONTACTS}),
    "delivery": frozenset({P.DELIVER, P.LAUNCH_CAMPAIGN}),
    "index": frozenset({P.INDEX_CONTACTS}),
    "log": frozenset({P.VIEW_AUDIT}),
    "setup": frozenset(set(P) - {P.DELIVER, P.INDEX_CONTACTS}),
}

# What a marketer sees without opening a chart: who the person is and how to write to them (BEHAVIOURS A7).
IDENTITY_FIELDS: frozenset[str] = frozenset(
    {"external_id", "email", "first_name", "last_name", "language", "phone", "street", "city", "state", "zip"}
)

SEGMENT_FIELDS: frozenset[str] = frozenset({"name", "tree"})
# What an officer writes under a review of the log.
NOTE_FIELDS: frozenset[str] = frozenset({"note"})
LIST_FIELDS: frozenset[str] = frozenset({"name", "description"})


class Denied(Exception):
    """The actor may not do this. The page answers as it does for a thing that doesn't exist."""


def allowed(actor: Actor, permission: Permission) -> bool:
    """Whether the actor's role has the permission."""
    return permission in ROLES.get(actor.role, frozenset())


def require(actor: Actor, permission: Permission) -> None:
    """Refuse by raising Denied, with an audit row that outlives the caller's transaction, unless the role has the permission."""
    if not allowed(actor, permission):
        audit.record_apart("access.denied", actor=actor, details={"permission": permission.value})
        raise Denied(permission.value)


def invitation_stands(invitation: Invitation) -> bool:
    """Whether an invitation's link opens an account now: it is open, not too old, and its sender still manages people."""
    if invitation.withdrawn_at or invitation.accepted_by_id or invitation.expires_at <= timezone.now():
        return False
    sender = invitation.invited_by
    return sender is None or (sender.is_active and P.MANAGE_PEOPLE in ROLES.get(sender.role, frozenset()))


def grant(actor: Actor, permission: Permission) -> Grant:
    """Leave to open fields of contacts by this permission. Raises Denied.

    Viewing and editing contacts opens identity and what lists are called; clinical fields need the clinical permission; delivery
    and the importer, which act for nobody in particular, open what their work needs. Segment permissions open a segment's name
    and rules, and a list's name, nobody's record; viewing the audit log opens what was written under its reviews.
    """
    require(actor, permission)
    if permission in {P.VIEW_SEGMENTS, P.EDIT_SEGMENTS}:
        return Grant(actor=actor, fields=SEGMENT_FIELDS)
    if permission is P.VIEW_AUDIT:
        return Grant(actor=actor, fields=NOTE_FIELDS)
    if permission in {P.DELIVER, P.INDEX_CONTACTS, P.IMPORT_CONTACTS} or allowed(actor, P.VIEW_CLINICAL):
        return Grant(actor=actor, fields=ALL_FIELDS)
    return Grant(actor=actor, fields=IDENTITY_FIELDS | LIST_FIELDS)


def system(part: str) -> Actor:
    """The principal of a part of the system that acts by itself: importer, delivery, index, log or setup."""
    if part not in ROLES or part in Role.values:
        raise ValueError(part)
    return Actor(kind="system", id=part, display=part, role=part)


def patient(request: HttpRequest, person_key: bytes) -> Actor:
    """A person who follows a link in a message: known by a pseudonym alone."""
    return Actor(
        kind="patient",
        id=person_key.hex(),
        ip=request.META.get("REMOTE_ADDR"),
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=getattr(request, "request_id", ""),
    )


def of_user(user: User) -> Actor:
    """A member of the staff acting through a command rather than a page."""
    return Actor(kind="user", id=str(user.pk), display=user.name, role=user.role)


def of(request: HttpRequest) -> Actor:
    """The signed-in person behind a request. Raises Denied for a stranger or an unverified session."""
    user = request.user
    if not isinstance(user, User) or not user.is_active or not getattr(user, "is_verified", bool)():
        raise Denied("not signed in")
    return Actor(
        kind="user",
        id=str(user.pk),
        display=user.name,
        role=user.role,
        session_hash=_session_hash(request),
        method="password",
        factor="totp",
        ip=request.META.get("REMOTE_ADDR"),
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=getattr(request, "request_id", ""),
    )


def _session_hash(request: HttpRequest) -> str:
    return hashlib.sha256((request.session.session_key or "").encode()).hexdigest()[:32]
