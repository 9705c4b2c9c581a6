"""What can be wrong with a file or a row: codes, and sentences that say what to do about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

MASK = "•••"


def gettext_noop(text: str) -> str:
    """Mark a sentence for the translators' catalogue; it is translated where it is shown, since rules know no language."""
    return text


FILE: dict[str, str] = {
    "empty": gettext_noop("The file is empty. Export it again and look at it before you upload it."),
    "too_big": gettext_noop(
        "The file is larger than %(limit)s MB. Split it, and upload the parts one by one."
    ),
    "spreadsheet": gettext_noop(
        "This is a spreadsheet. Open it, choose “Save as”, then “CSV UTF-8 (comma delimited)”, and upload that file."
    ),
    "binary": gettext_noop(
        "This is not a text file. Export the contacts as CSV, and upload the file with the ending .csv."
    ),
    # Of imports before November 2026; such a byte costs one row by now.
    "encoding": gettext_noop(
        "The letters of this file can't be read (near row %(row)s). Save it as “CSV UTF-8”, and upload it again."
    ),
    "no_rows": gettext_noop(
        "The file has no rows below its header. Export it again with the contacts in it."
    ),
    "header_twice": gettext_noop(
        "Two columns are called “%(name)s”. Rename or delete one of them, so that it is clear which one counts."
    ),
    "too_many_columns": gettext_noop(
        "Row %(row)s has more than %(limit)s columns. Delete the columns that you don't need."
    ),
    "row_too_long": gettext_noop(
        "Row %(row)s is longer than %(limit)s characters. A quotation mark is probably not closed there or above."
    ),
    "field_too_long": gettext_noop(
        "A cell in row %(row)s is longer than %(limit)s characters. Shorten it, or leave its column out."
    ),
    "unreadable_row": gettext_noop("Row %(row)s can't be read as CSV. Look for stray quotation marks there."),
    "gave_up": gettext_noop(
        "The import broke off several times. What was imported stays. Ask your administrator to look at the log."
    ),
    "expired": gettext_noop("The file was kept for %(days)s days and is now deleted. Upload it again."),
}

ROW: dict[str, str] = {
    "cells": gettext_noop(
        "The row has %(found)s cells where the file has %(expected)s columns. Add or remove the separators."
    ),
    "row_too_long": gettext_noop("The row is longer than %(limit)s characters. Shorten it."),
    "field_too_long": gettext_noop(
        "A cell is longer than %(limit)s characters. Shorten it, or delete its column from the file."
    ),
    "open_quote": gettext_noop(
        "A quotation mark is opened and not closed. Add or remove one in your own file, and import the row from there."
    ),
    "letters": gettext_noop(
        "“%(value)s” holds letters that can't be read. Write them again, and save the file as “CSV UTF-8”."
    ),
    "no_text": gettext_noop("The cell holds a character that is no text (NUL). Write the cell again."),
    "rounded": gettext_noop(
        "Excel has rounded this number to “%(value)s”, which other people's numbers look like too. Format the column as"
        " text in the file that it comes from, and export it again."
    ),
    "email_missing": gettext_noop("There is no e-mail address. Fill it in, or remove the row."),
    "email_malformed": gettext_noop("“%(value)s” is not an e-mail address. Correct it."),
    "too_long": gettext_noop("The value is longer than %(limit)s characters. Shorten it."),
    "not_a_date": gettext_noop(
        "“%(value)s” is not a date, or not one like the others of its column. Write it as 2026-11-30 or 30-Nov-2026."
    ),
    "not_a_moment": gettext_noop(
        "“%(value)s” is not a date and time. Write it as 2026-11-30 14:05, in the clinic's own time."
    ),
    "not_a_number": gettext_noop("“%(value)s” is not a number. Write digits, with a point for decimals."),
    "not_yes_or_no": gettext_noop("“%(value)s” is neither yes nor no. Write yes or no, or leave it empty."),
    "in_the_future": gettext_noop("%(value)s lies in the future. Correct the date."),
    "too_long_ago": gettext_noop("%(value)s is too long ago. Check the year."),
    "death_before_birth": gettext_noop(
        "The date of death lies before the date of birth. Correct one of them."
    ),
    "topic_unknown": gettext_noop("There is no topic “%(value)s”. The topics are: %(known)s."),
    "record_broken": gettext_noop(
        "What is stored of this person can't be opened, so nothing was changed. Tell your administrator."
    ),
    "consent_incomplete": gettext_noop(
        "The consent has no source or no date, so it was not recorded. Add both, and import the row again."
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one row. `column` is a field's key, or empty where the whole row is meant.

    `values` fill the sentence; `value` among them quotes the file and may name a patient.
    """

    code: str
    column: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def message(self, translate: Callable[[str], str] = gettext_noop, *, masked: bool = False) -> str:
        """The sentence, in the language of `translate`; `masked` leaves only the first letter of what it quotes."""
        values = dict(self.values)
        if masked and "value" in values:
            values["value"] = mask(values["value"])
        return translate(ROW[self.code]) % values

    def packed(self) -> dict[str, Any]:
        """As JSON, to be sealed."""
        return {"code": self.code, "column": self.column, "values": dict(self.values)}

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> Self:
        """From the JSON of `packed`."""
        return cls(packed["code"], packed["column"], packed["values"])


class Unreadable(Exception):
    """The file as a whole can't be taken. `code` names the reason; `message` says what to do."""

    def __init__(self, code: str, **values: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.values = {key: str(value) for key, value in values.items()}

    def message(self, translate: Callable[[str], str] = gettext_noop) -> str:
        """The sentence, in the language of `translate`."""
        return translate(FILE[self.code]) % self.values

    def packed(self) -> dict[str, Any]:
        """As JSON. The values are numbers and names of columns, never a patient's."""
        return {"code": self.code, "values": self.values}


def mask(value: str) -> str:
    """The first letter and three dots: enough to find the cell, too little to know the person."""
    return value[:1] + MASK
