"""Domains that we sign for, and the changing of their keys."""

import asyncio
import re

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from campaigns.delivery import dkim, published, world
from campaigns.delivery.actions.mailings import NotPossible
from campaigns.delivery.models import SendingDomain
from safeguards import audit, secrets
from safeguards.actor import Actor

audit.declare("sending_domain.added", domain=audit.DOMAIN, selector=audit.WORD)
audit.declare("sending_domain.key_prepared", domain=audit.DOMAIN, selector=audit.WORD)
audit.declare("sending_domain.key_dropped", domain=audit.DOMAIN, selector=audit.WORD)
audit.declare("sending_domain.key_taken_over", domain=audit.DOMAIN, selector=audit.WORD)
audit.declare("sending_domain.key_given_back", domain=audit.DOMAIN, selector=audit.WORD)
audit.declare("sending_domain.key_retired", domain=audit.DOMAIN, selector=audit.WORD)
audit.declare("sending_domain.key_kept", domain=audit.DOMAIN, selector=audit.WORD)

DNS_SECONDS = 4.0
"""How long a page waits for DNS, whatever it asks for."""


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


def prepare_key(*, actor: Actor, domain: SendingDomain) -> SendingDomain:
    """Make the next key beside the present one, under a selector of its own. Nothing is signed by it yet.

    Refused with NotPossible where one waits already.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    made = secrets.seal(place(domain.domain), dkim.generate_key().decode())
    with transaction.atomic():
        found = _locked(domain)
        if found.next_selector:
            raise NotPossible(_("A next key is waiting already. Publish its record, then check."))
        found.last_number = _following_number(found)
        found.next_selector, found.next_key = f"{_stem(found)}{found.last_number}", made
        found.save(update_fields=["next_selector", "next_key", "last_number"])
        _record("sending_domain.key_prepared", actor, found, found.next_selector)
    return found


def drop_next_key(*, actor: Actor, domain: SendingDomain) -> SendingDomain:
    """Forget the next key. It has signed nothing, unless signing went over to it and was given back.

    Refused with NotPossible where there is none.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    with transaction.atomic():
        found = _locked(domain)
        selector = _need(found.next_selector)
        found.next_selector, found.next_key = "", None
        found.save(update_fields=["next_selector", "next_key"])
        _record("sending_domain.key_dropped", actor, found, selector)
    return found


def take_over_key(*, actor: Actor, domain: SendingDomain) -> SendingDomain:
    """Sign with the next key from the next batch on, if DNS shows its record now; the present one becomes the old one.

    DNS is asked before the transaction begins. Refused with NotPossible where the record isn't found, for nobody could verify
    what the key signs.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    selector = _need(domain.next_selector)
    record = published.Wanted(
        published.Kind.DKIM_NEXT,
        f"{selector}._domainkey.{domain.domain}",
        "TXT",
        published_next_key(domain),
    )
    [finding] = asyncio.run(published.check(world.resolver(DNS_SECONDS), [record]))
    if finding.standing is not published.Standing.FOUND:
        raise NotPossible(
            _(
                "DNS doesn't show the record of the next key yet, so nobody could verify it. Publish it, then check again."
            )
        )
    with transaction.atomic():
        found = _locked(domain)
        if found.next_selector != selector:
            raise NotPossible(_("Somebody changed the keys meanwhile. Look again."))
        found.old_selector, found.old_key = found.selector, found.private_key
        found.selector, found.private_key = selector, found.next_key
        found.next_selector, found.next_key = "", None
        found.old_since, found.old_retired_at = timezone.now(), None
        found.save()
        _record("sending_domain.key_taken_over", actor, found, selector)
    return found


def give_back_key(*, actor: Actor, domain: SendingDomain) -> SendingDomain:
    """Sign with the old key again; the one that signs now becomes the next one. Refused with NotPossible without an old one, or
    where another next one waits.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    with transaction.atomic():
        found = _locked(domain)
        selector = _need(found.old_selector)
        if found.next_selector or found.old_retired_at:
            raise NotPossible(_("The keys were changed since. Look again."))
        found.next_selector, found.next_key = found.selector, found.private_key
        found.selector, found.private_key = selector, found.old_key
        found.old_selector, found.old_key, found.old_since = "", None, None
        found.save()
        _record("sending_domain.key_given_back", actor, found, selector)
    return found


def retire_key(*, actor: Actor, domain: SendingDomain, retired: bool = True) -> SendingDomain:
    """Take the old key out of use: its record may leave DNS. With `retired` false it is still in use after all."""
    access.require(actor, Permission.MANAGE_SENDING)
    with transaction.atomic():
        found = _locked(domain)
        selector = _need(found.old_selector)
        found.old_retired_at = timezone.now() if retired else None
        found.save(update_fields=["old_retired_at"])
        _record(
            "sending_domain.key_retired" if retired else "sending_domain.key_kept", actor, found, selector
        )
    return found


def _locked(domain: SendingDomain) -> SendingDomain:
    return SendingDomain.objects.select_for_update().get(pk=domain.pk)


def _need(selector: str) -> str:
    if not selector:
        raise NotPossible(_("There is no such key any more. Look again."))
    return selector


def _following_number(domain: SendingDomain) -> int:
    """The number of a selector that this domain never had, dropped ones included: one more than the highest so far.

    Mail that an older key signed under the same selector could be verified by nobody.
    """
    known = [domain.selector, domain.old_selector]
    numbers = [int(found[1]) for each in known if (found := re.search(r"(\d{1,6})$", each))]
    return max([1, domain.last_number, *numbers]) + 1


def _stem(domain: SendingDomain) -> str:
    return re.sub(r"\d{1,6}$", "", domain.selector) or "w"


def _record(action: str, actor: Actor, domain: SendingDomain, selector: str) -> None:
    audit.record(action, actor=actor, target=domain, details={"domain": domain.domain, "selector": selector})


def published_key(domain: SendingDomain) -> str:
    """The public half of a domain's key, as its DNS record has it (RFC 6376 section 3.6.1)."""
    return dkim.public_record(secrets.unseal(place(domain.domain), domain.private_key).encode())


def published_next_key(domain: SendingDomain) -> str:
    """The same of the next key, which must be there."""
    return dkim.public_record(secrets.unseal(place(domain.domain), domain.next_key).encode())


def published_old_key(domain: SendingDomain) -> str:
    """The same of the old key, which must be there."""
    return dkim.public_record(secrets.unseal(place(domain.domain), domain.old_key).encode())


def signer(domain: SendingDomain) -> dkim.Signer:
    """The signer for a domain."""
    key = secrets.unseal(place(domain.domain), domain.private_key)
    return dkim.Signer(domain.domain, domain.selector, key.encode())
