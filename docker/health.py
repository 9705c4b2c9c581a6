"""Says by its exit status whether a container does its work: `health.py web|worker|beat|index`.

The standard library alone (and Celery's own ping), so that a check costs little.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

BEAT_SECONDS = 600  # beat writes its schedule every three minutes


def web() -> bool:
    """The sign-in page is served, which takes the database."""
    staff = urlsplit(os.environ["WELLSENT_STAFF_URL"])
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
    headers = {"Host": staff.netloc, "X-Forwarded-Proto": staff.scheme}
    try:
        connection.request("GET", "/account/login/", headers=headers)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def worker() -> bool:
    """This container's worker answers over the broker."""
    name = f"celery@{socket.gethostname()}"
    command = ["celery", "-A", "marketing.celery", "inspect", "ping", "--timeout=5", f"--destination={name}"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0  # noqa: S603 - our own programs


def beat() -> bool:
    """The schedule was written lately."""
    # Some kinds of dbm add an ending to the name.
    written = [path.stat().st_mtime for path in Path(os.environ["WELLSENT_STATE_DIR"]).glob("beat-schedule*")]
    return bool(written) and time.time() - max(written) < BEAT_SECONDS


def index() -> bool:
    """The index process takes connections."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        return client.connect_ex(os.environ["WELLSENT_INDEX_SOCKET"]) == 0


if __name__ == "__main__":
    checks = {"web": web, "worker": worker, "beat": beat, "index": index}
    sys.exit(0 if checks[sys.argv[1]]() else 1)
