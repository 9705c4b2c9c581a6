"""Wellsent's settings, all from the environment. `manage.py servers start` supplies PostgreSQL and Redis where none are named.

DATABASE_URL, DATABASE_OWNER_URL, REDIS_URL     servers; without them the embedded ones under STATE_DIR are used
WELLSENT_STATE_DIR                              where embedded servers, journals and keys live (default: var/)
WELLSENT_SECRET_KEY, WELLSENT_ROOT_KEY, WELLSENT_ANCHOR_KEY   or the same with _FILE; made under STATE_DIR/keys for embedded
                                                servers only
WELLSENT_ANCHOR_DIR                             where the audit log's anchors are written (default: STATE_DIR/anchors)
WELLSENT_ANCHOR_PUBLIC_KEYS                     public keys that signed earlier anchors, separated by commas
WELLSENT_STAFF_URL, WELLSENT_PUBLIC_URL         addresses of the staff's and the patients' pages, on different hosts or ports
WELLSENT_TRUSTED_PROXIES                        how many proxies of your own stand in front, each adding to X-Forwarded-For
WELLSENT_IDLE_SECONDS, WELLSENT_LONGEST_SECONDS, WELLSENT_WARN_SECONDS   when a session ends by itself; shorter ones alone
WELLSENT_LOG_REVIEW                             how often the audit log is reviewed: weekly (default) or monthly
WELLSENT_DEMO                                   the demonstration: every mail goes to the sandbox on this machine
DELIVERY_DNS, DELIVERY_SMTP_PORT, DELIVERY_CA_FILE   resolver (host:port), port and authority to trust in place of the public ones
"""

import logging
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from marketing import environment, servers

BASE_DIR = Path(__file__).resolve().parent.parent
# Of a relative path all processes make the same folder, wherever they were started.
STATE_DIR = BASE_DIR / environment.text("WELLSENT_STATE_DIR", "var")
DEMO = environment.flag("WELLSENT_DEMO")

_external_url = environment.text("DATABASE_URL", "")
_embedded = None if _external_url else servers.running(STATE_DIR)
EMBEDDED = not _external_url
_keys = None if _external_url else STATE_DIR / "keys"
# An address where nothing listens: better a clear "not running" than a stranger's server on the default socket.
_nowhere = f"postgresql://nobody@/wellsent?host={STATE_DIR}/not-running"

DATABASE_URL = _external_url or (_embedded.database_url if _embedded else _nowhere)
DATABASE_OWNER_URL = environment.text("DATABASE_OWNER_URL", "") or (
    _embedded.database_owner_url if _embedded else DATABASE_URL
)
REDIS_URL = environment.text("REDIS_URL", "") or (
    _embedded.redis_url if _embedded else f"unix://{STATE_DIR}/not-running/valkey.sock"
)
SECRET_KEY = environment.secret("WELLSENT_SECRET_KEY", fallback_folder=_keys)
ROOT_KEY = environment.secret("WELLSENT_ROOT_KEY", fallback_folder=_keys)
# Signs how far the audit log has come: the seed of an Ed25519 key, which the database never holds.
ANCHOR_KEY = environment.secret("WELLSENT_ANCHOR_KEY", fallback_folder=_keys)
ANCHOR_PUBLIC_KEYS = [
    key for each in environment.text("WELLSENT_ANCHOR_PUBLIC_KEYS", "").split(",") if (key := each.strip())
]
ANCHOR_DIR = BASE_DIR / environment.text("WELLSENT_ANCHOR_DIR", str(STATE_DIR / "anchors"))

STAFF_URL = environment.text("WELLSENT_STAFF_URL", "http://localhost:8000").rstrip("/")
PUBLIC_URL = environment.text("WELLSENT_PUBLIC_URL", "http://localhost:8001").rstrip("/")
DEBUG = False
# The demonstration is looked at by whatever name leads to it: localhost, an address, a forwarded port. It holds nothing real.
ALLOWED_HOSTS = ["*"] if DEMO else sorted({urlsplit(url).hostname or "" for url in (STAFF_URL, PUBLIC_URL)})
USE_X_FORWARDED_HOST = DEMO
# Whose word about a client's address is believed; without a proxy that adds to the header, anybody could write it.
TRUSTED_PROXIES = environment.number("WELLSENT_TRUSTED_PROXIES", 0, most=5)
SECURE_SITE = STAFF_URL.startswith("https://")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_otp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "safeguards",
    "accounts",
    "accounts.organization",
    "contacts.consent",
    "contacts",
    "contacts.segments",
    "campaigns.designs",
    "campaigns.delivery",
    "campaigns.tracking",
    "campaigns",
    "marketing.compliance",
    "marketing.home",
    "marketing.demo",
    "marketing",
]
# Ours first, so that `migrate` is the one that also grants and makes keys.
INSTALLED_APPS.sort(key=lambda name: name != "safeguards")

MIDDLEWARE = [
    "accounts.middleware.RequestId",
    "accounts.middleware.Headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.Hosts",
    *(["marketing.demo.middleware.PatientsPages"] if DEMO else []),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.RequireVerified",
]

ROOT_URLCONF = "marketing.urls"
PUBLIC_URLCONF = "marketing.public_urls"
WSGI_APPLICATION = "marketing.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "marketing.home.context.shell",
                *(["marketing.demo.context.players"] if DEMO else []),
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.l10n",
                "django.templatetags.static",
                "django.templatetags.tz",
                "marketing.home.templatetags.look",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]

