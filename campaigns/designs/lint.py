"""Lint: what is wrong with a design before anybody gets it. Each finding says where, why, and how to mend it. [BEHAVIOURS G]"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from campaigns.designs import merge
from campaigns.designs.blocks import LONGEST_URL, PICTURE_NAME, Block, Button, Heading, Picture, Text
from contacts.rules.fields import BY_KEY, FIELDS

LONGEST_SUBJECT = 150
LONGEST_PREHEADER = 140
LONGEST_ALT = 250

MERGEABLE: frozenset[str] = frozenset(field.key for field in FIELDS if field.mergeable)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# A subject is read on locked screens and by whoever stands near. Not a list of all medicine: what an author is likely to write.
_HEALTH_WORDS = re.compile(
    r"\b(a1c|hba1c|abortion|addiction|adhd|alzheimer'?s?|antidepressants?|arthritis|asthma|biopsy|cancer|chemo(therapy)?|"
    r"chlamydia|colonoscopy|contracepti(on|ves?)|copd|dementia|depression|diabet(es|ic)|dialysis|epilepsy|gonorrhea|hepatitis|"
    r"herpes|hiv|hypertension|infertility|insulin|ivf|mammograms?|metformin|methadone|miscarriage|oncology|opioids?|ozempic|"
    r"pregnan(t|cy)|prozac|psychiatr(y|ist|ic)|rehab|schizophrenia|semaglutide|statins?|stroke|suicid(e|al)|syphilis|"
    r"tumou?r|viagra|zoloft)\b",
    re.IGNORECASE,
)
_RELATIONSHIP_WORDS = re.compile(
    r"\byour (appointment|diagnosis|doctor|condition|lab|medications?|prescriptions?|procedure|records?|results?|surgery|"
    r"tests?|treatment|visit)\b",
    re.IGNORECASE,
)
_SHORTENERS = frozenset(
    {"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly", "rb.gy"}
)
# Reserved by RFC 2606 § 3; our starters lead there until the author says where.
_EXAMPLES = frozenset({"example.com", "example.net", "example.org"})
_IDENTIFIERS = re.compile(
    r"@|%40|\b\d{3}-\d{2}-\d{4}\b|[?&;](e?mail|mrn|dob|ssn|patient(_?id)?|phone|name)=", re.IGNORECASE
)


class Level(StrEnum):
    """Whether a finding stops the mailing, or needs an approver's eye."""

    STOP = "stop"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. `anchor` is the id of the field on the design page; the texts are in the reader's language."""

    level: Level
    where: str
    why: str
    mend: str
    anchor: str


def lint(*, subject: str, preheader: str, blocks: Sequence[Block]) -> tuple[Finding, ...]:
    """Everything that is wrong with these words, in the order of the page."""
    found = [
        *_line_of_header(_("Subject"), subject, LONGEST_SUBJECT, "subject"),
        *_line_of_header(_("Preview text"), preheader, LONGEST_PREHEADER, "preheader"),
    ]
    if not subject.strip():
        found.insert(
            0,
            Finding(
                Level.STOP,
                _("Subject"),
                _("It is empty."),
                _("Write what the message is about in a few words."),
                "subject",
            ),
        )
    if not any(isinstance(block, Heading | Text) and block.text.strip() for block in blocks):
        found.append(
            Finding(
                Level.STOP,
                _("Message"),
                _("It has no words."),
                _("Add a heading or a text block and write your news in it."),
                "blocks",
            )
        )
    for place, block in enumerate(blocks):
        found.extend(_block(place, block))
    return tuple(found)


