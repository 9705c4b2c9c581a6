"""Settings of sending: what the domains must publish, and whether they do; signing keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts import access, step_up
from accounts.access import Permission
from campaigns.delivery import actions, domains
from campaigns.delivery.models import SendingDomain
from campaigns.delivery.published import Finding, Standing, Wanted
from campaigns.wording import RECORDS, STANDINGS
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class Row:
    """A record to publish, what it is for, and what DNS said of it."""

    number: str
    record: Wanted
    title: Promise
    about: Promise
    finding: Finding | None
    pill: tuple[str, Promise] | None
    todo: Promise | None


@dataclass(frozen=True, slots=True)
class Domain:
    """A sending domain on the page."""

    domain: SendingDomain
    rows: Sequence[Row]
    checked: domains.Checked | None
    next_found: bool


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The domains that we send as."""
    found = [_shown(each) for each in domains.domains(access.of(request))]
    return render(
        request,
        "campaigns/sending/settings.html",
        {"domains": found, "in_sandbox": settings.DEMO, "name_server": settings.DELIVERY_DNS},
    )


def _shown(domain: SendingDomain) -> Domain:
    checked = domains.last_check(domain)
    said = {(each.kind, each.name): each for each in checked.findings} if checked else {}
    rows = []
    for number, record in enumerate(domains.records(domain)):
        title, about, todo = RECORDS[record.kind]
        finding = said.get((record.kind, record.name))
        standing = finding.standing if finding else None
        rows.append(
            Row(
                f"{domain.pk}-{number}",
                record,
                title,
                about,
                finding,
                STANDINGS[standing] if standing else None,
                todo[standing] if standing and standing is not Standing.FOUND else None,
            )
        )
    return Domain(
        domain,
        rows,
        checked,
        any(
            row.record.kind == "dkim_next" and row.finding and row.finding.standing == "found" for row in rows
        ),
    )


@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask DNS now."""
    actor = _manager(request)
    domain = get_object_or_404(SendingDomain, pk=pk)
    found = domains.check(actor, domain)
    wrong = sum(each.standing is not Standing.FOUND for each in found.findings)
    if wrong:
        messages.warning(
            request,
            ngettext(
                "DNS was asked. %(count)s record of %(domain)s needs you; what to do stands beside it.",
                "DNS was asked. %(count)s records of %(domain)s need you; what to do stands beside each.",
                wrong,
            )
            % {"count": wrong, "domain": domain.domain},
        )
    else:
        messages.success(request, _("DNS was asked. Everything that %s needs is published.") % domain.domain)
    return _back(domain)


def _act(do: str) -> tuple[Callable[..., SendingDomain], str, str]:
    """What a button of the keys does, what is said then, and what undoes it."""
    acts: dict[str, tuple[Callable[..., SendingDomain], str, str]] = {
        "prepare": (
            actions.prepare_key,
            _("The next key is made. Publish its record, check, then sign with it."),
            "drop",
        ),
        "drop": (
            actions.drop_next_key,
            _("The next key is gone. If it ever signed mail, leave its record where it is for a week."),
            "",
        ),
        "take-over": (
            actions.take_over_key,
            _(
                "Mail is signed with the new key from the next batch on. Leave the old record in DNS for a week."
            ),
            "give-back",
        ),
        "give-back": (actions.give_back_key, _("Mail is signed with the key before again."), ""),
        "retire": (
            actions.retire_key,
            _("The old key is out of use. Its record may leave DNS."),
            "keep",
        ),
        "keep": (_keep, _("The old key is in use still. Leave its record in DNS."), ""),
    }
    if do not in acts:
        raise Http404
    return acts[do]


def _keep(*, actor: Actor, domain: SendingDomain) -> SendingDomain:
    return actions.retire_key(actor=actor, domain=domain, retired=False)


@require_POST
@step_up.required(Permission.MANAGE_SENDING)
def key(request: HttpRequest, pk: int, do: str) -> HttpResponse:
    """Change the signing keys of a domain, step by step."""
    actor = _manager(request)
    act, done, undo = _act(do)
    domain = get_object_or_404(SendingDomain, pk=pk)
    try:
        act(actor=actor, domain=domain)
    except actions.NotPossible as error:
        messages.error(request, str(error))
    else:
        back = f"undo={reverse('settings_sending_key', args=[pk, undo])}" if undo else ""
        messages.success(request, done, extra_tags=back)
    return _back(domain)


def _back(domain: SendingDomain) -> HttpResponse:
    return redirect(f"{reverse('settings_sending')}#domain-{domain.pk}")


def _manager(request: HttpRequest) -> Actor:
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_SENDING)
    return actor
