"""What the environment says, and what is made of it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from marketing import environment
from marketing.processes import ROOT


def test_a_sockets_path_fits_wherever_the_folders_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert environment.socket_path(Path("/srv/wellsent"), "index.sock") == Path("/srv/wellsent/index.sock")
    deep = tmp_path / ("long-" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    path = environment.socket_path(deep, "index.sock")
    try:
        assert len(os.fsencode(path)) <= 90
        assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        path.parent.rmdir()


def test_a_relative_state_folder_is_one_folder_for_all_processes(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from django.conf import settings; print(settings.STATE_DIR)"],
        cwd=tmp_path,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "marketing.settings",
            "PYTHONPATH": str(ROOT),
            "WELLSENT_STATE_DIR": "var/elsewhere",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(said.stdout.strip()) == ROOT / "var" / "elsewhere"
