"""The audit log in plain English: words for every act that is declared, by group, and for the kinds of things they are done to.

A declared act without words here fails tests/house: whoever reads the log shouldn't have to read the source.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.access import Permission

GROUPS: dict[str, tuple[Promise, dict[str, Promise]]] = {
    "sign-in": (
        _("Signing in"),
        {
            "session.started": _("Signed in"),
            "session.ended": _("Signed out"),
            "session.refused": _("Wrong password at sign-in"),
            "session.stepped_up": _("Confirmed with a fresh code"),
            "factor.refused": _("Wrong code"),
            "password.refused": _("Wrong password when changing it"),
            "sessions.ended": _("Ended sessions"),
            "session.expired": _("A session ended by itself"),
            "session.held": _("Was kept from going on after signing in"),
            "session.unknown": _("A session that we never gave"),
            "session.new_device": _("Signed in with a new device or network"),
            "access.outside_network": _("Was refused from a network outside of the role's"),
            "lockout.began": _("Has to wait after wrong guesses"),
            "lockout.lifted": _("Lifted somebody's wait"),
            "recovery.used": _("Used a recovery code"),
        },
    ),
    "accounts": (
        _("People, roles and factors"),
        {
            "person.added": _("Added a member of the staff"),
            "person.changed": _("Changed somebody's name or clock"),
            "person.role_changed": _("Gave another role"),
            "person.deactivated": _("Closed an account"),
            "person.reactivated": _("Opened a closed account again"),
            "invitation.sent": _("Invited somebody"),
            "invitation.sent_again": _("Sent an invitation again"),
            "invitation.withdrawn": _("Withdrew an invitation"),
            "invitation.restored": _("Put an invitation back"),
            "invitation.accepted": _("Accepted an invitation"),
            "password.changed": _("Changed the password"),
            "factor.added": _("Set up a second factor"),
            "factor.replaced": _("Replaced the second factor"),
            "factor.reset": _("Reset somebody's second factor"),
            "factor.removed": _("Removed a second factor"),
            "factor.renamed": _("Renamed a second factor"),
            "recovery.made": _("Made recovery codes"),
            "recovery.kept": _("Said that recovery codes are kept"),
            "password.link_asked": _("Asked for a link to set a password"),
            "password.link_sent": _("Sent somebody a link to set a password"),
            "password.reset": _("Set a new password by a link"),
            "device.forgotten": _("Forgot a device"),
            "access.networks_changed": _("Changed a role's networks"),
            "policy.passkeys_changed": _("Changed who has to use passkeys"),
            "access.fields_granted": _("Granted fields of the chart to a role"),
        },
    ),
    "records": (
        _("Records opened and searched"),
        {
            "phi.revealed": _("Opened records"),
            "phi.refused": _("Was refused fields of records"),
            "phi.amended": _("Changed fields of a record"),
            "phi.seal_broken": _("A record's seal was broken"),
            "contacts.searched": _("Searched contacts"),
            "messages.viewed": _("Looked at a person's messages"),
            "recipients.viewed": _("Looked at the people of a campaign"),
            "lookers.viewed": _("Looked at who opened a record"),
            "segment.counted": _("Counted a segment"),
            "segment.listed": _("Listed the people of a segment"),
            "segment.values": _("Looked at the values of fields"),
            "access.denied": _("Was refused a page"),
        },
    ),
    "evidence": (
        _("Evidence and the log itself"),
        {
            "evidence.viewed": _("Looked at a message's history"),
            "evidence.exported": _("Took evidence away"),
            "audit.viewed": _("Read the log"),
            "audit.patient_looked_up": _("Looked somebody up in the log"),
            "audit.verification_asked": _("Asked for the log to be verified"),
            "audit.verified": _("The log was verified"),
            "review.opened": _("A log review was opened"),
            "review.reminded": _("A reminder of a log review was sent"),
            "review.signed": _("Signed a log review"),
            "review.second_signed": _("Signed a log review as second reader"),
            "audit.anchored": _("An anchor was written outside the database"),
            "audit.anchor_failed": _("An anchor could not be written"),
            "audit.restore_accepted": _("Accepted that a backup was restored"),
            "delivery.evidence_digested": _("The evidence of messages was put under the chain"),
            "alert.raised": _("An alert was raised"),
            "alert.closed": _("Closed an alert"),
            "audit.held": _("Put the log under a legal hold"),
            "audit.hold_released": _("Released a legal hold"),
            "audit.purged": _("Removed rows that were past their time"),
        },
    ),
    "contacts": (
        _("Contacts and lists"),
        {
            "contact.added": _("Added a contact"),
            "contact.edited": _("Edited a contact"),
            "contact.deleted": _("Deleted a contact"),
            "contact.restored": _("Brought a contact back"),
            "contact.imported": _("Imported contacts"),
            "contact.address_changed": _("An e-mail address changed"),
            "list.made": _("Made a list"),
            "list.changed": _("Changed a list"),
            "list.archived": _("Archived a list"),
            "list.restored": _("Brought a list back"),
            "list.people_added": _("Added people to a list"),
            "list.people_taken_back": _("Took people off a list again"),
            "list.person_removed": _("Took somebody off a list"),
            "list.person_put_back": _("Put somebody back on a list"),
            "segment.saved": _("Saved a segment"),
            "segment.duplicated": _("Duplicated a segment"),
        },
    ),
    "imports": (
        _("Imports"),
        {
            "import.uploaded": _("Uploaded a file"),
            "import.mapped": _("Said what the columns of a file are"),
            "import.checked": _("A file was checked"),
            "import.started": _("Started an import"),
            "import.stopped": _("Stopped an import"),
            "import.finished": _("An import was finished"),
            "import.failed": _("A file could not be read"),
            "import.expired": _("A file left lying was deleted"),
            "import.problems_opened": _("Took an import's problem rows"),
            "import.problems_deleted": _("Problem rows were deleted"),
        },
    ),
    "consent": (
        _("Consent and opt-outs"),
        {
            "consent.recorded": _("Consent was recorded"),
            "consent.suppressed": _("An opt-out took effect"),
            "consent.lifted": _("An opt-out was taken back"),
            "consent.asked": _("Asked somebody to confirm"),
            "consent.confirmed": _("Confirmed by the link"),
            "consent.chosen": _("Chose topics"),
            "topic.added": _("Added a topic"),
        },
    ),
    "campaigns": (
        _("Campaigns and approval"),
        {
            "campaign.created": _("Made a campaign"),
            "campaign.duplicated": _("Duplicated a campaign"),
            "campaign.edited": _("Changed a campaign"),
            "campaign.approval_asked": _("Asked for approval"),
            "campaign.scheduled": _("Set a time for a campaign"),
            "campaign.unscheduled": _("Took a campaign's time away"),
            "campaign.missed": _("A campaign missed its time"),
            "campaign.launched": _("Sent a campaign"),
            "campaign.reopened": _("Opened a campaign for changes again"),
            "mailing.created": _("A mailing was made"),
            "mailing.approved": _("Approved a mailing"),
            "mailing.sent_back": _("Sent a mailing back"),
            "mailing.launched": _("A mailing began to leave"),
            "mailing.paused": _("Paused a mailing"),
            "mailing.resumed": _("Resumed a mailing"),
            "mailing.cancelled": _("Cancelled a mailing"),
            "mailing.frozen": _("The audience of a mailing was written down"),
            "mailing.finished": _("A mailing was finished"),
            "design.created": _("Made a design"),
            "design.copied": _("Copied a design"),
            "design.edited": _("Edited a design"),
            "design.replaced": _("Started a design over"),
            "design.put_back": _("Put a design back"),
            "design.renamed": _("Renamed a template"),
            "design.archived": _("Archived a template"),
            "design.restored": _("Brought a template back"),
            "design.frozen": _("A design was frozen"),
            "design.tested": _("Sent a test"),
            "asset.kept": _("Added a picture"),
        },
    ),
    "settings": (
        _("Settings and sending"),
        {
            "organization.set_up": _("Set the organisation up"),
            "brand.added": _("Added a brand"),
            "brand.changed": _("Changed a brand"),
            "pool.added": _("Added a pool of addresses"),
            "pool.rate_changed": _("Changed the rate of a pool"),
            "provider.limits_changed": _("Changed the limits of a provider"),
            "source.rested": _("Let an address rest"),
            "source.woken": _("Woke an address"),
            "sending_domain.added": _("Added a sending domain"),
            "sending_domain.key_prepared": _("Prepared a signing key"),
            "sending_domain.key_dropped": _("Dropped a prepared signing key"),
            "sending_domain.key_taken_over": _("Took a signing key over"),
            "sending_domain.key_given_back": _("Went back to the signing key before"),
            "sending_domain.key_retired": _("Retired a signing key"),
            "sending_domain.key_kept": _("Kept a signing key"),
            "delivery.source_rests": _("An address rests after refusals"),
            "delivery.mailing_stopped": _("A mailing was stopped by refusals"),
            "delivery.recovered": _("Work of a worker that died was settled"),
            "notice.sent": _("A short mail was sent"),
            "notice.seal_broken": _("A short mail's seal was broken"),
        },
    ),
}
WORDS: dict[str, Promise] = {
    action: words for _label, acts in GROUPS.values() for action, words in acts.items()
}
KINDS: dict[str, Promise] = {
    "user": _("The staff"),
    "patient": _("Patients"),
    "system": _("The system"),
    "all": _("Everybody"),
}
# The system's own parts, as they are called in the log.
PARTS: dict[str, Promise] = {
    "delivery": _("Delivery"),
    "importer": _("The importer"),
    "index": _("The index of segments"),
    "setup": _("Set-up"),
    "phi": _("The door to health data"),
    "notices": _("The outbox of short mails"),
    "log": _("The keeper of the log"),
    "audit": _("The audit log itself"),
    "alerts": _("The watch for what is unusual"),
    "console": _("The server's console"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of thing that acts are done to: its words, and its page with the permission that the page asks for."""

    words: Promise
    page: str = ""
    needs: Permission | None = None


