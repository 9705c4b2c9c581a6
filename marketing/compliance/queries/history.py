"""One message's history: what was agreed, who approved, when it was due, how it was handed over, and what came back."""

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from campaigns.delivery.message_log import attempts_of, events_of, message_of
from campaigns.delivery.models import Attempt, Mailing, Message
from campaigns.models import Campaign
from campaigns.wording import REASONS
from contacts.consent.models import ConsentRecord, Suppression
from contacts.consent.queries import acts_behind, stops_of
from safeguards import audit
from safeguards.actor import Actor

audit.declare("evidence.viewed", mailing=int, message=int)

KINDS = {
    Message.State.SENT: "ok",
    Message.State.BOUNCED: "bad",
    Message.State.EXPIRED: "bad",
    Message.State.WITHHELD: "warn",
    Message.State.UNCERTAIN: "warn",
    Message.State.CANCELLED: "mute",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: when, how it looks (ok, warn, bad, info or mute), in words, and its facts as (label, value)."""

    at: datetime
    kind: str
    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class History:
    """One message without a name or an address. `agreed` is the act that held when it was sent, or last, None without one."""

    message: Message
    mailing: Mailing
    campaign: Campaign | None
    person: str
    steps: list[Step]
    agreed: ConsentRecord | None


def history(actor: Actor, mailing_id: int, message_id: int) -> History:
    """All that the tables tell of one message, oldest first, with an audit row of the look by the person's pseudonym.

    Needs the permission to export evidence. Raises Denied, Message.DoesNotExist.
    """
    access.require(actor, Permission.EXPORT_EVIDENCE)
    message = message_of(mailing_id, message_id)
    mailing = Mailing.objects.select_related("version__design", "topic", "brand", "pool", "requested_by").get(
        pk=mailing_id
    )
    address_hash, person_key = bytes(message.address_hash), bytes(message.person_key)
    attempts = attempts_of(mailing_id, message_id)
    acts = acts_behind(address_hash, person_key, mailing.topic_id)
    steps = [
        *_planned(mailing),
        *(_act(act) for act in acts),
        *(step for stop in stops_of(address_hash) for step in _stop(stop)),
        *(
            [Step(message.first_due, "mute", _("Taken in hand for the first time"))]
            if message.first_due
            else []
        ),
        *(_attempt(attempt) for attempt in attempts),
        *_settled(message, attempts),
        *_came_back(mailing, message),
    ]
    asked_at = attempts[-1].at if attempts else message.updated_at
    marketing = [
        act for act in acts if act.subject == ConsentRecord.Subject.MARKETING and act.given_at <= asked_at
    ]
    person = person_key.hex()
    audit.record(
        "evidence.viewed",
        actor=actor,
        patient=person,
        details={"mailing": mailing_id, "message": message_id},
    )
    return History(
        message=message,
        mailing=mailing,
        campaign=Campaign.objects.filter(mailing=mailing).first(),
        person=person,
        steps=sorted(steps, key=lambda step: step.at),
        agreed=marketing[-1] if marketing else None,
    )


def _planned(mailing: Mailing) -> list[Step]:
    steps = [
        Step(mailing.version.created_at, "mute", _("Design frozen"), _version(mailing)),
        Step(
            mailing.requested_at,
            "mute",
            _("Mailing made by %(name)s") % {"name": mailing.requested_by.name},
            [(_("Content digest"), mailing.content_digest)],
        ),
    ]
    for approval in mailing.approvals.select_related("approver"):
        words = _("Approved by %(name)s") if approval.approved else _("Sent back by %(name)s")
        facts = [(_("Digest approved"), approval.digest)]
        facts += [(_("Comment"), approval.comment)] if approval.comment else []
        steps.append(
            Step(
                approval.at,
                "ok" if approval.approved else "warn",
                words % {"name": approval.approver.name},
                facts,
            )
        )
    if mailing.started_at:
        steps.append(Step(mailing.started_at, "info", _("Sending began")))
    return steps


def _version(mailing: Mailing) -> list[tuple[str, str]]:
    version = mailing.version
    return [
        (_("Design"), f"{version.design.name}, {_('version')} {version.number}"),
        (_("Subject"), version.subject),
        (_("Digest"), version.digest),
    ]


def _act(act: ConsentRecord) -> Step:
    agreed = act.act == ConsentRecord.Act.OPT_IN
    about = act.topic.local_name if act.topic else act.get_subject_display()
    words = _("Agreed to: %(about)s") if agreed else _("Withdrew: %(about)s")
    facts = [(_("Source"), act.source)]
    facts += [(_("Text shown"), act.text_version)] if act.text_version else []
    return Step(act.given_at, "ok" if agreed else "bad", words % {"about": about}, facts)


def _stop(stop: Suppression) -> list[Step]:
    about = stop.topic.local_name if stop.topic else stop.get_scope_display()
    steps = [
        Step(stop.at, "bad", _("Opted out of: %(about)s") % {"about": about}, [(_("Source"), stop.source)])
    ]
    if stop.lifted_at:
        words = _("Came back to: %(about)s") % {"about": about}
        steps.append(Step(stop.lifted_at, "ok", words, [(_("Source"), stop.lifted_by)]))
    return steps


def _attempt(attempt: Attempt) -> Step:
    accepted = attempt.code is not None and 200 <= attempt.code < 300
    host = attempt.mx_host
    if attempt.mx_address:
        host = f"{host} ({attempt.mx_address})"
    verdict = _("certificate verified") if attempt.tls_verified else _("certificate not verified")
    facts = [
        (_("From address"), attempt.source_address or ""),
        (_("Receiving host"), host),
        (
            _("Protection"),
            f"{attempt.tls_version} · {attempt.tls_cipher} · {verdict}" if attempt.tls_version else "",
        ),
        (_("Reply"), " ".join(each for each in (str(attempt.code or ""), attempt.reply) if each)),
    ]
    return Step(
        attempt.at,
        "ok" if accepted else "warn",
        _("Handed over") if accepted else _("Tried, not accepted"),
        [(label, value) for label, value in facts if value],
    )


def _settled(message: Message, attempts: list[Attempt]) -> list[Step]:
    if message.state == Message.State.SENT and attempts:
        return []
    state = Message.State(message.state)
    facts = [(_("Reason"), str(REASONS.get(message.reason, message.reason)))] if message.reason else []
    return [Step(message.updated_at, KINDS.get(state, "info"), str(state.label), facts)]


def _came_back(mailing: Mailing, message: Message) -> list[Step]:
    events = events_of(mailing.pk, message.id)
    if not events:
        return []
    links = dict(mailing.links.values_list("number", "url"))
    return [
        Step(
            event.at,
            "info",
            str(event.get_kind_display()),
            [(_("Link"), links[event.link_number])] if event.link_number in links else [],
        )
        for event in events
    ]
