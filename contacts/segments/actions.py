"""What people do with segments: save and duplicate them."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.models import User
from contacts.models import ContactList
from contacts.segments import queries, rules
from contacts.segments.models import Segment
from safeguards import audit, phi
from safeguards.actor import Actor

audit.declare("segment.saved", digest=audit.DIGEST, clinical=bool, version=int)
audit.declare("segment.duplicated", copy_of=int)

MAX_NAME = 120


class NameMissing(ValueError):
    """A segment needs a name of 1 to 120 characters."""


class Changed(Exception):
    """Somebody else has saved the segment since it was opened."""


def save_segment(
    *,
    actor: Actor,
    segment: Segment | None,
    name: str,
    tree: Mapping[str, Any],
    seen_version: int | None = None,
) -> Segment:
    """Save a new segment (None) or new rules for an old one; name and rules are sealed together.

    Raises Denied, NameMissing, RuleError, and Changed where `seen_version` is given and is no longer the present one. Campaigns
    that wait for approval bind the digest of the rules, so saving other rules voids their approval.
    """
    access.require(actor, Permission.EDIT_SEGMENTS)
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise NameMissing
    group = rules.parse(tree)
    with transaction.atomic():
        now = timezone.now()
        if segment is None:
            [number] = phi.allot(Segment, 1)
            saved = Segment(pk=number, created_by=User.objects.get(pk=actor.id), created_at=now)
        else:
            saved = Segment.objects.select_for_update().get(pk=segment.pk)
            if seen_version not in (None, saved.version):
                raise Changed
            saved.version += 1
        record = {"name": name, "tree": group.as_json()}
        saved.record = phi.seal(Segment, "record", saved.pk, record, version=saved.version)
        saved.clinical = rules.clinical(group, queries.health_lists(group))
        saved.updated_at = now
        saved.save(force_insert=segment is None)
        named = rules.lists_in(group)
        saved.lists.set(ContactList.objects.filter(pk__in=named))
        details = {"digest": rules.digest(group), "clinical": saved.clinical, "version": saved.version}
        audit.record("segment.saved", actor=actor, target=saved, details=details)
    return saved


def duplicate_segment(*, actor: Actor, segment: Segment) -> Segment:
    """A copy of a segment under a name that says so. Raises Denied."""
    access.require(actor, Permission.EDIT_SEGMENTS)
    with transaction.atomic():
        original = queries.reveal_segment(actor, segment)
        name = _("Copy of %(name)s") % {"name": original.name}
        copy = save_segment(actor=actor, segment=None, name=name[:MAX_NAME], tree=original.tree)
        audit.record("segment.duplicated", actor=actor, target=copy, details={"copy_of": segment.pk})
    return copy