P = Permission
TARGETS: dict[str, Target] = {
    "accounts.user": Target(_("Member of the staff"), "person", P.MANAGE_PEOPLE),
    "accounts.invitation": Target(_("Invitation")),
    "organization.organization": Target(_("Organisation")),
    "organization.brand": Target(_("Brand"), "brand", P.MANAGE_PEOPLE),
    "contacts.contact": Target(_("Contact"), "contact", P.VIEW_CONTACTS),
    "contacts.contactlist": Target(_("List"), "list", P.VIEW_CONTACTS),
    "contacts.membership": Target(_("Place on a list")),
    "contacts.import": Target(_("Import"), "import", P.IMPORT_CONTACTS),
    "segments.segment": Target(_("Segment"), "segment_edit", P.EDIT_SEGMENTS),
    "consent.topic": Target(_("Topic")),
    "consent.confirmation": Target(_("Link to confirm")),
    "consent.suppression": Target(_("Opt-out")),
    "campaigns.campaign": Target(_("Campaign"), "campaign", P.VIEW_CAMPAIGNS),
    "designs.design": Target(_("Design")),
    "designs.designversion": Target(_("Frozen design")),
    "designs.asset": Target(_("Picture")),
    "delivery.mailing": Target(_("Mailing")),
    "delivery.ippool": Target(_("Pool of addresses"), "sending_pool", P.MANAGE_SENDING),
    "delivery.egresssource": Target(_("Sending address")),
    "delivery.provider": Target(_("Provider"), "sending_provider", P.MANAGE_SENDING),
    "delivery.sendingdomain": Target(_("Sending domain")),
    "safeguards.notice": Target(_("Short mail")),
    "compliance.verification": Target(_("Verification of the log"), "audit_verification", P.VIEW_AUDIT),
    "compliance.review": Target(_("Log review"), "log_review", P.VIEW_AUDIT),
}


def words_of(action: str) -> str:
    """An act in words; one that nobody has put into words yet, by its own name."""
    return str(WORDS.get(action, action))


def chosen(value: str) -> tuple[str, ...]:
    """The acts that a choice stands for: one act, or all of a group ("group:sign-in"). Empty for anything else."""
    kind, _colon, slug = value.partition(":")
    if kind == "group" and slug in GROUPS:
        return tuple(GROUPS[slug][1])
    return (value,) if value in WORDS else ()
