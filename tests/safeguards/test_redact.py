"""Lines of the log: no address, no token of a link, no text of an exception, and always one line."""

import io
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from hypothesis import given
from hypothesis import strategies as st

from safeguards import redact, tokens


def line(message: str, *args: object, error: BaseException | None = None, **extra: Any) -> dict[str, Any]:
    """The line that this record is written as."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("room.module", logging.WARNING, __file__, 1, message, args, info)
    record.__dict__.update(extra)
    written = redact.Lines().format(record)
    assert "\n" not in written
    found: dict[str, Any] = json.loads(written)
    return found


@pytest.mark.parametrize(
    "address",
    [
        "ana.lopez@mail.example",
        "ANA+flu_2026@Mail.Example",
        "o'brien@sub.clinic.co.example",
        "ana@xn--bcher-kva.example",
        "jos\u00e9@correo.example",
        "ana@b\u00fccher.example",
        '"ana lopez"@mail.example',
        "ana@[192.0.2.7]",
        "ana%40mail.example",
        "ana@localhost",
    ],
)
@pytest.mark.parametrize("around", ["{}", "to <{}>, again", "rcpt='{}'", "a={}&b=1", "({})", "mailto:{}"])
def test_an_address_never_stands_in_a_line(address: str, around: str) -> None:
    said = line("contact %s", around.format(address))["message"]
    assert "<address>" in said
    for part in ("ana", "ANA", "brien", "jos", "lopez", "mail.example", "192.0.2.7"):
        if part in address:
            assert part not in said


@given(
    st.from_regex(r"[a-z0-9._+-]{1,30}@[a-z0-9-]{1,20}(\.[a-z0-9-]{1,10}){1,3}", fullmatch=True),
    st.text(max_size=30),
)
def test_no_address_survives_whatever_stands_around_it(address: str, around: str) -> None:
    assert address not in redact.clean(f"{around} {address} {around}")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["u", "p", "o", "c"])
def test_a_links_token_never_stands_in_a_line(kind: str) -> None:
    token = tokens.seal_link(kind, tokens.LinkToken(b"a" * 16, b"p" * 16, 1, 2, 3))
    for path in (
        f"/{kind}/{token}/",
        f"/{kind}/{token}.gif",
        f"https://mail.clinic.example/{kind}/{token}/?l=es",
    ):
        said = line("Not Found: %s", path)["message"]
        assert token not in said
        assert token[:40] not in said
        assert "<token>" in said


@pytest.mark.django_db
def test_the_shorter_tokens_are_no_exception() -> None:
    totals = tokens.totals_link("c", 7, 1)
    single, _ = tokens.new_single_use()
    for path in (f"/c/{totals}/", f"/f/confirm/{single}/", f"/account/password/{single}/"):
        said = line("Not Found: %s", path)["message"]
        assert totals not in said
        assert single not in said


@pytest.mark.parametrize("path", ["/u/{}/", "/p/{}/", "/c/{}/", "/o/{}.gif", "/m/{}/", "/f/confirm/{}/"])
def test_a_path_keeps_what_is_no_token(path: str) -> None:
    single, _ = tokens.new_single_use()
    assert redact.clean(f"Not Found: {path.format(single)}") == f"Not Found: {path.format('<token>')}"
    assert redact.clean("RCPT TO:<ana.lopez+x@goodmail.example> refused") == "RCPT TO:<<address>> refused"


@pytest.mark.parametrize(
    "said",
    [
        "import 0b9f0c2e-5a1e-4b7e-9d53-0e8a2f6f7a10 of 4 711 rows took 12.3 s",
        "Not Found: /campaigns/7/",
        "Not Found: /contacts/import/0b9f0c2e-5a1e-4b7e-9d53-0e8a2f6f7a10/progress/",
        "/static/build/app.css",
    ],
)
def test_what_is_no_secret_stays_readable(said: str) -> None:
    assert line(said)["message"] == said


def raised(make: Callable[[], Exception]) -> Exception:
    """An exception that has really been raised, with frames."""
    try:
        secret = "A1c 9.1 of ana@mail.example"
        raise make() from ValueError(secret)
    except Exception as error:  # noqa: BLE001 - any kind is asked for
        return error


def test_an_exception_gives_its_kind_and_its_frames_and_no_word_of_its_own() -> None:
    error = raised(lambda: KeyError("duplicate key (external_id)=(MRN-4711), diabetes"))
    found = line("the row was refused", error=error)
    assert found["exception"] == "KeyError"
    assert any("raised" in frame for frame in found["frames"])
    written = json.dumps(found)
    for secret in ("MRN-4711", "diabetes", "A1c", "ana@"):
        assert secret not in written


def test_a_broken_format_gives_no_argument_away(capsys: pytest.CaptureFixture[str]) -> None:
    """logging's own complaint about a bad call prints the arguments; ours says only where it was."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(redact.Lines())
    logger = logging.Logger("room.module")
    logger.addHandler(handler)
    logger.warning("%s and %s", "ana@mail.example")
    said = capsys.readouterr().err
    assert "ana@mail.example" not in said
    assert "test_redact.py" in said or "room.module" in said


def test_a_line_carries_its_request_and_its_time() -> None:
    found = line("done", request_id="abc123")
    assert (found["request_id"], found["level"], found["logger"]) == ("abc123", "WARNING", "room.module")
    assert found["at"].endswith("+00:00")


def test_a_line_break_in_a_message_makes_no_second_line() -> None:
    """Else whoever chooses a path could write lines of the log."""
    assert line("Not Found: %s", '/x\n{"level": "INFO"}')["message"].startswith("Not Found")


def test_a_task_that_fails_says_its_kind_and_not_its_words() -> None:
    """Celery writes the exception's own text into its line, and a database's text quotes the row."""
    app = Celery("failing", set_as_current=False)

    @app.task(name="failing.task")
    def failing() -> None:
        raise ValueError("duplicate key (external_id)=(MRN-4711), diabetes")

    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(redact.Lines())
    logger = logging.getLogger("celery.app.trace")
    logger.addHandler(handler)
    try:
        build_tracer(failing.name, failing, app=app)("1", [], {}, {"id": "1"})
    finally:
        logger.removeHandler(handler)
    found = json.loads(written.getvalue())
    assert found["exception"] == "ValueError"
    assert "Task failing.task[1] raised unexpected: ValueError" in found["message"]
    for secret in ("MRN-4711", "diabetes"):
        assert secret not in written.getvalue()


def test_an_exception_given_as_an_argument_is_its_kind_alone() -> None:
    error = raised(lambda: KeyError("MRN-4711"))
    assert line("it failed: %s, %r", error, error)["message"] == "it failed: KeyError, 'KeyError'"
    assert line("it failed: %(why)s", {"why": error})["message"] == "it failed: KeyError"
    assert line(error)["message"] == "KeyError"  # type: ignore[arg-type]
    assert line("a percent sign: %d %% of 7")["message"] == "a percent sign: %d %% of 7"
