"""Logging: structured lines with ids only, and a last filter against addresses that slip into a message."""

import json
import logging
import re
from datetime import UTC, datetime

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+")
_TOKEN = re.compile(r"(/(?:[ucpom]|f/confirm)/)[A-Za-z0-9_-]{40,}")


def clean(text: str) -> str:
    """The text without e-mail addresses and link tokens."""
    return _TOKEN.sub(r"\1<token>", _ADDRESS.sub("<address>", text))


class Lines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message. Exceptions give their frames, never their locals or text.

    An exception's own text may quote a row or a value, so only its type is written.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": clean(record.getMessage()),
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
