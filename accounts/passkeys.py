"""Passkeys (WebAuthn): made and shown for exactly the staff's host, the person verified each time, the counter kept by us.

allauth keeps the credential; its own ceremonies aren't used, since they take a subdomain for the host and never look at the
counter. A challenge lives five minutes in the session and works once.
"""

import hashlib
import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts import bridge, lockouts, rules
from accounts.bridge import device_of
from accounts.models import FactorDevice, Lockout, User
from safeguards import notices

COUNTER = "staff.passkey_counter"
notices.declare(COUNTER, "name", "passkey")

LIVES = 300
# Two tabs, and a few tries; older challenges end.
_AT_ONCE = 5
_CHALLENGES = "passkey_challenges"
_LONGEST = 20_000
_CREATE, _GET = "create", "get"
# What reading a stranger's bytes may raise, in the library and below it.
_GARBLED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
    UnsupportedAlgorithm,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where passkeys are made and shown: the host is the relying party's id."""

    scheme: str
    host: str
    port: int

    @property
    def obstacle(self) -> str:
        """Why no passkey works here: "address" or "insecure"; empty where they do."""
        if rules.is_address(self.host):
            return "address"
        return "" if self.scheme == "https" or self._local else "insecure"

    @property
    def _local(self) -> bool:
        return self.host == "localhost" or self.host.endswith(".localhost")

    def is_origin(self, origin: str) -> bool:
        """Whether a page of this origin is one of ours: exactly this scheme, host and port. In the demo, which is reached by
        forwarded ports and through tunnels, by the host alone.
        """
        try:
            parts = urlsplit(origin)
            port = parts.port or _port(parts.scheme)
        except ValueError:
            return False
        if parts.path or parts.query or parts.fragment or parts.username is not None:
            return False
        if settings.DEMO:
            return parts.hostname == self.host and not Place(parts.scheme, self.host, port).obstacle
        return (parts.scheme, parts.hostname, port) == (self.scheme, self.host, self.port)


