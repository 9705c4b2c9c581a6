"""What the evidence pages say: acts of the access log, outcomes, sources of opt-outs, replies that mean a bounce."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketing.compliance.rules import Kind

TITLES: dict[Kind, Promise] = {
    Kind.MESSAGES: _("Message log"),
    Kind.CONSENT: _("Consent"),
    Kind.OPT_OUTS: _("Opt-outs"),
    Kind.ACCESS: _("Access log"),
    Kind.STAFF: _("Staff and factors"),
    Kind.LOG: _("Audit log"),
}

ABOUT: dict[Kind, Promise] = {
    Kind.MESSAGES: _(
        "Every message of every campaign: where it has got to, and how it was protected on the way."
    ),
    Kind.CONSENT: _("Who agreed to what, where, and when. Rows are added and never changed."),
    Kind.OPT_OUTS: _("Every “no”. Sending asks this list again for each message, at the moment it leaves."),
    Kind.ACCESS: _(
        "Who opened, looked for or took away records, and who was refused. It never shows what was read."
    ),
    Kind.STAFF: _("Who can sign in, by what second factor, and who is signed in now."),
    Kind.LOG: _("Who did what, when, from where. Each row holds the hash of the one before."),
}

ACCESS_WORDS: dict[str, Promise] = {
    "phi.revealed": _("Opened records"),
    "phi.refused": _("Was refused fields"),
    "messages.viewed": _("Looked at a person's messages"),
    "contacts.searched": _("Searched contacts"),
    "import.problems_opened": _("Took an import's problem rows"),
    "evidence.viewed": _("Looked at a message's history"),
    "evidence.exported": _("Took evidence away"),
    "audit.viewed": _("Read the access log"),
    "access.denied": _("Was refused a page"),
}

# Sealed things that are opened and are no patient's record, by their table.
OPENED: dict[str, Promise] = {
    "segments_segment": _("Opened a segment's rules"),
    "contacts_list": _("Opened names of lists"),
    "contacts_import": _("Opened names of imported files"),
    "contacts_import_problem": _("Opened refused rows of an import"),
    "contacts_import_part": _("Opened an uploaded file"),
    "compliance_review": _("Opened a note of a log review"),
}

OUTCOMES: dict[str, Promise] = {
    "success": _("Done"),
    "denied": _("Refused"),
    "failure": _("Failed"),
}
OUTCOME_PILLS = {"success": "ok", "denied": "bad", "failure": "warn"}

SOURCES: dict[str, Promise] = {
    "one-click": _("One-click in the mail program"),
    "unsubscribe page": _("Unsubscribe page"),
    "preferences page": _("Preferences page"),
    "said in a mail to another address": _("In a mail to another address of theirs"),
    "hard bounce": _("Bounce"),
}

BOUNCES: dict[str, Promise] = {
    "no_such_address": _("No such address"),
    "refused": _("Refused by the receiver"),
}

# What a walk over the chain can find, in the words of an officer. Anything else is told as the walk says it.
FOUND: dict[str, Promise] = {
    "a link is missing before": _("A row's place is missing before place %(where)s"),
    "the event is missing of": _("The row at place %(where)s is gone"),
    "the chain is broken at": _("The chain is broken at place %(where)s"),
    "the event was changed at": _("The row at place %(where)s was changed after it was chained"),
    "unchained for over a minute: event": _("Row %(where)s has waited for its place for over a minute"),
    "the end of the log was cut off; it reached": _(
        "The end of the log was cut off; it reached place %(where)s"
    ),
    "the chain was rewritten at or before": _("The chain was written anew at or before place %(where)s"),
}
_ACCESS = _(
    "Find who had access to the database, and compare with a backup. Don't rely on these rows until then."
)
_STORE = _("Find who had access to the folder of anchors, and compare with a copy of it kept elsewhere.")
# And what to do, by the walk's own codes.
ADVICE: dict[str, Promise] = {
    "changed": _ACCESS,
    "broken": _ACCESS,
    "missing": _ACCESS,
    "inserted": _ACCESS,
    "cut": _ACCESS,
    "rewritten": _ACCESS,
    "unfit": _("Somebody wrote it past the product. Find who had access to the database."),
    "unreadable": _(
        "Show this to whoever runs the database: something was written that no program of ours writes."
    ),
    "unchained": _("Look whether the background workers run; they chain rows each second."),
    "evidence": _(
        "What was recorded of messages no longer agrees with the log. Find who had access to the database."
    ),
    "anchors": _("Show this to whoever runs the server: the folder or the key of the anchors can't be used."),
    "anchor_forged": _STORE,
    "anchor_removed": _STORE,
    "anchor_torn": _STORE,
}
