"""Pages of the officer: reports of campaigns, the evidence, one message's history, the audit log and its reviews."""

from marketing.compliance.views.campaign_reports import report, reports
from marketing.compliance.views.evidence import compliance, evidence_csv, evidence_taken, listing
from marketing.compliance.views.history import evidence_message
from marketing.compliance.views.log import (
    audit_log,
    audit_patient,
    audit_patients,
    audit_row,
    audit_verification,
    audit_verify,
)
from marketing.compliance.views.reviews import log_review, log_review_csv, log_review_sign, log_reviews

__all__ = [
    "audit_log",
    "audit_patient",
    "audit_patients",
    "audit_row",
    "audit_verification",
    "audit_verify",
    "compliance",
    "evidence_csv",
    "evidence_message",
    "evidence_taken",
    "listing",
    "log_review",
    "log_review_csv",
    "log_review_sign",
    "log_reviews",
    "report",
    "reports",
]
