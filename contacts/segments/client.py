"""Asks the index process, with a time limit."""

import socket

from django.conf import settings

from contacts.segments import wire
from contacts.segments.wire import Answer

TIMEOUT_SECONDS = 5.0


class IndexAway(Exception):
    """The index process can't be reached, still reads, or last heard from the database too long ago. Try again in a moment."""


def ask(
    question: wire.Question, *, timeout: float = TIMEOUT_SECONDS, freshness: float | None = None
) -> Answer:
    """The answer to a question, never a refused one.

    Raises IndexAway where no answer comes within `timeout` seconds, where the process isn't ready, and where what it knows is
    older than `freshness` seconds (None: any age will do).
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(settings.INDEX_SOCKET))
            connection.sendall(wire.encode(question))
            body = wire.receive(connection, wire.MAX_ANSWER)
        answer = wire.decode_answer(body or b"")
    except (OSError, wire.FrameError, ValueError) as error:
        raise IndexAway(type(error).__name__) from None
    if answer.refused:
        raise IndexAway(answer.refused)
    if freshness is not None and answer.age > freshness:
        raise IndexAway("stale")
    return answer
