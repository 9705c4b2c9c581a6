"""Reads what the environment says: secrets from variables or files, databases from URLs."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def secret(name: str, *, fallback_folder: Path | None) -> str:
    """The secret called `name`: from the variable, or from the file that `<name>_FILE` points to.

    Where neither is set and `fallback_folder` is given (the embedded set-up), a random secret of 256 bits is
    made there once, readable by its owner alone. Without a folder an absent secret is an error, since a
    production system that invents a key loses its data at the next start.
    """
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    if fallback_folder is None:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE. See docs/runbooks/production.md.")
    file = fallback_folder / name.lower().replace("_", "-")
    if not file.exists():
        fallback_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = fallback_folder / f".{file.name}.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            # link() refuses to replace: two processes starting at once agree on one key.
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text().strip()


def database(url: str) -> dict[str, object]:
    """Django's settings for a `postgresql://` URL; a socket folder is given as `?host=/folder`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or parts.hostname or "",
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": query,
    }


def flag(name: str, *, default: bool = False) -> bool:
    """Whether the variable is on: 1, true, yes or on."""
    value = os.environ.get(name, "")
    return value.lower() in {"1", "true", "yes", "on"} if value else default


def number(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """The variable as a whole number from `least` to `most`, or the default where it is unset or empty."""
    value = text(name, str(default))
    limits = f"from {least} to {most}" if most is not None else f"of at least {least}"
    if not (
        value.isascii() and value.isdigit() and least <= int(value) and (most is None or int(value) <= most)
    ):
        raise ImproperlyConfigured(f"{name} must be a whole number {limits}, not {value!r}.")
    return int(value)


def celery_url(redis_url: str) -> str:
    """Celery's form of a Redis URL: sockets are `redis+socket://` there and `unix://` everywhere else."""
    return (
        redis_url.replace("unix://", "redis+socket://", 1) if redis_url.startswith("unix://") else redis_url
    )


def text(name: str, default: str) -> str:
    """The variable's text, or the default where it is unset or empty."""
    return os.environ.get(name) or default


def socket_path(folder: Path, name: str) -> Path:
    """A Unix socket's path under `folder`, or under a temporary folder where that would be too long for the kernel."""
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    beside = f"wellsent-{os.getuid()}-{digest}"
    if len(os.fsencode(folder / name)) <= 90:
        return folder / name
    # The user's own temporary folder may be as long.
    temporary = Path(tempfile.gettempdir())
    private = (temporary if len(os.fsencode(temporary / beside / name)) <= 90 else Path("/tmp")) / beside  # noqa: S108 - private, and checked
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid():
        raise ImproperlyConfigured(f"{private} belongs to somebody else; set WELLSENT_INDEX_SOCKET.")
    return private / name
