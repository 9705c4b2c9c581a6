"""What the officer does: takes evidence away, has the log verified, reviews it."""

from marketing.compliance.actions.evidence import Evidence, export_evidence, export_review
from marketing.compliance.actions.reviews import (
    AlreadySigned,
    FiguresChanged,
    NotTheirs,
    open_reviews,
    remind_of_reviews,
    sign_review,
    sign_second,
)
from marketing.compliance.actions.verifying import ask_verification, keep_verifying, verify_log

__all__ = [
    "AlreadySigned",
    "Evidence",
    "FiguresChanged",
    "NotTheirs",
    "ask_verification",
    "export_evidence",
    "export_review",
    "keep_verifying",
    "open_reviews",
    "remind_of_reviews",
    "sign_review",
    "sign_second",
    "verify_log",
]
