"""What the first page shows: what waits for this person, and the first steps of a new deployment."""

from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import access
from accounts.access import Permission
from accounts.queries import open_alerts
from campaigns import wording
from campaigns.models import Campaign
from campaigns.queries import missed, waiting_for_approval
from campaigns.rules import Missed
from contacts.models import Contact, Import
from contacts.segments.models import Segment
from marketing.compliance.queries import days_of, waiting_reviews
from safeguards.actor import Actor

# Finished imports with problems are pointed to for so long.
RECENT = timedelta(days=7)
# So many campaigns that missed their time are named; the list has the others.
FEW = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for this person: what, why it matters, and where it is done. `kind` is warn, bad or info."""

    kind: str
    icon: str
    title: str
    text: str
    url: str


def needs_you(actor: Actor) -> list[Waiting]:
    """What waits for this person, by what they may do."""
    found: list[Waiting] = []
    if access.allowed(actor, Permission.APPROVE_MAILING) and (number := waiting_for_approval()):
        title = ngettext("%(number)d campaign needs approval", "%(number)d campaigns need approval", number)
        text = _("It is sent only after somebody other than its author has looked at it.")
        found.append(
            Waiting(
                kind="warn",
                icon="clipboard-check",
                title=title % {"number": number},
                text=text,
                url=reverse("approvals"),
            )
        )
    if access.allowed(actor, Permission.MANAGE_PEOPLE) and (number := open_alerts()):
        title = ngettext("%(number)d alert to look at", "%(number)d alerts to look at", number)
        found.append(
            Waiting(
                kind="warn",
                icon="bell-ringing",
                title=title % {"number": number},
                text=_("Something was unusual for somebody on the staff. Say what you found."),
                url=reverse("settings_alerts"),
            )
        )
    if access.allowed(actor, Permission.LAUNCH_CAMPAIGN):
        found.extend(_missed())
    if access.allowed(actor, Permission.IMPORT_CONTACTS):
        found.extend(_imports(actor))
    if access.allowed(actor, Permission.VIEW_AUDIT):
        found.extend(_reviews(actor))
    return found


def _reviews(actor: Actor) -> list[Waiting]:
    """Reviews of the audit log that this person could sign: one by its days, several in one line."""
    waiting, now = waiting_reviews(actor), timezone.now()
    if not waiting:
        return []
    late = any(review.signed_at is None and review.due_at <= now for review in waiting)
    number, review = len(waiting), waiting[0]
    first, last = (date_format(day, "M j, Y") for day in days_of(review))
    title = ngettext(
        "The audit log of %(first)s to %(last)s waits for review",
        "%(number)d periods of the audit log wait for review",
        number,
    )
    text = _("Look at the figures, write what you found, and sign.")
    if late:
        text = _("Overdue. Look at the figures, write what you found, and sign.")
    elif all(each.signed_at for each in waiting):
        text = _("Some of it was the signer's own doing, so a second reader is asked for.")
    return [
        Waiting(
            kind="bad" if late else "warn",
            icon="clipboard-check",
            title=title % {"first": first, "last": last, "number": number},
            text=text,
            url=reverse("log_review", args=[review.pk]) if number == 1 else reverse("log_reviews"),
        )
    ]


def _missed() -> list[Waiting]:
    return [
        Waiting(
            kind="bad",
            icon="clock-exclamation",
            title=_("“%(name)s” wasn't sent at its time") % {"name": campaign.name},
            text=str(wording.MISSED[Missed(campaign.missed)]),
            url=reverse("campaign", args=[campaign.pk]),
        )
        for campaign in missed()[:FEW]
    ]


def _imports(actor: Actor) -> list[Waiting]:
    own = Import.objects.filter(created_by_id=int(actor.id))
    url, found = reverse("imports"), []
    if checked := own.filter(state__in=[Import.State.UPLOADED, Import.State.CHECKED]).count():
        title = ngettext("%(number)d import waits for you", "%(number)d imports wait for you", checked)
        text = _("The file is here; nothing becomes a contact until you go on.")
        found.append(
            Waiting(kind="info", icon="file-import", title=title % {"number": checked}, text=text, url=url)
        )
    if failed := own.filter(state=Import.State.FAILED, created_at__gte=timezone.now() - RECENT).count():
        title = ngettext("%(number)d file could not be read", "%(number)d files could not be read", failed)
        text = _("The import says why, and what to do with the file.")
        found.append(
            Waiting(kind="bad", icon="file-alert", title=title % {"number": failed}, text=text, url=url)
        )
    rejected = own.filter(state=Import.State.DONE, rejected__gt=0, finished_at__gte=timezone.now() - RECENT)
    if number := sum(rejected.values_list("rejected", flat=True)):
        title = ngettext("%(number)d import row has problems", "%(number)d import rows have problems", number)
        text = _("Mend them in your file and import it again; rows that are here already aren't doubled.")
        found.append(
            Waiting(kind="bad", icon="file-alert", title=title % {"number": number}, text=text, url=url)
        )
    return found


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One of the three steps to a first campaign; `url` is empty for those who may not take it."""

    done: bool
    title: str
    text: str
    url: str


def first_steps(actor: Actor) -> list[FirstStep]:
    """The way to a first campaign: contacts, a segment, a campaign."""

    def url(name: str, permission: Permission) -> str:
        return reverse(name) if access.allowed(actor, permission) else ""

    return [
        FirstStep(
            Contact.objects.filter(deleted_at=None).exists(),
            _("Import your contacts"),
            _("From a CSV file, with who agreed to what, when and where."),
            url("imports", Permission.IMPORT_CONTACTS),
        ),
        FirstStep(
            Segment.objects.exists(),
            _("Say who you want to write to"),
            _("A segment is a group described by rules, such as everybody near one clinic."),
            url("segments", Permission.EDIT_SEGMENTS),
        ),
        FirstStep(
            Campaign.objects.exists(),
            _("Write a campaign"),
            _(
                "Begin with a message of ours and make it yours. Somebody else looks at it before it goes to many people."
            ),
            url("campaign_new", Permission.EDIT_CAMPAIGNS),
        ),
    ]
