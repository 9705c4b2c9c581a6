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
OPENED: dict[str, Promise] = {"segments_segment": _("Opened a segment's rules")}

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

# What a walk over the chain can find, and what to do.
# What to do about a finding of a verification, by its code.
ADVICE: dict[str, Promise] = {
    "changed": _(
        "Don't rely on what this row says. Compare it with a backup, and find who had access to the database."
    ),
    "broken": _("A row before it was changed, removed or put in. Compare the rows around it with a backup."),
    "missing": _(
        "Somebody with the database's own rights removed it. Compare with a backup, and find who had access."
    ),
    "inserted": _(
        "Somebody wrote into the table past the product. Don't rely on this row; find who had access."
    ),
    "unchained": _("Look whether the background workers run; they chain rows each second."),
    "unfit": _("It wasn't written by the product. Don't rely on it; find who had access to the database."),
    "unreadable": _("Look whether the database is sound: its own log says why these rows can't be read."),
    "cut": _(
        "Rows behind this place are gone. Compare with a backup; where one was restored, say so with “audit accept-restore”."
    ),
    "rewritten": _("Compare with a backup, and find who had the rights of the database's owner."),
    "anchors": _(
        "Look whether the folder of anchors is there and may be read. Until then a cut end would show nowhere."
    ),
    "anchor_forged": _(
        "Somebody without the key wrote into the folder of anchors. Find who had access to it."
    ),
    "anchor_removed": _(
        "Somebody changed the folder of anchors. Bring it back from a copy, and find who had access to it."
    ),
    "anchor_torn": _(
        "A crash or a full disk may have cut it off. Look at the file, and keep a copy as it is."
    ),
}
