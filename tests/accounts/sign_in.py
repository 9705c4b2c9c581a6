"""What somebody does to sign in: type a password, scan a secret, read a code from the phone."""

import re
import time
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from accounts import access, actions, lockouts
from accounts.models import FactorDevice, Lockout, User

PASSWORD = "three hens sat on the wall"
HOST = urlsplit(settings.STAFF_URL).netloc


def somebody(name: str = "Dana Kim", role: str = "marketer") -> User:
    """A person with a password and no factor yet."""
    return actions.add_person(
        actor=access.system("setup"),
        email=f"{name.split()[0].lower()}@northfield.example",
        name=name,
        role=role,
        password=PASSWORD,
    )


def browser() -> Client:
    """A browser at the staff's host, which sends the CSRF token as forms do."""
    return Client(enforce_csrf_checks=False, headers={"host": HOST})


def code(secret: str, steps: int = 0) -> str:
    """What the app shows now, or so many steps of thirty seconds later."""
    return str(totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps)))


def wrong(secret: str) -> str:
    """A code that the app doesn't show in these minutes."""
    shown = {code(secret, steps) for steps in range(-3, 4)}
    return next(guess for guess in map("{:06d}".format, range(10)) if guess not in shown)


def type_password(client: Client, user: User, password: str = PASSWORD, next_page: str = "") -> HttpResponse:
    """The first page."""
    answer = client.post("/account/login/", {"login": user.email, "password": password, "next": next_page})
    assert isinstance(answer, HttpResponse)
    return answer


def shown_secret(client: Client, at: str = "/account/factor/set-up/") -> str:
    """The secret on the enrolment page, as somebody types it off."""
    page = client.get(at).content.decode()
    found = re.search(r">([A-Z2-7]{32})<", page)
    assert found, page
    return found[1]


def enrol(client: Client, user: User) -> str:
    """First sign-in to the end; returns the secret that the app now has."""
    type_password(client, user)
    secret = shown_secret(client)
    answer = client.post("/account/factor/set-up/", {"code": code(secret)})
    assert answer.status_code == 302, answer.content.decode()
    keep_codes(client)
    return secret


def keep_codes(client: Client) -> list[str]:
    """The recovery codes that are shown after the first factor, which somebody says that they have kept."""
    page = client.post("/account/recovery-codes/").content.decode()
    codes = re.findall(r"\b(?:[0-9a-z]{5}-){4}[0-9a-z]{5}\b", page.partition("</pre>")[0])
    assert len(codes) == 10, page
    assert client.post("/account/recovery-codes/kept/", {"kept": "on"}).status_code == 302
    return codes


def secret_of(user: User) -> str:
    """The secret as the server knows it."""
    return str(decrypt(Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP).data["secret"]))


def let_time_pass(user: User) -> None:
    """As after some minutes: the codes used so far and the waits lie behind."""
    FactorDevice.objects.filter(user=user).update(last_t=-1)
    wait_over(user.email)


def wait_over(address: str) -> None:
    """As after the wait that wrong tries bring; they stay counted."""
    Lockout.objects.filter(key=lockouts.key_of(address)).update(until=None)


def sign_in(client: Client, user: User) -> HttpResponse:
    """Password and code of somebody who has enrolled before."""
    type_password(client, user)
    answer = client.post("/account/factor/", {"code": code(secret_of(user))})
    assert isinstance(answer, HttpResponse)
    return answer
