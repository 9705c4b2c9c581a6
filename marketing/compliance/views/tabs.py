"""The tabs on top of the evidence pages."""

from django.urls import reverse
from django.utils.translation import gettext as _

from marketing.compliance.rules import Kind
from marketing.compliance.wording import TITLES

REVIEWS = "reviews"


def address(kind: Kind) -> str:
    """The page of a kind of evidence."""
    if kind is Kind.LOG:
        return reverse("audit_log")
    # The access log opens with what people did: the system opens records for each message that it makes.
    only_people = "?person=user" if kind is Kind.ACCESS else ""
    return f"{reverse(f'evidence_{kind.name.lower()}')}{only_people}"


def tabs(current: Kind | str | None) -> list[tuple[str, object, bool]]:
    """Address, words, and whether it is the present one, of each kind of evidence and of the log reviews."""
    kinds = [(address(kind), TITLES[kind], kind is current) for kind in Kind]
    return [*kinds, (reverse("log_reviews"), _("Log reviews"), current == REVIEWS)]
