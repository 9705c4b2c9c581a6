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
from marketing.compliance.queries.log import (
    OPENINGS,
    find_patients,
    log_row,
    log_rows,
    patient_view,
    pseudonym_of,
    usual_hours,
)
from marketing.compliance.queries.reviews import (
    days_of,
    digest_now,
    figures_of,
    how_often,
    own_part,
    readers,
    review_page,
    reviews,
    waiting_reviews,
)
from marketing.compliance.queries.verifications import log_state, verification, verifications

__all__ = [
    "ACCESSES",
    "OPENINGS",
    "Asked",
    "Report",
    "accesses",
    "acts",
    "chain",
    "days_of",
    "digest_now",
    "evidence_words",
    "figures_of",
    "find_patients",
    "history",
    "how_often",
    "launched",
    "listed",
    "log_page",
    "log_row",
    "log_rows",
    "log_state",
    "messages",
    "messages_of_mailing",
    "opt_outs",
    "overview",
    "own_part",
    "patient_view",
    "pseudonym_of",
    "readers",
    "report",
    "review_page",
    "reviews",
    "rows",
    "staff",
    "taken",
    "usual_hours",
    "verification",
    "verifications",
    "waiting_reviews",
]
