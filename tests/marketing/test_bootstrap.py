"""Set-up, run for real on a checkout that needs next to nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BUILD = "import fs from 'node:fs'; fs.mkdirSync('static/build', { recursive: true });"


class Checkout:
    """A checkout with set-up's own files, empty locks and a build that makes an empty folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("marketing", "static/src", "templates"):
            (root / folder).mkdir(parents=True)
        shutil.copy(REPOSITORY / "marketing" / "bootstrap.py", root / "marketing")
        for lock in ("requirements-uv.lock", "requirements-node.lock"):
            shutil.copy(REPOSITORY / lock, root)
        self.write("requirements.lock", "# none")
        self.write("requirements-dev.lock", "# none, for development")
        self.write("package.json", '{"name": "bare", "version": "1.0.0"}')
        package = '{"name": "bare", "version": "1.0.0"}'
        self.write(
            "package-lock.json",
            f'{{"name": "bare", "version": "1.0.0", "lockfileVersion": 3, "packages": {{"": {package}}}}}',
        )
        self.write("static/src/build.mjs", BUILD)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def setup(self, *arguments: str) -> list[str]:
        """Run set-up and give the steps that it took."""
        answer = self.try_setup(*arguments)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return [line.removeprefix("setup: ").split(" … ")[0] for line in answer.stdout.splitlines()]

    def try_setup(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "marketing/bootstrap.py", *arguments],
            cwd=self.root,
            env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that is set up for running."""
    made = Checkout(tmp_path_factory.mktemp("checkout"))
    steps = made.setup()
    assert steps[0].startswith("Python environment")
    assert steps[1:] == ["uv", "Python packages", "Node packages", "Styles, scripts and icons"]
    return made


def test_a_second_run_does_nothing(checkout: Checkout) -> None:
    assert checkout.setup() == []


def test_what_was_set_up_for_development_is_not_cut_back(checkout: Checkout) -> None:
    steps = checkout.setup("--dev")
    assert steps[:2] == ["Python packages, for development", "Node packages, for development"]
    assert checkout.setup("--dev") == []
    assert checkout.setup() == []
    checkout.write("requirements-dev.lock", "# changed")
    assert checkout.setup() == ["Python packages, for development"]


@pytest.mark.parametrize("name", ["static/src/app.css", "templates/page.html", "marketing/context.py"])
def test_assets_follow_all_that_they_are_made_from(checkout: Checkout, name: str) -> None:
    for text in ("one", "two"):
        checkout.write(name, text)
        assert checkout.setup() == ["Styles, scripts and icons"]
        assert checkout.setup() == []


def test_assets_that_were_deleted_come_back(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / "static" / "build")
    assert checkout.setup() == ["Styles, scripts and icons"]


def test_a_failed_step_is_named_and_done_again(checkout: Checkout) -> None:
    checkout.write("static/src/build.mjs", "console.error('No such icon: nonesuch'); process.exit(1);")
    answer = checkout.try_setup()
    assert answer.returncode == 1
    assert "Styles, scripts and icons … failed" in answer.stdout
    assert "No such icon: nonesuch" in answer.stderr
    assert checkout.try_setup().returncode == 1
    checkout.write("static/src/build.mjs", BUILD)
    assert checkout.setup() == ["Styles, scripts and icons"]


def test_a_package_without_its_hash_is_refused(checkout: Checkout) -> None:
    before = (checkout.root / "requirements-dev.lock").read_text()
    checkout.write("requirements-dev.lock", "idna==3.10")
    answer = checkout.try_setup("--dev")
    assert answer.returncode == 1
    assert "hash" in answer.stderr
    checkout.write("requirements-dev.lock", before)
    checkout.setup("--dev")
