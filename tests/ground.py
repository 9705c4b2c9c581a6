"""Starts the real PostgreSQL and Valkey that every test stands on, before Django reads its settings.

Loaded by pytest as a plugin (`-p tests.ground`). Servers named by DATABASE_URL and REDIS_URL are used as they are.
"""

import os
import shutil
import tempfile
from pathlib import Path

from marketing.servers import Servers

_state = Path(tempfile.mkdtemp(prefix="wellsent-tests-"))
_servers: Servers | None = None

os.environ["WELLSENT_STATE_DIR"] = str(_state)
os.environ.setdefault("WELLSENT_SECRET_KEY", "tests-only-" + "0" * 40)
os.environ.setdefault("WELLSENT_ROOT_KEY", os.urandom(32).hex())
os.environ.setdefault("WELLSENT_ANCHOR_KEY", os.urandom(32).hex())
os.environ.pop("WELLSENT_DEMO", None)

if "DATABASE_URL" not in os.environ:
    _servers = Servers(_state)
    _addresses = _servers.start()
    os.environ["DATABASE_URL"] = _addresses.database_url
    os.environ["DATABASE_OWNER_URL"] = _addresses.database_owner_url
    os.environ["REDIS_URL"] = _addresses.redis_url


def servers() -> Servers | None:
    """The servers that were started for the tests, or None where named ones are used."""
    return _servers


def logs() -> Path:
    """The folder of the servers' own logs."""
    return _state / "log"


def pytest_unconfigure() -> None:
    """Stop what was started, and leave nothing behind."""
    if _servers is not None:
        _servers.stop()
        _servers.remove()
    shutil.rmtree(_state, ignore_errors=True)
