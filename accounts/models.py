"""Staff accounts, and the record that carries a factor's verified state."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, TimestampMixin


class Role(models.TextChoices):
    """What a person may do; accounts.access holds the table."""

    ADMINISTRATOR = "administrator", _("Administrator")
    MARKETER = "marketer", _("Marketer")
    APPROVER = "approver", _("Approver")
    ANALYST = "analyst", _("Analyst")
    COMPLIANCE = "compliance", _("Compliance officer")
    DEVELOPER = "developer", _("Developer")


class UserManager(BaseUserManager["User"]):
    """Looks people up by their address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person on the staff, known by a work address. Patients never have accounts."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    is_active = models.BooleanField(_("active"), default=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="America/New_York")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "accounts_user"

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        """Up to two letters for the round badge."""
        return "".join(part[0] for part in self.name.split()[:2]).upper()


class FactorDevice(TimestampMixin, Device):
    """The django-otp device that shadows one allauth authenticator, so that `user.is_verified()` is the only gate.

    `name` is the kind, as allauth calls it: what a person calls a passkey stands on the authenticator. `last_t` is the last
    30-second step whose code was used: a code works once, also after the cache has forgotten it (RFC 6238 section 5.2).
    `sign_count` is the last that a passkey told; one that doesn't grow may come from a copy (WebAuthn section 6.1.1).
    """

    authenticator: Any = models.OneToOneField(
        "mfa.Authenticator", on_delete=models.CASCADE, related_name="otp_device"
    )
    last_t: Any = models.BigIntegerField(default=-1)
    phishing_resistant: Any = models.BooleanField(default=False)
    sign_count: Any = models.BigIntegerField(default=0)

    class Meta(Device.Meta):
        db_table = "accounts_factor_device"

    def verify_token(self, token: str) -> bool:
        """Never by itself: codes are checked in our forms, under a lock on this row."""
        return False


class RecoveryDevice(Device):
    """A set of recovery codes. `confirmed` once the person has said that they are kept; only then do they let anybody in.

    A session that stands on one is verified for the factor pages alone.
    """

    made_at: Any = models.DateTimeField(default=timezone.now)

    class Meta(Device.Meta):
        db_table = "accounts_recovery_device"

    def verify_token(self, token: str) -> bool:
        """Never by itself: codes are used up by accounts.recovery."""
        return False


class RecoveryCode(models.Model):
    """One code of a set, kept as its hash alone: 125 random bits can't be guessed back."""

    device = models.ForeignKey(RecoveryDevice, models.CASCADE, related_name="codes")
    code_hash = models.BinaryField(max_length=32, unique=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_recovery_code"

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class Lockout(models.Model):
    """How often somebody guessed at an account in a row, and until when nothing is tried there any more.

    `key` is a keyed hash of what was typed as the address, whether or not anybody has an account with it: so the answer is the
    same. Counted before the guess is looked at, so that guesses at the same moment can't all be the first.
    """

    class Kind(models.TextChoices):
        """What was guessed at."""

        PASSWORD = "password", _("password")
        FACTOR = "factor", _("second factor")

    key = models.BinaryField(max_length=16)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    until = models.DateTimeField(null=True)
    told = models.BooleanField(default=False)

    class Meta:
        db_table = "accounts_lockout"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key", "kind"], name="one_lockout_a_key_and_kind")
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["last_at"], name="lockout_last_at")]

    def __str__(self) -> str:
        return f"lockout {self.pk}"


class FactorPolicy(models.Model):
    """Whether administrators and compliance officers must use a passkey; one row, as soon as somebody has decided."""

    passkeys_required = models.BooleanField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_factor_policy"

    def __str__(self) -> str:
        return "factor policy"


class SessionRecord(models.Model):
    """Whose session it is, since when, from where and by which browser: what Django's own row keeps inside its signed content.

    Written by the middleware, at most once a minute; deleted with the session.
    """

    session = models.OneToOneField("sessions.Session", models.CASCADE, related_name="record")
    user = models.ForeignKey(User, models.CASCADE, related_name="session_records")
    began_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    device = models.ForeignKey("KnownDevice", models.SET_NULL, null=True, related_name="session_records")

    class Meta:
        db_table = "accounts_session_record"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "last_seen_at"], name="session_record_of_user"),
        ]

    def __str__(self) -> str:
        return f"session {self.pk}"


class Invitation(models.Model):
    """An account that somebody is asked to open by a link. The link's token is kept as its hash alone and works once.

    Open until it is accepted, withdrawn, superseded by a newer one to the same address, or past `expires_at`.
    """

    email = models.EmailField(_("e-mail address"))
    name = models.CharField(_("name"), max_length=150)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    token_hash = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    accepted_by = models.OneToOneField(User, models.PROTECT, null=True, related_name="invitation")

    class Meta:
        db_table = "accounts_invitation"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(withdrawn_at=None, accepted_by=None),
                name="one_open_invitation_an_address",
            )
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class PasswordLink(models.Model):
    """A link by which somebody sets a new password; its token is kept as its hash alone, and works once.

    Asked for by the person, or by an administrator for them (`asked_by`). Open until one of the person's is used, their password
    is changed otherwise, their account is closed, or `expires_at` passes.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="password_links")
    token_hash = models.BinaryField(max_length=32, unique=True)
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_password_link"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "created_at"], name="password_link_of_user"),
        ]

    def __str__(self) -> str:
        return f"password link {self.pk}"


class AllowedNetwork(models.Model):
    """A network from which a role may be used. A role without any may be used from everywhere."""

    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    network = models.CharField(max_length=43)
    label = models.CharField(max_length=60, blank=True)

    class Meta:
        db_table = "accounts_allowed_network"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["role", "network"], name="one_network_of_a_role")
        ]

    def __str__(self) -> str:
        return f"{self.role} from {self.network}"


class KnownDevice(models.Model):
    """A browser that somebody has signed in with, in one network: the browser's cookie is kept as its hash alone.

    One that was forgotten stays as a row, and counts for nothing but that the account isn't a new one.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="known_devices")
    device_hash = models.BinaryField(max_length=32)
    network = models.CharField(max_length=43, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    forgotten_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_known_device"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "device_hash", "network"],
                condition=models.Q(forgotten_at=None),
                name="one_known_device_a_network",
            )
        ]

    def __str__(self) -> str:
        return f"known device {self.pk}"


class Alert(models.Model):
    """Something unusual that an administrator should look at: who, from when to when, and counts. Never a value of a patient.

    `key` says what it is about, so that the same thing is never raised twice. Open until somebody has said what they found.
    """

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=120, unique=True)
    person = models.ForeignKey(User, models.PROTECT, null=True, related_name="alerts")
    network = models.CharField(max_length=43, blank=True)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    counts = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    word = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "accounts_alert"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-raised_at"], name="alert_raised_at"),
            models.Index(fields=["raised_at"], name="alert_open", condition=models.Q(closed_at=None)),
        ]

    def __str__(self) -> str:
        return f"alert {self.pk}"


class AlertMark(models.Model):
    """How far the audit log has been looked at: one row, moved in the transaction that raises what was found."""

    watermark = models.BigIntegerField()

    class Meta:
        db_table = "accounts_alert_mark"

    def __str__(self) -> str:
        return f"looked at up to {self.watermark}"
