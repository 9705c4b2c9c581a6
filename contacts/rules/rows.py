"""One row of a file to one contact and the evidence of what the person agreed to, or to the reasons why not."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from contacts.rules import fields, values
from contacts.rules.fields import Kind
from contacts.rules.mapping import fold
from contacts.rules.problems import Problem
from contacts.rules.reading import LONGEST_ADDRESS, LOST

SOURCE_LIMIT = 120
OLDEST = timedelta(days=130 * 366)
QUOTE_LIMIT = 80
MARKETING, TRACKING = "marketing", "tracking"
NO_SOURCE = "import"
_FORMULA = frozenset("=+-@")


@dataclass(frozen=True, slots=True)
class Declared:
    """What the row says that the person agreed to or refused. `on` is a day of the clinic; None means the day of the import.

    `topic_id` None means every topic, or tracking, which has none.
    """

    subject: str
    agreed: bool
    topic_id: int | None
    source: str
    on: date | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A row that can be taken. `record` holds every mapped field, None where the cell is empty."""

    email: str
    external_id: str | None
    record: dict[str, Any]
    declared: tuple[Declared, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics that there are: ids by folded name, and one name of each to tell people."""

    by_name: Mapping[str, int]
    names: tuple[str, ...]

    @classmethod
    def of(cls, named: Mapping[str, int]) -> "Topics":
        """From ids by name, one name or more a topic; the first name of each is the one that is told."""
        first: dict[int, str] = {}
        for name, topic_id in named.items():
            first.setdefault(topic_id, name)
        return cls({fold(name): topic_id for name, topic_id in named.items()}, tuple(first.values()))


@dataclass(slots=True)
class _Findings:
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(self, code: str, column: str, cell: str = "", **more: str) -> None:
        quoted = {"value": " ".join(cell.split())[:QUOTE_LIMIT]} if cell else {}
        self.problems.append(Problem(code, column, quoted | more))


def parse_row(
    cells: Sequence[str],
    mapping: Mapping[int, str],
    *,
    columns: int,
    topics: Topics,
    today: date,
    normalise: Callable[[str], str],
    day_first: Collection[str] = (),
) -> Parsed | tuple[Problem, ...]:
    """Read one row; the problems, in the order of the columns, where it must be refused.

    `columns` is how many the file has; `today` is the clinic's day; `normalise` brings an address to its one form and raises
    ValueError; `day_first` are the keys of columns whose dates with slashes begin with the day. Consent without source or date
    is left out with a warning, never a reason to refuse the contact (BEHAVIOURS C4); a "no" counts whatever is missing.
    """
    if len(cells) < columns or any(cell.strip() for cell in cells[columns:]):
        return (Problem("cells", "", {"found": str(len(cells)), "expected": str(columns)}),)
    findings = _Findings()
    record: dict[str, Any] = {}
    evidence: dict[str, str] = {}
    for column in sorted(mapping):
        key, cell = mapping[column], _bare(cells[column].strip())
        if LOST in cell:
            findings.add("letters", key, cell)
        elif "\0" in cell:
            findings.add("no_text", key)
        elif key in fields.EVIDENCE:
            evidence[key] = cell
        elif key == "email":
            record[key] = _email(cell, normalise, findings)
        else:
            record[key] = _value(fields.BY_KEY[key], cell, findings, key in day_first)
    if "email" not in record and "email" not in {problem.column for problem in findings.problems}:
        findings.add("email_missing", "email")
    _check_dates(record, today, findings)
    declared = _declared(evidence, topics, today, findings, "consent_date" in day_first)
    if findings.problems:
        return tuple(findings.problems)
    return Parsed(
        email=record["email"],
        external_id=record.get("external_id"),
        record=record,
        declared=declared,
        warnings=tuple(findings.warnings),
    )


def read_fields(
    typed: Mapping[str, str], *, today: date, normalise: Callable[[str], str]
) -> Parsed | tuple[Problem, ...]:
    """Read what was typed into a form, by the fields' keys, as a row of a file is read; the problems where it must be refused."""
    keys = list(typed)
    return parse_row(
        [typed[key] for key in keys],
        dict(enumerate(keys)),
        columns=len(keys),
        topics=Topics.of({}),
        today=today,
        normalise=normalise,
    )


def as_typed(target: fields.Field, value: Any) -> str:
    """A stored value as it is typed: what `read_fields` reads back as the same."""
    if value is None:
        return ""
    if target.kind is Kind.YES_NO:
        return "yes" if value else "no"
    return "; ".join(value) if target.kind is Kind.MANY else str(value)


def _bare(cell: str) -> str:
    """A cell without the apostrophe that our own problems file sets before what a spreadsheet takes for a formula (F5)."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in _FORMULA else cell


def _email(cell: str, normalise: Callable[[str], str], findings: _Findings) -> str | None:
    if not cell:
        findings.add("email_missing", "email")
        return None
    try:
        if len(cell) <= LONGEST_ADDRESS:
            return normalise(cell)
    except ValueError:
        pass
    findings.add("email_malformed", "email", cell)
    return None


def _value(target: fields.Field, cell: str, findings: _Findings, day_first: bool) -> Any:
    # A record number of "NULL" would make one person of everybody who has none.
    is_text = target.kind in {Kind.TEXT, Kind.CHOICE} and target.key != "external_id"
    if not cell or (not is_text and values.is_nothing(cell)):
        return None
    if target.key == "external_id" and values.is_rounded(cell):
        findings.add("rounded", target.key, cell)
        return None
    try:
        return _READERS[target.kind](target, cell, day_first)
    except values.TooLong:
        findings.add("too_long", target.key, limit=str(values.TEXT_LIMIT))
    except values.NotThis:
        findings.add(_COMPLAINTS[target.kind], target.key, cell)
    return None


def _text(target: fields.Field, cell: str, _day_first: bool) -> str | None:
    if target.key == "zip":
        return values.read_zip(cell) or None
    if target.kind is Kind.CHOICE:
        return values.read_choice(target.key, cell) or None
    return values.read_text(cell) or None


_READERS: dict[Kind, Callable[[fields.Field, str, bool], Any]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _text,
    Kind.NUMBER: lambda _target, cell, _first: values.read_number(cell),
    Kind.DATE: lambda _target, cell, first: values.read_date(cell, day_first=first).isoformat(),
    Kind.MOMENT: lambda _t, cell, first: values.read_moment(cell, day_first=first).isoformat(
        timespec="minutes"
    ),
    Kind.YES_NO: lambda _target, cell, _first: values.read_yes_no(cell),
    Kind.MANY: lambda _target, cell, _first: values.read_many(cell) or None,
}
_COMPLAINTS = {
    Kind.NUMBER: "not_a_number",
    Kind.DATE: "not_a_date",
    Kind.MOMENT: "not_a_moment",
    Kind.YES_NO: "not_yes_or_no",
}


def _check_dates(record: Mapping[str, Any], today: date, findings: _Findings) -> None:
    for key in ("birth_date", "deceased_date"):
        text = record.get(key)
        if text and text > today.isoformat():
            findings.add("in_the_future", key, text)
        elif text and date.fromisoformat(text) < today - OLDEST:
            findings.add("too_long_ago", key, text)
    born, died = record.get("birth_date"), record.get("deceased_date")
    if born and died and died < born:
        findings.add("death_before_birth", "deceased_date")


def _declared(
    evidence: Mapping[str, str], topics: Topics, today: date, findings: _Findings, day_first: bool
) -> tuple[Declared, ...]:
    marketing = _yes_no("marketing_consent", evidence, findings)
    tracking = _yes_no("tracking_consent", evidence, findings)
    chosen = _topics(evidence.get("topics", ""), topics, findings)
    source, on = _source(evidence, findings), _consent_date(evidence, today, findings, day_first)
    found: list[Declared] = []
    if marketing is False:
        found.append(Declared(MARKETING, False, None, source or NO_SOURCE, on))
    if tracking is False:
        found.append(Declared(TRACKING, False, None, source or NO_SOURCE, on))
    if marketing or tracking:
        if source and on:
            if marketing:
                found += [Declared(MARKETING, True, topic, source, on) for topic in chosen or (None,)]
            if tracking:
                found.append(Declared(TRACKING, True, None, source, on))
        else:
            key = "marketing_consent" if marketing else "tracking_consent"
            findings.warnings.append(Problem("consent_incomplete", key))
    return tuple(found)


def _yes_no(key: str, evidence: Mapping[str, str], findings: _Findings) -> bool | None:
    cell = evidence.get(key, "")
    if not cell or values.is_nothing(cell):
        return None
    try:
        return values.read_yes_no(cell)
    except values.NotThis:
        findings.add("not_yes_or_no", key, cell)
        return None


def _source(evidence: Mapping[str, str], findings: _Findings) -> str:
    cell = evidence.get("consent_source", "")
    if values.is_nothing(cell):
        return ""
    try:
        text = values.read_text(cell)
    except values.TooLong:
        text = cell
    if len(text) > SOURCE_LIMIT:
        findings.add("too_long", "consent_source", limit=str(SOURCE_LIMIT))
    return text


def _consent_date(
    evidence: Mapping[str, str], today: date, findings: _Findings, day_first: bool
) -> date | None:
    cell = evidence.get("consent_date", "")
    if not cell or values.is_nothing(cell):
        return None
    try:
        day = values.read_date(cell, day_first=day_first)
    except values.NotThis:
        findings.add("not_a_date", "consent_date", cell)
        return None
    if day > today:
        findings.add("in_the_future", "consent_date", cell)
    elif day < today - OLDEST:
        findings.add("too_long_ago", "consent_date", cell)
    return day


def _topics(cell: str, topics: Topics, findings: _Findings) -> list[int]:
    try:
        names = [] if values.is_nothing(cell) else values.read_many(cell)
    except values.TooLong:
        findings.add("too_long", "topics", limit=str(values.TEXT_LIMIT))
        return []
    chosen: list[int] = []
    for name in names:
        topic_id = topics.by_name.get(fold(name))
        if topic_id is None:
            findings.add("topic_unknown", "topics", name, known=", ".join(topics.names))
        elif topic_id not in chosen:
            chosen.append(topic_id)
    return chosen
