"""Pure rules of the evidence: its kinds and cells, and the periods and figures of the log reviews."""

from marketing.compliance.rules.evidence import (
    ADDED,
    COLUMNS,
    COUNTED,
    NAMES,
    Kind,
    cell,
    csv_lines,
    pseudonym,
    span,
    utc,
)
from marketing.compliance.rules.reviews import (
    Every,
    Figure,
    Figures,
    Share,
    digest_of,
    ended_periods,
    period_of,
    stands_out,
)

__all__ = [
    "ADDED",
    "COLUMNS",
    "COUNTED",
    "NAMES",
    "Every",
    "Figure",
    "Figures",
    "Kind",
    "Share",
    "cell",
    "csv_lines",
    "digest_of",
    "ended_periods",
    "period_of",
    "pseudonym",
    "span",
    "stands_out",
    "utc",
]
