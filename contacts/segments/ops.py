"""What rules may ask: the fields of a segment, and the tests that each kind of field can be put to."""

from dataclasses import dataclass
from enum import StrEnum

from contacts.rules.fields import FIELDS, WHO, Field, Kind


def gettext_noop(text: str) -> str:
    """Mark text for the translators; it is translated where it is shown."""
    return text


AGE = Field("age", gettext_noop("Age"), Kind.NUMBER, WHO)
# Which lists somebody is on; of the record's own fields none. Values are the lists' ids as text.
LISTS = Field("lists", gettext_noop("Lists"), Kind.MANY, gettext_noop("Picked by hand"))
# The order of the builder's list: age stands where the date of birth does.
CHOICES: tuple[Field, ...] = (AGE, *(field for field in FIELDS if field.segmentable), LISTS)
_BY_KEY: dict[str, Field] = {field.key: field for field in CHOICES}


class Shape(StrEnum):
    """What a rule's value looks like. Dates are `YYYY-MM-DD`, days a whole number from 1 to 36500, lists ids of lists as text."""

    NONE = "none"
    ONE = "one"
    LIST = "list"
    NUMBER = "number"
    RANGE = "range"
    DAYS = "days"
    DATE = "date"
    LISTS = "lists"


@dataclass(frozen=True, slots=True)
class Op:
    """One test. `label` stands in the builder's list; `phrase` takes {field} and {value}; `one` is that of one day or list."""

    key: str
    label: str
    shape: Shape
    phrase: str
    one: str = ""


_ = gettext_noop
IS = Op("is", _("is"), Shape.ONE, _("{field} is {value}"))
IS_NOT = Op("is_not", _("is not, or isn't known"), Shape.ONE, _("{field} is not {value}, or isn't known"))
ANY_OF = Op("any_of", _("is any of"), Shape.LIST, _("{field} is any of {value}"))
KNOWN = Op("known", _("is known"), Shape.NONE, _("{field} is known"))
UNKNOWN = Op("unknown", _("isn't known"), Shape.NONE, _("{field} isn't known"))
AT_LEAST = Op("at_least", _("is at least"), Shape.NUMBER, _("{field} is at least {value}"))
AT_MOST = Op("at_most", _("is at most"), Shape.NUMBER, _("{field} is at most {value}"))
BETWEEN = Op("between", _("is between"), Shape.RANGE, _("{field} is from {low} to {high}"))
LAST_DAYS = Op(
    "last_days",
    _("is in the last"),
    Shape.DAYS,
    _("{field} is in the last {value} days"),
    _("{field} is yesterday or today"),
)
NEXT_DAYS = Op(
    "next_days",
    _("is in the next"),
    Shape.DAYS,
    _("{field} is in the next {value} days"),
    _("{field} is today or tomorrow"),
)
DAYS_AGO = Op(
    "days_ago",
    _("is more than"),
    Shape.DAYS,
    _("{field} is more than {value} days ago"),
    _("{field} is before yesterday"),
)
BEFORE = Op("before", _("is before"), Shape.DATE, _("{field} is before {value}"))
AFTER = Op("after", _("is after"), Shape.DATE, _("{field} is after {value}"))
ON = Op("on", _("is on"), Shape.DATE, _("{field} is on {value}"))
INCLUDES_ANY = Op("any_of", _("include any of"), Shape.LIST, _("{field} include any of {value}"))
INCLUDES_ALL = Op("all_of", _("include all of"), Shape.LIST, _("{field} include all of {value}"))
INCLUDES_NONE = Op(
    "none_of",
    _("include none of, or isn't known"),
    Shape.LIST,
    _("{field} include none of {value}, or isn't known"),
)
YES = Op("yes", _("is yes"), Shape.NONE, _("{field}: yes"))
NO = Op("no", _("is no"), Shape.NONE, _("{field}: no"))
ON_ANY = Op(
    "any_of",
    _("on any of"),
    Shape.LISTS,
    _("they are on any of the lists {value}"),
    _("they are on the list {value}"),
)
ON_NONE = Op(
    "none_of",
    _("on none of"),
    Shape.LISTS,
    _("they are on none of the lists {value}"),
    _("they are not on the list {value}"),
)

_TEXT_OPS = (IS, IS_NOT, ANY_OF, KNOWN, UNKNOWN)
_DATE_OPS = (LAST_DAYS, NEXT_DAYS, DAYS_AGO, BEFORE, AFTER, ON, KNOWN, UNKNOWN)
OPS: dict[Kind, tuple[Op, ...]] = {
    Kind.TEXT: _TEXT_OPS,
    Kind.CHOICE: _TEXT_OPS,
    Kind.NUMBER: (AT_LEAST, AT_MOST, BETWEEN, KNOWN, UNKNOWN),
    Kind.DATE: _DATE_OPS,
    Kind.MOMENT: _DATE_OPS,
    Kind.MANY: (INCLUDES_ANY, INCLUDES_ALL, INCLUDES_NONE, KNOWN, UNKNOWN),
    Kind.YES_NO: (YES, NO, KNOWN, UNKNOWN),
}


def ops_of(field: Field) -> tuple[Op, ...]:
    """The tests a field can be put to, in the builder's order."""
    if field is LISTS:
        return (ON_ANY, ON_NONE)
    return (AT_LEAST, AT_MOST, BETWEEN) if field is AGE else OPS[field.kind]


def field_of(key: str) -> Field | None:
    """The field a rule may ask about, or None."""
    return _BY_KEY.get(key)
