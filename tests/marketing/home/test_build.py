"""The build of the assets: stable names, nothing from elsewhere, and no icon that does not exist."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the build reads, so that the real build is left alone."""
    shutil.copytree(ROOT / "static" / "src", tmp_path / "static" / "src")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    shutil.copytree(ROOT / "marketing" / "home", tmp_path / "marketing" / "home")
    (tmp_path / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    return tmp_path


def build(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the build of a tree with the Node of the environment or of the machine."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    node = shutil.which("node", path=places)
    assert node, "Node is missing; make test installs it"
    return subprocess.run(
        [node, "static/src/build.mjs"], cwd=tree, capture_output=True, text=True, check=False, timeout=60
    )


def test_build_writes_stable_names_and_asks_no_other_host(tree: Path) -> None:
    done = build(tree)
    assert (done.returncode, done.stderr) == (0, "")
    output = tree / "static" / "build"
    assert {path.name for path in output.iterdir()} == {
        "app.css",
        "app.js",
        "favicon.svg",
        "fonts",
        "icons.svg",
        "patient.css",
    }
    styles = (output / "app.css").read_text(encoding="utf-8") + (output / "patient.css").read_text(
        encoding="utf-8"
    )
    addresses = re.findall(r"""url\(["']?([^"')]+)""", styles)
    assert addresses
    assert all(address.startswith(("data:", "./fonts/")) for address in addresses)
    for address in addresses:
        if address.startswith("./"):
            assert (output / address).is_file()


def test_sprite_holds_the_icons_that_templates_and_python_name(tree: Path) -> None:
    (tree / "templates" / "extra.html").write_text(
        """{% icon "rocket" %}{% icon 'plant' "x" %}{% include "x" with icon="ghost" %}""", encoding="utf-8"
    )
    (tree / "marketing" / "extra.py").write_text(
        'CARD = Card(icon="cactus")\nMARK = {"icon": "anchor"}\n', encoding="utf-8"
    )
    (tree / "marketing" / "home" / "context.py").write_text(
        'ITEM = ("x", _("Boats"), "sailboat", None)\n', encoding="utf-8"
    )
    assert build(tree).returncode == 0
    sprite = (tree / "static" / "build" / "icons.svg").read_text(encoding="utf-8")
    names = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    assert {"rocket", "plant", "ghost", "cactus", "anchor", "sailboat", "mail-heart"} <= names
    assert "bicycle" not in names


def test_unknown_icon_stops_the_build_and_keeps_the_last_one(tree: Path) -> None:
    assert build(tree).returncode == 0
    (tree / "templates" / "extra.html").write_text('{% icon "no-such-icon" %}', encoding="utf-8")
    failed = build(tree)
    assert failed.returncode == 1
    assert "no-such-icon (named in templates/extra.html)" in failed.stderr
    assert (tree / "static" / "build" / "app.js").is_file()
