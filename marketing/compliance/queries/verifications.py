"""Reads of the walks over the chain, and its state as the log's page tells it."""

from dataclasses import dataclass

from accounts import access
from accounts.access import Permission
from marketing.compliance.models import Verification
from safeguards.actor import Actor
from safeguards.queries import AnchorState, ChainState, anchor_state, chain_state


@dataclass(frozen=True, slots=True)
class LogState:
    """How far the chain and its anchors are, the walk that runs now, and the last one that was finished (None: there is none)."""

    chain: ChainState
    anchor: AnchorState
    running: Verification | None
    last: Verification | None


def log_state(actor: Actor) -> LogState:
    """The state on top of the log. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    walks = Verification.objects.select_related("asked_by")
    return LogState(
        chain=chain_state(),
        anchor=anchor_state(),
        running=walks.filter(finished_at=None).first(),
        last=walks.exclude(finished_at=None).order_by("-finished_at").first(),
    )


def verification(actor: Actor, pk: int) -> Verification | None:
    """One walk; None where there is no such one. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    return Verification.objects.select_related("asked_by").filter(pk=pk).first()


def verifications(actor: Actor, *, limit: int) -> list[Verification]:
    """The last walks, newest first. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    return list(Verification.objects.select_related("asked_by").order_by("-pk")[:limit])
