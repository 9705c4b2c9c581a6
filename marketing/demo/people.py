"""The demo's staff: four invented people with passwords and authenticator secrets made anew each time, kept beside the data."""

import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings

from accounts import access, actions
from accounts.bridge import device_of
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
    def code(self) -> str:
        """The six digits that the authenticator app would show now."""
        return str(totp.format_hotp_value(totp.hotp_value(self.secret, int(time.time()) // 30)))


_CAST = (
    ("Dana Kim", "dana", Role.MARKETER, "imports patients, describes segments, plans and sends campaigns"),
    ("Marcus Ruiz", "marcus", Role.APPROVER, "approves campaigns, or sends them back"),
    ("Olive Okoro", "olive", Role.COMPLIANCE, "reads reports and downloads the evidence"),
    ("Ada Lindqvist", "ada", Role.ADMINISTRATOR, "may do everything"),
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
        players.append(Player(name, user.email, str(Role(role).label), does, password, secret))
    file = _file()
    file.touch(mode=0o600)
    file.write_text(json.dumps([asdict(player) for player in players]))
    return players


def players() -> list[Player]:
    """The people that were made."""
    return [Player(**player) for player in json.loads(_file().read_text())]


def user(short: str) -> User:
    """One of them by the part of the address before the @."""
    return User.objects.get(email=f"{short}@northfield.example")
