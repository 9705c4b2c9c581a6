"""Designs: what a message says, as a document of blocks; and versions, compiled once and never changed."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.organization.models import Brand


class Design(models.Model):
    """A document of blocks with a subject. A template when it stands alone; a campaign owns a copy of its own."""

    name = models.CharField(_("name"), max_length=120)
    subject = models.CharField(_("subject"), max_length=200)
    preheader = models.CharField(_("preview text"), max_length=200, blank=True)
    document = models.JSONField()
    is_template = models.BooleanField(default=False)
    # The template that this one began as a copy of; a copy stands by itself, so nothing follows from it but a count.
    copied_from = models.ForeignKey("self", models.PROTECT, null=True, related_name="copies")
    # What the last button took away, so that it can be put back: a block and its place, or the whole content before.
    set_aside = models.JSONField(null=True)
    archived_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True)
    created_at = models.DateTimeField()
    updated_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "designs_design"

    def __str__(self) -> str:
        return self.name


class DesignVersion(models.Model):
    """A design as it was when it was frozen: MJML compiled to HTML, the plain text, the links. Content-addressed by `digest`.

    `links` are the web addresses of the author's links in order; the compiled parts name them `{{ link:0 }}`, `{{ link:1 }}` …
    """

    append_only: ClassVar[bool] = True

    design = models.ForeignKey(Design, models.PROTECT, related_name="versions")
    brand = models.ForeignKey(Brand, models.PROTECT)
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=200)
    preheader = models.CharField(max_length=200, blank=True)
    document = models.JSONField()
    html = models.TextField()
    text = models.TextField()
    links = models.JSONField(default=list)
    fields = models.JSONField(default=list)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "designs_version"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["design", "number"], name="design_version_once")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Asset(models.Model):
    """A picture that mails show: re-encoded by us, under a random name that nobody guesses, never changed afterwards.

    It is served from the patients' host to whoever has the name, as mail programs must be able to: no picture of a person
    belongs here. `width` and `height` are in pixels.
    """

    append_only: ClassVar[bool] = True

    name = models.CharField(max_length=40, unique=True)
    content_type = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    content = models.BinaryField()
    created_by = models.ForeignKey(User, models.PROTECT, null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "designs_asset"

    def __str__(self) -> str:
        return self.name
