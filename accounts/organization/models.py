"""The organisation that this deployment serves, and its brands: the names under which it writes."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Organization(models.Model):
    """The one organisation of this deployment."""

    name = models.CharField(_("name"), max_length=120)
    phone = models.CharField(_("telephone"), max_length=40)
    time_zone = models.CharField(_("time zone"), max_length=64, default="America/New_York")

    class Meta:
        db_table = "organization_organization"

    def __str__(self) -> str:
        return self.name


class Brand(models.Model):
    """A sender identity: a name, a From address in a domain that we sign for, and the postal address the law asks for (C9)."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    from_name = models.CharField(_("sender's name"), max_length=120)
    from_address = models.EmailField(_("sender's address"))
    postal_address = models.CharField(_("postal address"), max_length=300)
    phone = models.CharField(_("telephone"), max_length=40)
    privacy_url = models.URLField(_("privacy notice"), blank=True)

    class Meta:
        db_table = "organization_brand"

    def __str__(self) -> str:
        return self.name

    @property
    def domain(self) -> str:
        """The domain that signs for this brand."""
        return self.from_address.rpartition("@")[2].lower()
