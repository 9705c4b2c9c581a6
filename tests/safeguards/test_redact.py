"""The last filter before the log: no address and no token of a link, whoever wrote the line."""

import json
import logging
import sys

import pytest

from safeguards import tokens
from safeguards.redact import Lines, clean

LINK = "AQ" + "x9_-" * 30


@pytest.mark.parametrize("path", ["/u/{}/", "/p/{}/", "/c/{}/", "/o/{}.gif", "/m/{}/", "/f/confirm/{}/"])
def test_tokens_of_links_are_cut_out(path: str) -> None:
    single_use, _ = tokens.new_single_use()
    for token in (LINK, single_use):
        said = clean(f"Not Found: {path.format(token)}")
        assert token not in said
        assert said == f"Not Found: {path.format('<token>')}"


@pytest.mark.parametrize(
    "line", ["Not Found: /campaigns/7/", "mailing 977 took 40 s", "/static/build/app.css"]
)
def test_the_rest_stays(line: str) -> None:
    assert clean(line) == line


def test_addresses_are_cut_out() -> None:
    assert clean("RCPT TO:<ana.lopez+x@goodmail.example> refused") == "RCPT TO:<<address>> refused"


def test_an_exception_gives_its_frames_and_never_its_text() -> None:
    try:
        raise ValueError("row 7: Ana Lopez, E11.9")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "import %s", (7,), sys.exc_info())
    line = json.loads(Lines().format(record))
    assert (line["message"], line["exception"]) == ("import 7", "ValueError")
    assert "Lopez" not in json.dumps(line)
    assert line["frames"][-1].startswith("test_redact.py:")
