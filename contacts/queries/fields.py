"""Reads of the fields themselves: what may be known of a contact, and who sees it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import access
from accounts.access import Permission
from accounts.models import Role
from contacts.rules import fields
from contacts.rules.fields import Kind
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class ListedField:
    """A field as the settings show it: `roles` see it, and where it is `asked_for`, only for a reason that is kept."""

    label: str
    kind: str
    clinical: bool
    roles: tuple[str, ...]
    asked_for: bool
    segmentable: bool
    merge_tag: str
    also: tuple[str, ...]


_KINDS = {
    Kind.TEXT: gettext_lazy("Text"),
    Kind.CHOICE: gettext_lazy("One of a list"),
    Kind.NUMBER: gettext_lazy("Number"),
    Kind.DATE: gettext_lazy("Date"),
    Kind.MOMENT: gettext_lazy("Date and time"),
    Kind.YES_NO: gettext_lazy("Yes or no"),
    Kind.MANY: gettext_lazy("Several of a list"),
}


def field_groups(actor: Actor) -> list[tuple[str, list[ListedField]]]:
    """Every field by group, and at the end the columns of evidence. Needs the permission to view contacts."""
    access.require(actor, Permission.VIEW_CONTACTS)
    groups: dict[str, list[ListedField]] = {}
    for field in fields.FIELDS:
        # What doesn't belong to who somebody is is opened with the chart.
        asked_for = field.key not in access.IDENTITY_FIELDS
        needs = Permission.VIEW_CLINICAL if asked_for else Permission.VIEW_CONTACTS
        listed = ListedField(
            label=_(field.label),
            kind=str(_KINDS[field.kind]),
            clinical=field.clinical,
            roles=tuple(str(role.label) for role in Role if needs in access.ROLES[role]),
            asked_for=asked_for,
            segmentable=field.segmentable,
            merge_tag=f"{{{{ {field.key} }}}}" if field.mergeable else "",
            also=field.also,
        )
        groups.setdefault(_(field.group), []).append(listed)
    return list(groups.items())


def consent_columns(actor: Actor) -> list[tuple[str, tuple[str, ...]]]:
    """The columns of a file that become rows of the consent ledger, and what else they may be called."""
    access.require(actor, Permission.VIEW_CONTACTS)
    return [(_(label), fields.EVIDENCE[key]) for key, label in fields.EVIDENCE_LABELS.items()]


def headers(actor: Actor) -> list[str]:
    """A header for each field and each column of evidence, in English, as an import recognises them by itself."""
    access.require(actor, Permission.VIEW_CONTACTS)
    return [field.label for field in fields.FIELDS] + list(fields.EVIDENCE_LABELS.values())
