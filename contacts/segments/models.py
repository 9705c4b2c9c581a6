"""Segments: named rule trees, sealed, since a rule about a condition says something about everybody in it."""

from django.db import models

from accounts.models import User
from contacts.models import ContactList
from safeguards.fields import SealedField


class Segment(models.Model):
    """A group of people described by rules; who is in it is asked anew each time."""

    record = SealedField()  # {"name": …, "tree": …}
    version = models.PositiveIntegerField(default=1)
    clinical = models.BooleanField(default=False)  # a rule asks about health
    # The lists that its rules name, in the clear: ids say nothing, and a list's page tells where it is used.
    lists = models.ManyToManyField(ContactList, related_name="segments")
    created_by = models.ForeignKey(User, models.PROTECT)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "segments_segment"

    def __str__(self) -> str:
        return f"segment {self.pk}"
