"""Reads of the fields themselves: what may be known of a contact, and who sees it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import access
from accounts.access import Permission
from accounts.models import FieldGrant, Role, User
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
    granted: dict[str, set[str]] = defaultdict(set)
    for role, key in FieldGrant.objects.values_list("role", "field"):
        granted[key].add(role)
    groups: dict[str, list[ListedField]] = {}
    for field in fields.FIELDS:
        # What doesn't belong to who somebody is is opened with the chart.
        asked_for = field.key not in access.IDENTITY_FIELDS
        needs = Permission.VIEW_CLINICAL if asked_for else Permission.VIEW_CONTACTS
        listed = ListedField(
            label=_(field.label),
            kind=str(_KINDS[field.kind]),
            clinical=field.clinical,
            roles=tuple(
                str(role.label) for role in Role if needs in access.ROLES[role] or role in granted[field.key]
            ),
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


@dataclass(frozen=True, slots=True)
class GrantedField:
    """A field that can be granted, and the roles that have it: (role, its words, whether it has it)."""

    key: str
    label: str
    clinical: bool
    roles: tuple[tuple[str, str, bool], ...]


def grants(actor: Actor) -> list[tuple[str, list[GrantedField]]]:
    """The fields beyond who somebody is, by group, with the roles they are granted to. Needs the permission to manage people."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    has = set(FieldGrant.objects.values_list("role", "field"))
    groups: dict[str, list[GrantedField]] = {}
    for field in fields.FIELDS:
        if field.key in access.IDENTITY_FIELDS:
            continue
        roles = tuple(
            (role, str(Role(role).label), (role, field.key) in has) for role in access.grantable_roles()
        )
        groups.setdefault(_(field.group), []).append(
            GrantedField(field.key, _(field.label), field.clinical, roles)
        )
    return list(groups.items())


def labels(keys: Iterable[str]) -> list[str]:
    """What fields are called, for people."""
    return [_(fields.BY_KEY[key].label) for key in keys]


def people_of_role(actor: Actor, role: str) -> int:
    """How many active people have a role. Needs the permission to manage people."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    return User.objects.filter(role=role, is_active=True).count()
