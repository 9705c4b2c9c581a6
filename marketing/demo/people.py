"""The demo's staff: four invented people with passwords and authenticator secrets made anew each time, kept beside the data."""

import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from allauth.account.internal.stagekit import get_pending_stage
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.http import HttpRequest

from accounts import access, actions, factors
from accounts.bridge import device_of
from accounts.forms.factor import secret_in
from accounts.models import Role, User


@dataclass(frozen=True, slots=True)
class Player:
    """One of the demo's people, with what is needed to sign in as them."""

    name: str
    email: str
    role: str
    does: str
    password: str
    secret: str

    @property
    def short(self) -> str:
        """The part of the address before the @."""
        return self.email.partition("@")[0]

    @property
    def code(self) -> str:
        """The six digits that the authenticator app would show now."""
        return self.code_of(_step())

    def code_of(self, step: int) -> str:
        """The six digits of one half minute (RFC 6238)."""
        return _digits(self.secret, step)


@dataclass(frozen=True, slots=True)
class Code:
    """The code to sign in with now; empty for the seconds in which both that would be taken have been used."""

    name: str
    digits: str
    wait: int


def _digits(secret: str, step: int) -> str:
    return str(totp.format_hotp_value(totp.hotp_value(secret, step)))


def _step() -> int:
    return int(time.time()) // 30


_CAST = (
    ("Dana Kim", "dana", Role.MARKETER, "Imports patients, describes segments, plans and sends campaigns"),
    ("Marcus Ruiz", "marcus", Role.APPROVER, "Approves campaigns, or sends them back"),
    ("Olive Okoro", "olive", Role.COMPLIANCE, "Reads reports and downloads the evidence"),
    ("Ada Lindqvist", "ada", Role.ADMINISTRATOR, "May do everything"),
)


def _file() -> Path:
    return settings.STATE_DIR / "people.json"


def create() -> list[Player]:
    """Make the four people, with a verified factor each, and write down how to sign in as them."""
    players = []
    for name, short, role, does in _CAST:
        password, secret = secrets.token_urlsafe(12), totp.generate_totp_secret()
        user = actions.add_person(
            actor=access.system("setup"),
            email=f"{short}@northfield.example",
            name=name,
            role=role,
            password=password,
        )
        device_of(TOTP.activate(user, secret).instance)
        themselves = access.of_user(user)
        actions.make_recovery_codes(actor=themselves, person=user)
        actions.keep_recovery_codes(actor=themselves, person=user)
        players.append(Player(name, user.email, str(Role(role).label), does, password, secret))
    file = _file()
    file.touch(mode=0o600)
    file.write_text(json.dumps([asdict(player) for player in players]))
    return players


def unguessable() -> str:
    """A password that nobody has."""
    return secrets.token_urlsafe(24)


def players() -> list[Player]:
    """The people that were made."""
    return [Player(**player) for player in json.loads(_file().read_text())]


def player(short: str) -> Player | None:
    """One of them by the part of the address before the @; None for anybody else."""
    return next((player for player in players() if player.short == short), None)


def code_for(request: HttpRequest) -> Code | None:
    """The code for whoever is signing in or has to confirm who they are; None where that is nobody with an app.

    A code works once, for this half minute or the next: whoever goes to and fro between people gets the next one early, and
    then waits, as with a real app.
    """
    stage = get_pending_stage(request)
    person = stage.login.user if stage is not None else request.user
    device = factors.app_of(person) if isinstance(person, User) else None
    if not isinstance(person, User) or device is None:
        return None
    now = _step()
    step = max(now, device.last_t + 1)
    if step > now + 1:
        return Code(person.name, "", 30 - int(time.time()) % 30)
    return Code(person.name, _digits(decrypt(device.authenticator.data["secret"]), step), 0)


def new_code_for(request: HttpRequest) -> str:
    """What the app would show that is being set up in this session; empty where none is."""
    secret = secret_in(request)
    return _digits(secret, _step()) if secret else ""


def user(short: str) -> User:
    """One of them by the part of the address before the @."""
    return User.objects.get(email=f"{short}@northfield.example")
