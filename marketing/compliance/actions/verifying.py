"""The walk over the whole chain, in the background: asked for, done in a worker, taken up again where a worker died."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.models import User
from marketing.compliance.models import Verification
from safeguards import audit, queue
from safeguards.actor import Actor
from safeguards.audit import folder
from safeguards.audit.anchors import AnchorKeyMalformed
from safeguards.queries import chain_state

audit.declare("audit.verification_asked")
audit.declare("audit.verified", rows=int, found=int)

TASK = "compliance.verify"
# A worker that has said nothing for so long is dead. It tells each 25,000 rows, and nothing while evidence is compared.
PATIENCE = timedelta(minutes=15)
# The log is verified by itself where nobody has asked for so long.
DAILY = timedelta(days=1)
KEPT_FINDINGS = 200


def ask_verification(*, actor: Actor) -> Verification:
    """Have the whole log verified in the background; where that is being done already, gives the walk that runs.

    Needs the permission to view the audit log.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    asked_by = User.objects.filter(pk=int(actor.id)).first() if actor.kind == "user" else None
    try:
        with transaction.atomic():
            made = Verification.objects.create(
                asked_by=asked_by, asked_at=timezone.now(), total=chain_state().chained
            )
            audit.record("audit.verification_asked", actor=actor, target=made)
            queue.enqueue(TASK, verification_id=made.pk)
            return made
    except IntegrityError:
        return Verification.objects.get(finished_at=None)


def verify_log(*, actor: Actor, verification_id: int) -> None:
    """Walk the chain and keep what was found. Where another worker walks, or it is done, nothing happens.

    Needs the permission to view the audit log.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    now = timezone.now()
    free = Q(seen_at=None) | Q(seen_at__lt=now - PATIENCE)
    own = Verification.objects.filter(pk=verification_id, finished_at=None)
    if not own.filter(free).update(
        started_at=now, seen_at=now, rows=0, total=chain_state().chained, findings=[], found=0, notes=[]
    ):
        return
    report = _examined(verification_id)
    with transaction.atomic():
        walked = Verification.objects.select_for_update().get(pk=verification_id)
        walked.rows, walked.anchors, walked.notes = report.links, report.anchors, report.notes
        walked.found = len(report.findings)
        walked.findings = [
            [each.what, each.where, each.code, each.more] for each in report.findings[:KEPT_FINDINGS]
        ]
        walked.finished_at = timezone.now()
        walked.save()
        audit.record(
            "audit.verified",
            actor=actor,
            target=walked,
            outcome="failure" if walked.found else "success",
            details={"rows": walked.rows, "found": walked.found},
        )


def _examined(verification_id: int) -> audit.Report:
    """The walk itself, in one process: the other cores are for mail. Keys that can't be read are a finding, not a crash."""
    try:
        return audit.examine(
            folder.store(), processes=1, progress=lambda rows, _total: _tell(verification_id, rows)
        )
    except AnchorKeyMalformed as error:
        report = audit.examine(None, processes=1)
        report.findings.append(audit.Finding("the anchors can't be checked", 0, "anchors", str(error)))
        return report


def _tell(verification_id: int, rows: int) -> None:
    Verification.objects.filter(pk=verification_id).update(rows=rows, seen_at=timezone.now())


def keep_verifying(*, actor: Actor) -> None:
    """Wake a walk whose worker died or never came, and begin the daily one. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    now = timezone.now()
    running = Verification.objects.filter(finished_at=None).first()
    if running is None:
        if not Verification.objects.filter(finished_at__gt=now - DAILY).exists():
            ask_verification(actor=actor)
    elif (running.seen_at or running.asked_at) < now - PATIENCE:
        with transaction.atomic():
            queue.enqueue(TASK, verification_id=running.pk)