def stops(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that stop a mailing."""
    return tuple(finding for finding in findings if finding.level is Level.STOP)


def used_fields(blocks: Sequence[Block]) -> frozenset[str]:
    """The fields whose values the blocks put in. Raises merge.MergeError for blocks that don't pass the lint."""
    return frozenset(
        name
        for block in blocks
        for text in block.authored().values()
        for name in merge.names(merge.parse(text, fields=MERGEABLE))
    )


def speaks_of_health(blocks: Sequence[Block]) -> bool:
    """Whether a value of a clinical field is put in; blocks that can't be read are taken to."""
    try:
        return any(BY_KEY[name].clinical for name in used_fields(blocks))
    except merge.MergeError:
        return True


def _line_of_header(where: str, text: str, longest: int, anchor: str) -> Iterator[Finding]:
    """Rules of what is seen without opening the message: subject and preview text. [BEHAVIOURS D5, L1, L2, L3]"""

    def stop(why: str, mend: str) -> Finding:
        return Finding(Level.STOP, where, why, mend, anchor)

    if _CONTROL.search(text):
        yield stop(
            _("It contains a line break or another character that can't be shown."),
            _("Type it again on one line."),
        )
    if "{{" in text or "}}" in text:
        yield stop(
            _(
                "It contains a merge tag. Subject and preview text are seen by whoever stands near the screen."
            ),
            _("Take the tag out, and greet people in the message instead."),
        )
    if len(text) > longest:
        yield stop(
            _("It has %(length)d characters; mail programs cut it off long before.") % {"length": len(text)},
            _("Shorten it to at most %(most)d characters.") % {"most": longest},
        )
    if word := _HEALTH_WORDS.search(text):
        yield stop(
            _("“%(word)s” speaks of health, and this line is shown on locked screens.") % {"word": word[0]},
            _("Say it in the message, and something general here."),
        )
    if word := _RELATIONSHIP_WORDS.search(text):
        yield Finding(
            Level.WARN,
            where,
            _("“%(word)s” tells whoever sees this line that the person is a patient.") % {"word": word[0]},
            _("Prefer general words, such as “News from us”."),
            anchor,
        )


def _block(place: int, block: Block) -> Iterator[Finding]:
    where = _("Block %(number)d (%(kind)s)") % {"number": place + 1, "kind": block.title}
    for name, text in block.authored().items():
        anchor = f"block-{place}-{name}"
        if not text.strip():
            yield Finding(
                Level.STOP, where, _("It is empty."), _("Write something in it, or remove it."), anchor
            )
        yield from _tags(where, text, anchor)
    if isinstance(block, Button):
        yield from _address(where, block.address() or "", f"block-{place}-url")
    if isinstance(block, Picture):
        yield from _picture(where, block, place)


def _picture(where: str, block: Picture, place: int) -> Iterator[Finding]:
    """A picture is there, is said in words, and its words obey the rules of a subject. [BEHAVIOURS D5, L1, L2; WCAG 1.1.1]"""
    anchor = f"block-{place}-alt"
    if not PICTURE_NAME.fullmatch(block.name):
        yield Finding(
            Level.STOP,
            where,
            _("No image is chosen."),
            _("Choose a file and upload it, or remove the block."),
            f"block-{place}-file",
        )
    if not block.decorative:
        if not block.alt.strip():
            yield Finding(
                Level.STOP,
                where,
                _("It isn't described. Many people don't see images, and mail programs often hide them."),
                _("Say in a few words what it shows, or mark it as decoration."),
                anchor,
            )
        yield from _line_of_header(where, block.alt, LONGEST_ALT, anchor)
    elif block.address():
        yield Finding(
            Level.STOP,
            where,
            _("It leads somewhere, so it can't be mere decoration."),
            _("Say in a few words where it leads."),
            anchor,
        )
    if url := block.address():
        yield from _address(where, url, f"block-{place}-url")


def _tags(where: str, text: str, anchor: str) -> Iterator[Finding]:
    """Merge tags must be readable and stand on one line each, since a line is what becomes an element."""
    for number, line in enumerate(text.split("\n"), 1):
        try:
            nodes = merge.parse(line, fields=MERGEABLE)
        except merge.MergeError as error:
            error.line = number
            yield Finding(
                Level.STOP,
                where,
                error.shown(),
                _("A merge tag stands on one line and looks like {{ first_name|there }}."),
                anchor,
            )
            continue
        if any("}}" in node.text for node in nodes if isinstance(node, merge.Text)):
            yield Finding(
                Level.STOP,
                where,
                _("Line %(line)d: }} closes a merge tag that was never opened.") % {"line": number},
                _("Take it out, or write the tag again: {{ first_name|there }}."),
                anchor,
            )
        for name in sorted(merge.names(nodes)):
            if BY_KEY[name].clinical:
                yield Finding(
                    Level.WARN,
                    where,
                    _("“%(field)s” is health information.") % {"field": _(BY_KEY[name].label)},
                    _("Leave it out if the message does without. With it, somebody else must approve."),
                    anchor,
                )


def _address(where: str, url: str, anchor: str) -> Iterator[Finding]:
    """Where a link may lead: https, a named host, nothing about a person in the address. [BEHAVIOURS L5, L6]"""

    def stop(why: str, mend: str) -> Finding:
        return Finding(Level.STOP, where, why, mend, anchor)

    try:
        parts = urlsplit(url)
        host, _port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    whole = _("Paste the whole address, such as https://www.your-clinic.org/visit.")
    if not url:
        yield stop(_("The button leads nowhere."), whole)
        return
    if "{{" in url or "}}" in url:
        yield stop(
            _("The address contains a merge tag; what it puts in would be seen by every server on the way."),
            _("Take the tag out of the address."),
        )
        return
    if _CONTROL.search(url) or " " in url or "\\" in url or not host or "." not in host:
        yield stop(_("This is not a web address."), whole)
        return
    if parts.scheme != "https":
        yield stop(_("The address is not encrypted."), _("Use an address that begins with https://."))
    if len(url) > LONGEST_URL:
        yield stop(
            _("The address is too long."),
            _("Use one of at most %(most)d characters.") % {"most": LONGEST_URL},
        )
    if parts.username is not None or _IDENTIFIERS.search(url):
        yield stop(
            _("The address seems to say who somebody is."),
            _("Use an address without names, e-mail addresses, numbers or dates of people."),
        )
    if _is_ip(host):
        yield stop(_("The address is a number, not a name."), _("Use the name of the website."))
    if host in _SHORTENERS:
        yield stop(
            _("Short links hide where they lead and are read by a third party."),
            _("Use the address it leads to."),
        )
    if host.removeprefix("www.") in _EXAMPLES:
        yield stop(_("This is the example's address, not yours."), whole)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # Browsers also read 2130706433 and 0x7f.1 as numbers.
        return bool(re.fullmatch(r"[0-9a-fx.]*", host.lower())) and host.rpartition(".")[2][:1].isdigit()
    return True
