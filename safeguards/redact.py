"""Logging: structured lines with ids only, and a last filter against addresses that slip into a message."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime

# A local part (RFC 5321 section 4.1.2: atoms or a quoted string; bounded, so that a long line costs no more than its length),
# "@" as it is or as an address line escapes it, and a domain, a name alone or an address literal.
_ADDRESS = re.compile(
    r"""(?:"(?:[^"\\]|\\.){1,256}"|[\w.!#$%&'*+/=?^`{|}~-]{1,256})(?:@|%40)(?:\[[^\]\s]{1,64}\]|[\w-]+(?:\.[\w-]+)*)"""
)
# What stands in our links: long in every kind, shorter where the path says that it is one. An import's id is shorter still.
_TOKEN = re.compile(
    r"(?<=/[ucpom]/)[A-Za-z0-9_-]{16,}|(?<=/confirm/)[A-Za-z0-9_-]{16,}|(?<=[/=])[A-Za-z0-9_-]{40,}"
)


def clean(text: str) -> str:
    """The text without e-mail addresses and link tokens."""
    return _TOKEN.sub("<token>", _ADDRESS.sub("<address>", text))


def _kind(value: object) -> object:
    """An argument as it may be written: of an exception its kind alone."""
    return type(value).__name__ if isinstance(value, BaseException) else value


def _arguments(record: logging.LogRecord) -> object:
    if isinstance(record.args, Mapping):
        told = {name: _kind(value) for name, value in record.args.items()}
        if record.exc_info and record.exc_info[0] and "exc" in told:
            # Celery says why a task failed by the exception's own text, which it has made into a string already.
            told |= {"exc": record.exc_info[0].__name__, "traceback": ""}
        return told
    return tuple(_kind(value) for value in record.args or ())


def _message(record: logging.LogRecord) -> str:
    try:
        arguments = _arguments(record)
        return clean(str(record.msg) % arguments if arguments else str(_kind(record.msg)))
    except (TypeError, ValueError, LookupError, AttributeError):
        # A call whose arguments don't fit: logging itself would print them to say so.
        return f"a malformed log call at {record.filename}:{record.lineno}"


class Lines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message. Exceptions give their frames, never their locals or text.

    An exception's own text may quote a row or a value, so only its type is written.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if request_id := getattr(record, "request_id", ""):
            line["request_id"] = request_id
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            frames = []
            trace = record.exc_info[2]
            while trace:
                code = trace.tb_frame.f_code
                frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
                trace = trace.tb_next
            line["frames"] = frames[-12:]
        return json.dumps(line, ensure_ascii=False)