DATABASES = {
    "default": environment.database(DATABASE_URL),
    "owner": environment.database(DATABASE_OWNER_URL),
}
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A Redis that is there and doesn't answer (a stopped process, a network that swallows packets) holds nobody up for longer.
REDIS_PATIENCE = {"socket_connect_timeout": 5, "socket_timeout": 5}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": REDIS_PATIENCE,
    }
}

# Accounts: allauth keeps passwords and factors, django-otp says whether the session is verified (BEHAVIOURS A3).
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.OfKnownWords"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/account/login/"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# What strangers may reach: links of invitations and for new passwords, and asking for one; the other limits are allauth's own.
# Guesses wait for the count in the database (accounts.lockouts); allauth's limit is the outer bound.
ACCOUNT_RATE_LIMITS = {
    "invitation": "30/m/ip",
    "login_failed": "30/m/ip,20/5m/key",
    "password_link": "10/m/ip",
    "password_link_followed": "30/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE_SITE else "http"
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
MFA_FORMS = {
    "activate_totp": "accounts.forms.EnrolForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn"]
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_PASSKEY_LOGIN_ENABLED = MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_TOTP_ISSUER = "Wellsent"
MFA_TOTP_TOLERANCE = 1
MFA_TRUST_ENABLED = False
# Whether administrators and compliance officers are held to passkeys until one of them decides in Settings (BEHAVIOURS A4).
PASSKEYS_REQUIRED = not DEMO

SESSION_ENGINE = "django.contrib.sessions.backends.db"
# Automatic log-off (BEHAVIOURS A5): an organisation may be stricter, never laxer. The warning comes so long before.
IDLE_SECONDS = environment.number("WELLSENT_IDLE_SECONDS", 15 * 60, least=5, most=15 * 60)
LONGEST_SECONDS = environment.number(
    "WELLSENT_LONGEST_SECONDS", 12 * 3600, least=IDLE_SECONDS, most=12 * 3600
)
WARN_SECONDS = environment.number(
    "WELLSENT_WARN_SECONDS", min(120, IDLE_SECONDS // 3), least=1, most=IDLE_SECONDS - 1
)
SESSION_COOKIE_AGE = LONGEST_SECONDS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SITE
SESSION_COOKIE_NAME = "__Host-session" if SECURE_SITE else "wellsent-session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_SITE else "wellsent-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [STAFF_URL, PUBLIC_URL]
SECURE_HSTS_SECONDS = 63_072_000 if SECURE_SITE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_SITE or DEMO else None
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
# An id in a page must stay an id ("1,204" is none); what is read as a number is shown by `num`, which groups it.
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [("build", BASE_DIR / "static" / "build")]
# Served straight from the build, whose file names don't change; the age is short for the same reason.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 300

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["safeguards.uploads.SealedUploadHandler"]
IMPORT_MAX_BYTES = 300 * 1024 * 1024

# Celery: the row is the queue, so results are not kept, and a task that dies is found again by a sweep.
CELERY_BROKER_URL = environment.celery_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, **REDIS_PATIENCE}
CELERY_TASK_ROUTES = {
    "delivery.drain": {"queue": "marketing"},
    "delivery.send_notices": {"queue": "transactional"},
}
CELERY_BEAT_SCHEDULE = {
    "chain": {"task": "safeguards.chain", "schedule": 1.0, "options": {"expires": 5}},
    # Each asks whether fifteen minutes have passed, so that an anchor which couldn't be written is tried again soon.
    "anchor": {"task": "safeguards.anchor", "schedule": 60.0, "options": {"expires": 60}},
    "evidence": {"task": "delivery.digest", "schedule": 300.0, "options": {"expires": 300}},
    "sweep": {"task": "delivery.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "scheduled": {"task": "campaigns.sweep", "schedule": 5.0, "options": {"expires": 10}},
    "sessions": {"task": "accounts.end_overdue", "schedule": 60.0, "options": {"expires": 50}},
    "alerts": {"task": "accounts.look_for_unusual", "schedule": 60.0, "options": {"expires": 50}},
    "notices": {"task": "delivery.send_notices", "schedule": 5.0, "options": {"expires": 10}},
    "log": {"task": "compliance.sweep", "schedule": 60.0, "options": {"expires": 60}},
    "imports": {"task": "contacts.sweep_imports", "schedule": 5.0, "options": {"expires": 10}},
}

INDEX_SOCKET = Path(
    environment.text("WELLSENT_INDEX_SOCKET", "") or environment.socket_path(STATE_DIR, "index.sock")
)
JOURNAL_DIR = STATE_DIR / "journal"
DELIVERY_DNS = environment.text("DELIVERY_DNS", "")
DELIVERY_SMTP_PORT = int(environment.text("DELIVERY_SMTP_PORT", "25"))
DELIVERY_CA_FILE = environment.text("DELIVERY_CA_FILE", "")
# How often somebody has to review the audit log and sign: "weekly" or "monthly" (BEHAVIOURS A8).
LOG_REVIEW = environment.text("WELLSENT_LOG_REVIEW", "weekly")
# The sandbox's mail lies outside the database, and only in the demonstration.
SANDBOX_DIR = STATE_DIR / "sandbox"
CORPUS_DIR = Path(environment.text("CORPUS_DIR", str(BASE_DIR.parent / "shared" / "data")))

# What a library warns of goes through the same lines, which hold back what may name a person.
logging.captureWarnings(True)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "safeguards.redact.Lines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "celery": {"level": "WARNING"},
        "mail.log": {"level": "WARNING"},
    },
}
