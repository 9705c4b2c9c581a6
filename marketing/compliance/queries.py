"""What the officer reads: the mailings that were sent, and the evidence of each."""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts import access
from accounts.access import Permission
from campaigns.delivery.models import Mailing
from campaigns.delivery.queries import LogLine, Progress, clicks_by_link, message_log, progress
from campaigns.models import Campaign
from campaigns.queries import is_clinical
from contacts.segments.masking import SMALL
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class Report:
    """One campaign's report."""

    campaign: Campaign
    mailing: Mailing
    progress: Progress
    links: list[tuple[int, str, int]]
    approver: str
    # Why people were withheld, or None where a reason of few people would tell of them (BEHAVIOURS E4).
    reasons: dict[str, int] | None


def launched(actor: Actor) -> QuerySet[Campaign]:
    """Campaigns whose mailing has begun to leave, newest first. Needs the permission to view reports."""
    access.require(actor, Permission.VIEW_REPORTS)
    return (
        Campaign.objects.filter(mailing__started_at__isnull=False)
        .select_related("mailing", "mailing__topic", "mailing__brand")
        .order_by("-mailing__started_at", "-pk")
    )


def report(actor: Actor, campaign_id: int) -> Report:
    """The report of one campaign. Raises Denied, and Campaign.DoesNotExist where nothing was launched."""
    access.require(actor, Permission.VIEW_REPORTS)
    campaign = Campaign.objects.select_related(
        "mailing", "mailing__topic", "mailing__brand", "mailing__pool", "mailing__version"
    ).get(pk=campaign_id, mailing__started_at__isnull=False)
    mailing = campaign.mailing
    if mailing is None:
        raise Campaign.DoesNotExist
    approval = mailing.approvals.filter(approved=True).select_related("approver").order_by("-at").first()
    counted = progress(mailing.pk)
    return Report(
        campaign,
        mailing,
        counted,
        clicks_by_link(mailing.pk),
        approval.approver.name if approval else "",
        None if _covered(actor, campaign, counted) else counted.withheld,
    )


def _covered(actor: Actor, campaign: Campaign, counted: Progress) -> bool:
    """Small cells are covered for whoever may neither open charts nor take the evidence away."""
    if access.allowed(actor, Permission.VIEW_CLINICAL) or access.allowed(actor, Permission.EXPORT_EVIDENCE):
        return False
    return is_clinical(campaign) and any(number < SMALL for number in counted.withheld.values())


def log_page(actor: Actor, mailing_id: int, after: int, size: int) -> list[LogLine]:
    """A page of the message log, which names nobody but tells of each. Needs the permission to export evidence."""
    access.require(actor, Permission.EXPORT_EVIDENCE)
    return message_log(mailing_id, after=after, limit=size)
