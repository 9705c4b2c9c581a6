"""Contacts and the imports they come by. What is known of a person stands in one sealed record."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from safeguards.fields import SealedField

KEPT = timedelta(days=7)  # a file from its upload, rows with problems from the import's end


class Contact(models.Model):
    """A person we may write to. Everything about them is in `record`; the columns beside it are hashes and times.

    `id` is allotted from its sequence before the record is sealed, since the seal binds it; `version` counts re-sealings and is
    bound as well, so that an old record can't be put back.
    """

    person_key = models.BinaryField(max_length=16, unique=True)
    address_hash = models.BinaryField(max_length=16)
    record = SealedField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    imported_by = models.ForeignKey("Import", models.PROTECT, null=True, related_name="contacts")

    class Meta:
        db_table = "contacts_contact"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["address_hash"], name="contact_address"),
        ]

    def __str__(self) -> str:
        return f"contact {self.pk}"


class Import(models.Model):
    """One file of contacts, from upload to the last row. The file lies here sealed, in parts, until the import is done."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Waiting for its columns to be mapped")
        CHECKING = "checking", _("Being checked")
        CHECKED = "checked", _("Checked, waiting for you")
        IMPORTING = "importing", _("Importing")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Could not be read")

    id = models.UUIDField(primary_key=True)
    # File name, header and, until the import ends, its first row and samples: a file's name may carry a patient's.
    about = SealedField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    encoding = models.CharField(max_length=20, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    has_header = models.BooleanField(default=True)
    columns = models.PositiveSmallIntegerField(default=0)
    mapping = models.JSONField(default=dict)  # column number (as text) to field key
    # Column number (as text) to how its dates with slashes are read: {"form": of rules.dates.Form, "by": "values", "chosen" or
    # "nobody", where the values leave it open and somebody has to say}.
    dates = models.JSONField(default=dict)
    size = models.BigIntegerField()
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    rows_good = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    warned = models.PositiveIntegerField(default=0)  # taken, but a consent was left out
    attempts = models.PositiveSmallIntegerField(default=0)  # workers that took it up since it last got on
    # Everybody in the file goes on this list, batch by batch.
    into_list = models.ForeignKey("ContactList", models.PROTECT, null=True, related_name="imports")
    problem = models.JSONField(null=True)  # code and values of contacts.rules.problems.FILE
    created_by = models.ForeignKey(User, models.PROTECT)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "contacts_import"

    def __str__(self) -> str:
        return f"import {self.pk}"

    @property
    def asks_for_dates(self) -> bool:
        """Whether nothing but a person can say how a column's dates are to be read."""
        return any(read["by"] == "nobody" for read in self.dates.values())

    @property
    def problems_until(self) -> datetime:
        """When the rows with problems are deleted (UTC): with the file, or seven days after the import's end."""
        ended = self.state in {self.State.DONE, self.State.FAILED}
        return (self.finished_at if ended and self.finished_at else self.created_at) + KEPT


class ImportedAgain(models.Model):
    """Somebody whom an import's file had and who was a contact already: the people behind its count of rows that updated."""

    source = models.ForeignKey(Import, models.CASCADE, related_name="again", db_index=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="+")

    class Meta:
        db_table = "contacts_imported_again"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["source", "contact"], name="imported_again_once")
        ]

    def __str__(self) -> str:
        return f"contact {self.contact_id} of import {self.source_id}"


class ContactList(models.Model):
    """People picked by hand or by a file, under a name. The name is sealed, since it may say what they have.

    `clinical` is said once, when the list is made: being on it says something about somebody's health. `people` counts the living
    contacts on it; the actions keep it, in the transaction of each change, so that no page counts a million rows.
    """

    record = SealedField()  # {"name": …, "description": …}
    version = models.PositiveIntegerField(default=1)
    clinical = models.BooleanField(default=False)
    people = models.PositiveIntegerField(default=0)
    last_added_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "contacts_list"

    def __str__(self) -> str:
        return f"list {self.pk}"


class Membership(models.Model):
    """A contact's time on a list: a row from being added until being removed, and a new row when they are added again.

    The index process reads it as a ledger. `batch` names what was added by one press or one import, so that it can be undone.
    """

    contact_list = models.ForeignKey(ContactList, models.PROTECT, related_name="memberships", db_index=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="memberships")
    batch = models.UUIDField()
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    imported_by = models.ForeignKey(Import, models.PROTECT, null=True, related_name="+", db_index=False)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        db_table = "contacts_membership"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["contact_list", "contact"],
                condition=models.Q(removed_at=None),
                name="membership_once",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["contact_list", "id"], name="membership_page", condition=models.Q(removed_at=None)
            ),
            models.Index(fields=["contact_list", "batch"], name="membership_batch"),
        ]

    def __str__(self) -> str:
        return f"membership {self.pk}"


class ImportPart(models.Model):
    """A piece (1 MiB at most) of an uploaded file, sealed."""

    source = models.ForeignKey(Import, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    sealed = SealedField()

    class Meta:
        db_table = "contacts_import_part"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["source", "number"], name="import_part_once")
        ]

    def __str__(self) -> str:
        return f"part {self.number}"


class ImportProblem(models.Model):
    """A row that could not be imported, sealed, with why. `codes` are names of problems and carry no value."""

    source = models.ForeignKey(Import, models.CASCADE, related_name="problems")
    row_number = models.PositiveIntegerField()
    codes = models.JSONField(default=list)
    record = SealedField()  # the row as it came, and the messages, which may quote it

    class Meta:
        db_table = "contacts_import_problem"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["source", "row_number"], name="import_problem_once")
        ]

    def __str__(self) -> str:
        return f"problem in row {self.row_number}"
