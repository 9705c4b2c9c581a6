"""Reads of the staff's accounts: who is there, by what second factor, and who is signed in now."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db.models import Q, QuerySet

from accounts import access, rules, sessions
from accounts.access import Permission
from accounts.models import Alert, Invitation, PasswordLink, Role, SessionRecord, User
from accounts.wording import device_words
from safeguards import tokens
from safeguards.actor import Actor
from safeguards.queries import EventFilter, page_of_events

SIGN_INS = 8
# allauth's own words are for its own pages.
KIND_WORDS = {Authenticator.Type.TOTP: "Authenticator app", Authenticator.Type.WEBAUTHN: "Passkey"}


@dataclass(frozen=True, slots=True)
class StaffFilter:
    """Whom of the staff; empty asks for all. `words` are looked for in names and addresses."""

    role: str = ""
    active: bool | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts: `state` empty asks for open ones, else closed or all; `kind` and `person` for one alone."""

    state: str = ""
    kind: str = ""
    person: int | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor: its kind, since when, and when it was used last (None: not since it was set up)."""

    kind: str
    since: datetime
    last_used: datetime | None
    # Of a passkey: what its person calls it.
    name: str = ""
    id: int = 0

    @property
    def is_passkey(self) -> bool:
        """Whether nobody can be talked out of it by telephone."""
        return self.kind == KIND_WORDS[Authenticator.Type.WEBAUTHN]


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of the staff, as far as access is concerned."""

    user: User
    factors: list[Factor]
    sessions: int


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that would still be let in: device and shortened network, as far as they are known."""

    id: int
    words: str
    network: str
    began_at: datetime
    last_seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class SignIn:
    """One time that somebody signed in, or failed to: with a wrong password or a wrong code."""

    at: datetime
    what: str
    words: str
    network: str


def staff(actor: Actor, asked: StaffFilter) -> list[Colleague]:
    """The staff by name, with factors and open sessions, in three queries. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    return with_access(_found(asked))


def people(actor: Actor, asked: StaffFilter) -> QuerySet[User]:
    """The staff by name, to be paged. Needs the permission to manage people."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    return _found(asked)


def _found(asked: StaffFilter) -> QuerySet[User]:
    found = User.objects.order_by("name", "pk")
    if asked.role:
        found = found.filter(role=asked.role)
    if asked.active is not None:
        found = found.filter(is_active=asked.active)
    for word in asked.words.split():
        found = found.filter(Q(name__icontains=word) | Q(email__icontains=word))
    return found


def with_access(found: Iterable[User]) -> list[Colleague]:
    """These people with their factors and the number of their open sessions, in two more queries."""
    users = list(found)
    keys = [user.pk for user in users]
    factors: dict[int, list[Factor]] = defaultdict(list)
    for each in Authenticator.objects.filter(user_id__in=keys).order_by("created_at"):
        factors[each.user_id].append(factor_shown(each))
    opened = Counter(sessions.open_sessions(keys).values_list("user_id", flat=True))
    return [Colleague(user, factors[user.pk], opened[user.pk]) for user in users]


def factor_shown(factor: Authenticator) -> Factor:
    """A factor as pages and evidence show it."""
    return Factor(
        kind=KIND_WORDS.get(factor.type, str(factor.get_type_display())),
        since=factor.created_at,
        last_used=factor.last_used_at,
        name=str(factor.data.get("name", "")),
        id=factor.pk,
    )


def without_passkey(actor: Actor) -> list[User]:
    """Active people whose role can be held to a passkey, and who have none; by name. Needs the permission to manage people."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    owners = Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).values("user_id")
    found = User.objects.filter(role__in=access.PASSKEY_ROLES, is_active=True).exclude(pk__in=owners)
    return list(found.order_by("name", "pk"))


def sessions_of(person: User, this: str = "") -> list[OpenSession]:
    """Somebody's open sessions, the last used first; `this` is the key of the one that is asked from."""
    return [_shown(record, this) for record in sessions.open_sessions([person.pk])]


def _shown(record: SessionRecord, this: str) -> OpenSession:
    return OpenSession(
        id=record.pk,
        words=device_words(record.user_agent),
        network=rules.network(record.ip),
        began_at=record.began_at,
        last_seen_at=record.last_seen_at,
        is_this=record.session_id == this,
    )


def sign_ins_of(person: User) -> list[SignIn]:
    """The last times that somebody signed in or failed to, from the audit log, newest first."""
    asked = EventFilter(
        actions=("session.started", "session.refused", "factor.refused"),
        actor_kind="user",
        actor_id=str(person.pk),
    )
    return [
        SignIn(event.at, event.action, device_words(event.user_agent), rules.network(event.ip))
        for event in page_of_events(asked, before=None, limit=SIGN_INS)
    ]


def invitations(actor: Actor) -> list[Invitation]:
    """Invitations that wait to be accepted, expired ones too until they are withdrawn; the last sent first, a hundred at most.

    Needs the permission to manage people.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    found = Invitation.objects.filter(withdrawn_at=None, accepted_by=None).select_related("invited_by")
    return list(found.order_by("-sent_at")[:100])


def invited_by_link(token: str) -> Invitation | None:
    """The invitation of a link, as long as the link would open an account; the token is the authority to ask."""
    found = (
        Invitation.objects.filter(token_hash=tokens.hash_single_use(token))
        .select_related("invited_by")
        .first()
    )
    return found if found is not None and access.invitation_stands(found) else None


def person_of_link(token: str) -> User | None:
    """Whose password a link sets, as long as it would; the token is the authority to ask."""
    hashed = tokens.hash_single_use(token)
    found = PasswordLink.objects.filter(token_hash=hashed).select_related("user").first()
    return found.user if found is not None and access.password_link_stands(found) else None


def names(actor: Actor) -> dict[str, tuple[str, str]]:
    """Name and role of everybody who has or had an account, by id as text. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    return {str(user.pk): (user.name, user.get_role_display()) for user in User.objects.order_by("name")}


def administrators() -> list[User]:
    """Who of the staff manages people and settings now, by name: whom everybody who has signed in may ask for help."""
    return list(User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("name", "pk")[:20])


def alerts(actor: Actor, asked: AlertFilter) -> QuerySet[Alert]:
    """Alerts, the newest first, to be paged. Needs the permission to manage people."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    found = Alert.objects.select_related("person", "closed_by").order_by("-raised_at", "-pk")
    if asked.state != "all":
        found = found.filter(closed_at__isnull=asked.state != "closed")
    if asked.kind:
        found = found.filter(kind=asked.kind)
    if asked.person is not None:
        found = found.filter(person_id=asked.person)
    return found


def open_alerts() -> int:
    """How many alerts nobody has looked at yet; for those who manage people, which the caller has asked."""
    return Alert.objects.filter(closed_at=None).count()
