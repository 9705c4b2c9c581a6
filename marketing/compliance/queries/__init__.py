"""What the officer reads: reports of campaigns, and the evidence behind them."""

from marketing.compliance.queries.asked import Asked, evidence_words, messages_of_mailing, rows
from marketing.compliance.queries.campaign_reports import Report, launched, listed, log_page, report
from marketing.compliance.queries.evidence import (
    ACCESSES,
    accesses,
    acts,
    chain,
    messages,
    opt_outs,
    overview,
    staff,
    taken,
)
from marketing.compliance.queries.history import history

__all__ = [
    "ACCESSES",
    "Asked",
    "Report",
    "accesses",
    "acts",
    "chain",
    "evidence_words",
    "history",
    "launched",
    "listed",
    "log_page",
    "messages",
    "messages_of_mailing",
    "opt_outs",
    "overview",
    "report",
    "rows",
    "staff",
    "taken",
]
