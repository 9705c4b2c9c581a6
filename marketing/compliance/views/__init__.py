"""Pages of the officer: reports of campaigns, the evidence, and one message's history."""

from marketing.compliance.views.campaign_reports import report, reports
from marketing.compliance.views.evidence import compliance, evidence_csv, evidence_taken, listing
from marketing.compliance.views.history import evidence_message

__all__ = [
    "compliance",
    "evidence_csv",
    "evidence_message",
    "evidence_taken",
    "listing",
    "report",
    "reports",
]
