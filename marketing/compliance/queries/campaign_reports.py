"""What the officer reads: the mailings that were sent, and the evidence of each."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts import access
from accounts.access import Permission
from campaigns.delivery.message_log import LogLine, message_log
from campaigns.delivery.models import Mailing
from campaigns.delivery.queries import clicks_by_link, clicks_by_link_of, progress, progress_of
from campaigns.models import Campaign
from campaigns.queries import Shown, is_covered, shown
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class Report:
    """One campaign's report."""

    campaign: Campaign
    mailing: Mailing
    # Small numbers and what leads to them are covered for roles that may not know them (BEHAVIOURS E4).
    progress: Shown
    links: list[tuple[int, str, int | None]]
    approver: str


def launched(actor: Actor) -> QuerySet[Campaign]:
    """Campaigns whose mailing has begun to leave, newest first. Needs the permission to view reports."""
    access.require(actor, Permission.VIEW_REPORTS)
    return (
        Campaign.objects.filter(mailing__started_at__isnull=False)
        .select_related("mailing", "mailing__topic", "mailing__brand", "segment", "design")
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
    links = clicks_by_link(mailing.pk)
    seen = shown(
        progress(mailing.pk), cover=is_covered(actor, campaign), links=[clicks for _, _, clicks in links]
    )
    told = [(number, url, None if seen.clicked is None else clicks) for number, url, clicks in links]
    return Report(campaign, mailing, seen, told, approval.approver.name if approval else "")


def listed(actor: Actor, campaigns: Iterable[Campaign]) -> list[tuple[Campaign, Shown]]:
    """Some of the launched campaigns, with the numbers that the actor may know. Needs the permission to view reports."""
    access.require(actor, Permission.VIEW_REPORTS)
    some = [campaign for campaign in campaigns if campaign.mailing_id is not None]
    ids = [campaign.mailing_id or 0 for campaign in some]
    # The clicks of each link stand on the report, so they cover the total here as they do there.
    counted, links = progress_of(ids), clicks_by_link_of(ids)
    return [
        (
            campaign,
            shown(
                counted[pk],
                cover=is_covered(actor, campaign),
                links=[clicks for _, _, clicks in links[pk]],
            ),
        )
        for campaign, pk in zip(some, ids, strict=True)
    ]


def log_page(actor: Actor, mailing_id: int, after: int, size: int) -> list[LogLine]:
    """A page of the message log, which names nobody but tells of each. Needs the permission to export evidence."""
    access.require(actor, Permission.EXPORT_EVIDENCE)
    return message_log(mailing_id, after=after, limit=size)
