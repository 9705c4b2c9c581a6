"""The queue door: the only way to wake a worker. The row is the queue; this is the alarm clock."""

import logging
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

EXPIRES = 120
"""Seconds after which a wake-up that nobody took is worth nothing: a sweep has asked again long since. Without an end the
queue would grow by a wake-up for each lane with each sweep while all workers are busy.
"""


_PING_SECONDS = 0.5
# A connection that broke while it was kept raises Redis' own error, one that can't be made Kombu's.
_AWAY = (OperationalError, RedisError, OSError)


def workers() -> list[str] | None:
    """The names (`queue@machine`) of the workers that answer within half a second; None where the broker is away."""
    try:
        answers = current_app.control.ping(timeout=_PING_SECONDS)
    except _AWAY:
        return None
    return sorted(name for answer in answers or () for name in answer)


def enqueue(name: str, **ids: int | UUID) -> None:
    """Ask a worker to run the task `name` after the present transaction commits.

    Integers and UUIDs only, so that no health data can reach the broker: anything else raises TypeError. A broker that is
    away delays the work until the next sweep finds its row, and never loses it.
    """
    for key, value in ids.items():
        if isinstance(value, bool) or not isinstance(value, int | UUID):
            raise TypeError(f"{key} must be an integer or a UUID, not {type(value).__name__}")
    arguments = {key: str(value) if isinstance(value, UUID) else value for key, value in ids.items()}

    def send() -> None:
        try:
            current_app.send_task(name, kwargs=arguments, retry=False, expires=EXPIRES)
        except _AWAY:
            logger.warning("queue away, %s waits for the sweep", name)

    transaction.on_commit(send)
