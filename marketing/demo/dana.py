"""What Dana does, in the past and today: brings a file, describes a segment, writes a campaign down."""

from accounts import access
from campaigns import actions as campaigns
from campaigns.delivery.models import IpPool, Mailing, Stream
from campaigns.designs import actions as designs
from campaigns.designs import blocks as documents
from campaigns.designs import pictures
from campaigns.designs.blocks import Picture
from campaigns.designs.models import Design
from campaigns.designs.starters import CLINIC_NEWS, WELLNESS
from campaigns.models import Campaign
from contacts import actions as contacts
from contacts.consent.models import Topic
from contacts.models import Import
from contacts.segments import actions as segments
from contacts.segments.models import Segment
from marketing.demo import people
from marketing.demo.plans import NEWS_BLOCKS, SEGMENTS, WALK_BLOCKS, Plan
from safeguards.actor import Actor

NEWS = "Northfield monthly news"
WALKS = "Walk with us"


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


def keep_templates() -> None:
    """Two templates of Northfield's own, one of them with a picture that was uploaded."""
    asset = designs.keep_picture(actor=actor(), chunks=[pictures.shipped(pictures.HILLS) or b""])
    above = Picture(name=asset.name, width="552", alt="Green hills in the morning sun")
    for name, starter, subject, preheader, blocks in (
        (
            NEWS,
            CLINIC_NEWS,
            "News from Northfield this month",
            "What is new, and how to reach us.",
            (above, *NEWS_BLOCKS),
        ),
        (
            WALKS,
            WELLNESS,
            "Walk with us on Sundays",
            "Easy walks. Bring somebody along.",
            (WELLNESS.blocks[0], *WALK_BLOCKS),
        ),
    ):
        made = designs.create_from_starter(actor=actor(), name=name, starter=starter, template=True)
        designs.edit_design(actor=actor(), design=made, subject=subject, preheader=preheader, blocks=blocks)


def write(plan: Plan, segment: Segment, pool: IpPool | None = None) -> Campaign:
    """Write a campaign down, up to the review; by the first marketing pool unless another is named.

    One with a picture begins with the clinic's own template, whose picture stands above what is new.
    """
    template = Design.objects.filter(name=NEWS, is_template=True).first() if plan.picture else None
    campaign = campaigns.create_campaign(actor=actor(), name=plan.name, source=template or CLINIC_NEWS)
    above = documents.read(template.document)[:1] if template else ()
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
        actor=actor(),
        campaign=campaign,
        subject=plan.subject,
        preheader=plan.preheader,
        blocks=(*above, *plan.blocks),
    )
