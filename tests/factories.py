"""Makes what tests need through the rooms' own verbs and tables, with the least that has to be said."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from accounts import access
from campaigns.delivery import actions as delivery
from campaigns.delivery.models import IpPool, Mailing, Stream
from campaigns.designs.mjml import OPEN_PIXEL
from campaigns.designs.models import Design, DesignVersion
from contacts.consent import actions as consent
from contacts.consent.models import Topic
from contacts.consent.rules import Evidence
from contacts.models import Contact
from safeguards import phi, tokens
from tests import cast

HTML = (
    '<html><body><p>Hello {{ first_name|there }}</p><p><a href="{{ link:0 }}">Read more</a></p>'
    '<p><a href="{{ preferences_url }}">Choose</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
    f"{OPEN_PIXEL}</body></html>"
)
TEXT = "Hello {{ first_name|there }}\n\n{{ link:0 }}\n\nUnsubscribe: {{ unsubscribe_url }}\n"


def contact(
    email: str,
    *,
    opted_in: bool = True,
    tracking: bool = False,
    topic: Topic | None = None,
    **record: Any,
) -> Contact:
    """A contact with an opt-in for every topic (or the one), unless told otherwise."""
    [pk] = phi.allot(Contact, 1)
    now = timezone.now()
    key = tokens.person_key(str(record.get("external_id", email)))
    made = Contact.objects.create(
        pk=pk,
        person_key=key,
        address_hash=tokens.address_key(email),
        record=phi.seal(Contact, "record", pk, {"email": email, **record}),
        created_at=now,
        updated_at=now,
    )
    acts = [("marketing", topic.pk if topic else None)] if opted_in else []
    acts += [("tracking", None)] if tracking else []
    consent.record(
        actor=access.system("importer"),
        evidence=[
            Evidence(
                address_hash=bytes(made.address_hash),
                person_key=bytes(made.person_key),
                subject=subject,
                topic_id=topic_id,
                act="opt_in",
                source="paper form",
                given_at=datetime(2026, 1, 5, tzinfo=UTC),
            )
            for subject, topic_id in acts
        ],
    )
    return made


def version(subject: str = "News from the clinic", html: str = HTML, text: str = TEXT) -> DesignVersion:
    """A frozen design version with one link."""
    now = timezone.now()
    design = Design.objects.create(name="News", subject=subject, document=[], created_at=now, updated_at=now)
    return DesignVersion.objects.create(
        design=design,
        brand=cast.clinic(),
        number=1,
        subject=subject,
        document=[],
        html=html,
        text=text,
        links=["https://northfield.example/flu"],
        fields=["first_name"],
        digest=f"{design.pk:064x}",
        created_at=now,
    )


def mailing(
    *,
    tracking: str = Mailing.Tracking.TOTALS,
    approved: bool = True,
    needs_approval: bool = True,
    design: DesignVersion | None = None,
) -> Mailing:
    """A mailing of Dana's on clinic news, approved by Marcus unless told otherwise."""
    brand = cast.clinic()
    delivery.add_sending_domain(actor=access.system("setup"), domain=brand.domain)
    made = delivery.create_mailing(
        actor=cast.actor(cast.dana()),
        version=design or version(),
        topic=Topic.objects.get(slug="clinic-news"),
        brand=brand,
        pool=IpPool.objects.get(stream=Stream.MARKETING),
        purpose=Mailing.Purpose.PROMOTIONAL,
        tracking=tracking,
        audience_digest="a" * 64,
        needs_approval=needs_approval,
        clinical=False,
    )
    if needs_approval and approved:
        made = delivery.approve_mailing(actor=cast.actor(cast.marcus()), mailing=made)
    return made


def launch(mailing_: Mailing, contacts: Sequence[Contact]) -> Mailing:
    """Launch it to these contacts and turn them into messages."""
    launched = delivery.launch_mailing(
        actor=cast.actor(cast.dana()), mailing=mailing_, contact_ids=[contact.pk for contact in contacts]
    )
    while delivery.freeze_next(launched.pk):
        pass
    launched.refresh_from_db()
    return launched
