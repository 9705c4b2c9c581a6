"""What Dana does, in the past and today: brings a file, describes a segment, writes a campaign down."""

from accounts import access
from campaigns import actions as campaigns
from campaigns.delivery.models import IpPool, Mailing, Stream
from campaigns.models import Campaign
from contacts import actions as contacts
from contacts.consent.models import Topic
from contacts.models import Import
from contacts.segments import actions as segments
from contacts.segments.models import Segment
from marketing.demo import people
from marketing.demo.plans import SEGMENTS, Plan
from safeguards.actor import Actor


def actor() -> Actor:
    """Dana."""
    return access.of_user(people.user("dana"))


def upload(content: bytes) -> Import:
    """Upload a file of patients and take the columns as they are guessed; its check is asked for."""
    source = contacts.upload_file(actor=actor(), name="patients.csv", chunks=[content], size=len(content))
    contacts.map_columns(
        actor=actor(),
        import_id=source.pk,
        mapping={int(column): key for column, key in source.mapping.items()},
        has_header=source.has_header,
        first=tuple(content.splitlines()[0].decode().split(",")),
    )
    return source


def describe(name: str) -> Segment:
    """Save one of the segments."""
    return segments.save_segment(actor=actor(), segment=None, name=name, tree=SEGMENTS[name])


def write(plan: Plan, segment: Segment, pool: IpPool | None = None) -> Campaign:
    """Write a campaign down, up to the review; by the first marketing pool unless another is named."""
    campaign = campaigns.create_campaign(actor=actor(), name=plan.name)
    if campaign.brand is None:
        raise RuntimeError("the demo's clinic has no brand")
    campaign = campaigns.edit_setup(
        actor=actor(),
        campaign=campaign,
        name=plan.name,
        brand=campaign.brand,
        topic=Topic.objects.get(slug=plan.topic),
        purpose=Mailing.Purpose.PROMOTIONAL,
        tracking=plan.tracking,
        pool=pool or IpPool.objects.filter(stream=Stream.MARKETING).order_by("pk")[0],
    )
    campaign = campaigns.choose_audience(actor=actor(), campaign=campaign, segment=segment)
    return campaigns.edit_content(
        actor=actor(), campaign=campaign, subject=plan.subject, preheader=plan.preheader, blocks=plan.blocks
    )
