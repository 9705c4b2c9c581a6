"""The permission door: who may do what, asked in actions and queries, not only in views; grants to open health data; and by
what factor a session has to stand to go on to work.
"""

import hashlib
from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts import addresses, bridge, passkeys
from accounts.models import FactorDevice, FactorPolicy, Invitation, PasswordLink, Role, User
from safeguards import audit
from safeguards.actor import Actor
from safeguards.phi import ALL_FIELDS, Grant

audit.declare("session.held")


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


audit.declare("access.denied", permission=Permission)

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


# Who may do so much, or sees so much, that a code which can be talked out of somebody isn't enough (BEHAVIOURS A4).
PASSKEY_ROLES: frozenset[str] = frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE})


class Held(StrEnum):
    """Why a session reaches the factor pages and nothing else."""

    ENROL = "no factor yet"
    RECOVERY = "entered by a recovery code"
    PASSKEY = "role needs a passkey"
    CODES = "recovery codes not kept yet"


# In the session, from enrolment until the person has said that the recovery codes are kept.
CODES_TO_KEEP = "codes_to_keep"
_HELD_TOLD = "held_told"


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


def others_manage_people(actor: Actor) -> bool:
    """Whether somebody else than the actor may manage people now."""
    managing = [role for role in Role.values if P.MANAGE_PEOPLE in ROLES[role]]
    own = int(actor.id) if actor.kind == "user" else 0
    return User.objects.filter(role__in=managing, is_active=True).exclude(pk=own).exists()


def invitation_stands(invitation: Invitation) -> bool:
    """Whether an invitation's link opens an account now: it is open, not too old, and its sender still manages people."""
    if invitation.withdrawn_at or invitation.accepted_by_id or invitation.expires_at <= timezone.now():
        return False
    sender = invitation.invited_by
    return sender is None or (sender.is_active and P.MANAGE_PEOPLE in ROLES.get(sender.role, frozenset()))


def password_link_stands(link: PasswordLink) -> bool:
    """Whether a link sets a password now: it wasn't used or ended, isn't too old, and its person is active."""
    return link.ended_at is None and link.expires_at > timezone.now() and link.user.is_active


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
        ip=addresses.of(request),
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=getattr(request, "request_id", ""),
    )


def of_user(user: User) -> Actor:
    """A member of the staff acting through a command rather than a page."""
    return Actor(kind="user", id=str(user.pk), display=user.name, role=user.role)


def passkeys_required() -> bool:
    """Whether administrators and compliance officers are held to passkeys: as decided in Settings, or as the deployment begins.

    Never where passkeys can't work at the staff's address: nobody could get in.
    """
    if not passkeys.can_work():
        return False
    decided = FactorPolicy.objects.first()
    return settings.PASSKEYS_REQUIRED if decided is None else decided.passkeys_required


def needs_passkey(role: str) -> bool:
    """Whether somebody of this role works only with a passkey."""
    return role in PASSKEY_ROLES and passkeys_required()


def held(request: HttpRequest) -> Held | None:
    """Why a signed-in session mustn't go on to work, or None. The role and the requirement hold from the next request on."""
    user = request.user
    device = getattr(user, "otp_device", None)
    if device is None:
        return Held.ENROL
    if not isinstance(device, FactorDevice):
        return Held.RECOVERY
    if not device.phishing_resistant and isinstance(user, User) and user.role in PASSKEY_ROLES:
        # Asked once a request, of which each action asks who is acting.
        if not hasattr(request, "passkeys_required"):
            request.passkeys_required = passkeys_required()  # type: ignore[attr-defined]
        if request.passkeys_required:  # type: ignore[attr-defined]
            return Held.PASSKEY
    return Held.CODES if request.session.get(CODES_TO_KEEP) else None


def note_held(request: HttpRequest, why: Held) -> None:
    """Write down, once for each session and reason, that somebody was kept from going on to work."""
    if why in {Held.ENROL, Held.CODES} or request.session.get(_HELD_TOLD) == why.value:
        return
    request.session[_HELD_TOLD] = why.value
    actor = oneself(request)
    audit.record("session.held", actor=actor, outcome="denied", reason=why.value)


def of(request: HttpRequest) -> Actor:
    """The signed-in person behind a request. Raises Denied for a stranger, an unverified session, and one that is held."""
    actor = oneself(request)
    if held(request):
        raise Denied("held to the factor pages")
    return actor


def oneself(request: HttpRequest) -> Actor:
    """The same for the pages of one's own factors, which a held session reaches too. Raises Denied for an unverified session."""
    user = request.user
    if not isinstance(user, User) or not user.is_active or not getattr(user, "is_verified", bool)():
        raise Denied("not signed in")
    return Actor(
        kind="user",
        id=str(user.pk),
        display=user.name,
        role=user.role,
        session_hash=_session_hash(request),
        method=bridge.BY_PASSWORD,
        factor=bridge.factor_name(getattr(user, "otp_device", None)),
        ip=addresses.of(request),
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=getattr(request, "request_id", ""),
    )


def _session_hash(request: HttpRequest) -> str:
    return hashlib.sha256((request.session.session_key or "").encode()).hexdigest()[:32]
