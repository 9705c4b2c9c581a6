"""The steps of the main job, as the flow tests take them: by the product's own verbs, waiting for its workers."""

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns import actions as campaigns
from campaigns.delivery.models import IpPool, Mailing, Stream
from campaigns.designs.blocks import Block
from campaigns.models import Campaign
from contacts import actions as contacts
from contacts.consent.models import Topic
from contacts.models import Contact, Import
from contacts.segments import actions as segments
from contacts.segments.models import Segment
from tests import cast
from tests.flows.stack import eventually


def import_file(name: str, content: bytes) -> Import:
    """Dana uploads a file, takes the guessed columns, looks at the check, and imports."""
    dana = cast.actor(cast.dana())
    source = contacts.upload_file(actor=dana, name=name, chunks=[content], size=len(content))
    contacts.map_columns(
        actor=dana,
        import_id=source.pk,
        mapping={int(column): key for column, key in source.mapping.items()},
        has_header=True,
        first=tuple(content.decode().splitlines()[0].split(",")),
    )
    eventually(lambda: Import.objects.get(pk=source.pk).state == Import.State.CHECKED, "the check")
    assert Contact.objects.count() == 0, "a check writes nothing to contacts"
    contacts.start_import(actor=dana, import_id=source.pk)
    eventually(lambda: Import.objects.get(pk=source.pk).state == Import.State.DONE, "the import")
    return Import.objects.get(pk=source.pk)


def describe(name: str, tree: Mapping[str, Any]) -> Segment:
    """Dana describes a segment."""
    return segments.save_segment(actor=cast.actor(cast.dana()), segment=None, name=name, tree=tree)


def plan(
    name: str, segment: Segment, blocks: Sequence[Block], *, tracking: str = Mailing.Tracking.TOTALS
) -> Campaign:
    """Dana plans a campaign on clinic news."""
    dana = cast.actor(cast.dana())
    campaign = campaigns.create_campaign(actor=dana, name=name)
    assert campaign.brand is not None
    campaign = campaigns.edit_setup(
        actor=dana,
        campaign=campaign,
        name=name,
        brand=campaign.brand,
        topic=Topic.objects.get(slug="clinic-news"),
        purpose=Mailing.Purpose.PROMOTIONAL,
        tracking=tracking,
        pool=IpPool.objects.get(stream=Stream.MARKETING),
    )
    campaign = campaigns.choose_audience(actor=dana, campaign=campaign, segment=segment)
    return campaigns.edit_content(actor=dana, campaign=campaign, subject=name, preheader="", blocks=blocks)


def send(campaign: Campaign) -> Mailing:
    """Marcus approves, Dana sends, and the workers finish."""
    dana = cast.actor(cast.dana())
    mailing = campaigns.request_approval(actor=dana, campaign=campaign)
    campaigns.approve_campaign(actor=cast.actor(cast.marcus()), mailing=mailing, comment="")
    campaign.refresh_from_db()
    campaigns.launch_campaign(actor=dana, campaign=campaign)
    eventually(
        lambda: Mailing.objects.get(pk=mailing.pk).state == Mailing.State.FINISHED, "the end of the campaign"
    )
    return Mailing.objects.get(pk=mailing.pk)