class Refused(Exception):
    """What was shown isn't this person's passkey. `reason` is for the log, `words` for the page."""

    def __init__(self, reason: str, words: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.words = words or _("That passkey wasn't accepted. Try again, or use another way.")


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _of_url(url: str) -> Place:
    parts = urlsplit(url)
    return Place(parts.scheme, (parts.hostname or "").lower(), parts.port or _port(parts.scheme))


def place(request: HttpRequest | None = None) -> Place:
    """The staff's host. In the demo, which may be looked at by any name, the one that this request came by."""
    if settings.DEMO and request is not None:
        return _of_url(f"{request.scheme}://{request.get_host()}")
    return _of_url(settings.STAFF_URL)


def can_work() -> bool:
    """Whether passkeys can work at the staff's address at all."""
    return not place().obstacle


def by_name(request: HttpRequest) -> str:
    """Our address by the name localhost, for whoever looks at the demo on their own machine by a number; empty otherwise."""
    here = place(request)
    local = here.obstacle == "address" and here.host in {"127.0.0.1", "::1"}
    return f"{here.scheme}://localhost:{here.port}/" if local else ""


def authenticators(person: User) -> list[Authenticator]:
    """The person's passkeys, the first made first."""
    return list(
        Authenticator.objects.filter(user_id=person.pk, type=Authenticator.Type.WEBAUTHN).order_by(
            "created_at", "pk"
        )
    )


def credential_of(authenticator: Authenticator) -> tuple[AttestedCredentialData, bytes]:
    """The public key of a passkey, and the hash of the host that it was made for."""
    response = RegistrationResponse.from_dict(authenticator.data["credential"]).response
    found = response.attestation_object.auth_data
    if found.credential_data is None:
        raise ValueError("no credential")
    return found.credential_data, bytes(found.rp_id_hash)


def usable(request: HttpRequest, person: User) -> list[tuple[Authenticator, AttestedCredentialData]]:
    """The person's passkeys that were made for the host by which we are looked at."""
    here = place(request)
    if here.obstacle:
        return []
    wanted = hashlib.sha256(here.host.encode()).digest()
    found = [(each, *credential_of(each)) for each in authenticators(person)]
    return [(each, credential) for each, credential, made_for in found if made_for == wanted]


def _server(here: Place, is_origin: Callable[[str], bool]) -> Fido2Server:
    server = Fido2Server(PublicKeyCredentialRpEntity(id=here.host, name="Wellsent"), verify_origin=is_origin)
    server.timeout = LIVES * 1000  # type: ignore[assignment]
    return server


def _remember(request: HttpRequest, kind: str, state: dict[str, Any], person: User) -> None:
    kept = [each for each in request.session.get(_CHALLENGES, []) if each["at"] > time.time() - LIVES]
    asked = {"kind": kind, "challenge": state["challenge"], "at": int(time.time()), "person": person.pk}
    request.session[_CHALLENGES] = [*kept, asked][-_AT_ONCE:]


def _recall(request: HttpRequest, kind: str, challenge: bytes, person: User) -> dict[str, Any]:
    """The state of a challenge that we gave this person for this in this session, used up by being asked for."""
    kept = request.session.get(_CHALLENGES, [])
    text = websafe_encode(challenge)
    request.session[_CHALLENGES] = [each for each in kept if each["challenge"] != text]
    for each in kept:
        if each["challenge"] == text and each["kind"] == kind and each["person"] == person.pk:
            if each["at"] <= time.time() - LIVES:
                break
            return {"challenge": text, "user_verification": UserVerificationRequirement.REQUIRED}
    raise Refused("challenge", _("That took too long, or was sent twice. Try again."))


def creation_options(request: HttpRequest, person: User) -> str:
    """What the browser needs to make a new passkey, as JSON; empty where none can be made here."""
    here = place(request)
    if here.obstacle:
        return ""
    options, state = _server(here, here.is_origin).register_begin(
        PublicKeyCredentialUserEntity(
            id=str(person.pk).encode(), name=person.email, display_name=person.name
        ),
        [credential for _each, credential in usable(request, person)],
        # Password managers show what they keep; keys with little room keep nothing.
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    _remember(request, _CREATE, state, person)
    return json.dumps(dict(options)["publicKey"])


def request_options(request: HttpRequest, person: User) -> str:
    """What the browser needs to show one of the person's passkeys, as JSON; empty where they have none for this host."""
    found = usable(request, person)
    if not found:
        return ""
    here = place(request)
    options, state = _server(here, here.is_origin).authenticate_begin(
        [credential for _each, credential in found], user_verification=UserVerificationRequirement.REQUIRED
    )
    _remember(request, _GET, state, person)
    return json.dumps(dict(options)["publicKey"])


def _read(typed: str) -> dict[str, Any]:
    if len(typed) > _LONGEST:
        raise Refused("garbled")
    try:
        found = json.loads(typed)
    except _GARBLED:
        raise Refused("garbled") from None
    if not isinstance(found, dict):
        raise Refused("garbled")
    return found


def _ours(here: Place, client_data: Any) -> None:
    """Refuse what was shown to another page than ours, or inside somebody else's frame."""
    if not isinstance(client_data.origin, str) or not here.is_origin(client_data.origin):
        raise Refused("origin", _("This passkey was used on another address than ours, and was refused."))
    if client_data.cross_origin:
        raise Refused("frame", _("This passkey was used in a frame of another page, and was refused."))


def made(request: HttpRequest, person: User, typed: str) -> tuple[dict[str, Any], AuthenticatorData]:
    """Check a passkey that the browser has made. Raises Refused."""
    here, answer = place(request), _read(typed)
    try:
        client_data = RegistrationResponse.from_dict(answer).response.client_data
        _ours(here, client_data)
        state = _recall(request, _CREATE, client_data.challenge, person)
        found = _server(here, here.is_origin).register_complete(state, answer)
    except _GARBLED:
        raise Refused("garbled") from None
    if found.credential_data is None:
        raise Refused("garbled")
    for each in authenticators(person):
        if credential_of(each)[0].credential_id == found.credential_data.credential_id:
            raise Refused("known", _("This passkey is set up already."))
    return answer, found


def use(request: HttpRequest, person: User, typed: str) -> tuple[Authenticator | None, str]:
    """Check a passkey that the person shows; gives it, or the problem in words.

    A refusal is told after the transaction, so that it counts. One whose counter doesn't grow is refused, and the person gets a
    mail: somebody may have copied it.
    """
    if until := lockouts.attempt(person.email, Lockout.Kind.FACTOR):
        bridge.refused_factor(request, person, "locked")
        return None, lockouts.tell(request, until)
    try:
        found = _used(request, person, typed)
    except Refused as refused:
        bridge.refused_factor(request, person, refused.reason)
        if until := lockouts.failed(request, person.email, Lockout.Kind.FACTOR, person):
            return None, lockouts.tell(request, until)
        return None, refused.words
    lockouts.passed(person.email, Lockout.Kind.FACTOR)
    return found, ""


def _used(request: HttpRequest, person: User, typed: str) -> Authenticator:
    here, answer = place(request), _read(typed)
    known = usable(request, person)
    try:
        response = AuthenticationResponse.from_dict(answer)
        _ours(here, response.response.client_data)
        state = _recall(request, _GET, response.response.client_data.challenge, person)
        credential = _server(here, here.is_origin).authenticate_complete(
            state, [credential for _each, credential in known], answer
        )
        count = int(response.response.authenticator_data.counter)
    except _GARBLED:
        raise Refused("passkey") from None
    [found] = [each for each, theirs in known if theirs.credential_id == credential.credential_id]
    copied = False
    with transaction.atomic():
        device = FactorDevice.objects.select_for_update().get(pk=device_of(found).pk)
        if (count or device.sign_count) and count <= device.sign_count:
            copied = True
            notices.leave(
                COUNTER,
                address=person.email,
                language="en",
                parameters={"name": person.name, "passkey": str(found.data["name"])},
            )
        else:
            device.sign_count = count
            device.save(update_fields=["sign_count"])
    if copied:
        raise Refused(
            "counter",
            _(
                "This passkey may have been copied, and was refused. Use another way, and tell an administrator."
            ),
        )
    found.record_usage()
    return found
