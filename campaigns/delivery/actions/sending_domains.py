"""Domains that we sign for."""

from django.utils import timezone

from accounts import access
from accounts.access import Permission
from campaigns.delivery import dkim
from campaigns.delivery.models import SendingDomain
from safeguards import audit, secrets
from safeguards.actor import Actor

audit.declare("sending_domain.added", "domain", "selector")


def place(domain: str) -> str:
    """Where a domain's key is sealed for."""
    return f"delivery.dkim|{domain}"


def add_sending_domain(*, actor: Actor, domain: str, selector: str = "w1") -> SendingDomain:
    """Make an RSA-2048 key for a domain and keep it sealed; the one that exists is returned unchanged.

    Needs the permission to manage people, as every setting does. The public half is `dkim.public_record(key)`.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    domain = domain.lower()
    if existing := SendingDomain.objects.filter(domain=domain).first():
        return existing
    made = SendingDomain.objects.create(
        domain=domain,
        selector=selector,
        private_key=secrets.seal(place(domain), dkim.generate_key().decode()),
        created_at=timezone.now(),
    )
    audit.record(
        "sending_domain.added", actor=actor, target=made, details={"domain": domain, "selector": selector}
    )
    return made


def published_key(domain: SendingDomain) -> str:
    """The public half of a domain's key, as its DNS record has it (RFC 6376 section 3.6.1)."""
    return dkim.public_record(secrets.unseal(place(domain.domain), domain.private_key).encode())


def signer(domain: SendingDomain) -> dkim.Signer:
    """The signer for a domain."""
    key = secrets.unseal(place(domain.domain), domain.private_key)
    return dkim.Signer(domain.domain, domain.selector, key.encode())
