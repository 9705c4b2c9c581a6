"""The browser of the tests: a Chromium that comes as an npm package, so that the machine needs none.

`@sparticuz/chromium` ships a headless shell and its libraries, compressed. The package's own launcher isn't
used: it takes any file of the right name from the temporary directory, and its flags switch web security off.
"""

import fcntl
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import playwright

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "node_modules" / "@sparticuz" / "chromium"
UNPACKED = REPOSITORY / "var" / "browser"

# A browser under test speaks to the addresses that the test opens and to nobody else.
ARGUMENTS = [
    "--no-sandbox",  # CI is root in a container, where Chromium's sandbox refuses to start
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--font-render-hinting=none",
    # Every name that isn't this machine's is unknown, so a stray request fails and is seen.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
]

# The package's own list of font directories names places of another kind of machine. One family, the same
# everywhere, keeps pictures alike.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""

# Playwright brings a Node of its own; its zlib reads brotli, which Python's standard library does not.
INFLATE = (
    "const [source, target] = process.argv.slice(1);"
    "const fs = require('fs'), zlib = require('zlib'), { pipeline } = require('stream');"
    "pipeline(fs.createReadStream(source), zlib.createBrotliDecompress(), fs.createWriteStream(target),"
    " (error) => { if (error) { console.error(error.message); process.exit(1); } });"
)


def executable() -> Path:
    """Give the browser's program, unpacked under var/browser at the first call for a version."""
    package = PACKAGE / "package.json"
    if not package.exists():
        raise RuntimeError("The browser of the tests is missing. Run: make test")
    version: str = json.loads(package.read_text())["version"]
    folder = UNPACKED / version
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with (UNPACKED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _unpack(folder)
    return folder / "chromium"


def launch_options() -> dict[str, Any]:
    """Give what `playwright.chromium.launch()` needs to start this browser: `launch(**launch_options())`."""
    program = executable()
    folder = program.parent
    environment = {
        "HOME": str(folder),
        "PATH": os.environ.get("PATH", ""),
        "LD_LIBRARY_PATH": f"{folder / 'al2023' / 'lib'}:{folder}",
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "TZ": "UTC",
        "LANG": "C.UTF-8",
    }
    return {"executable_path": str(program), "args": ARGUMENTS, "env": environment, "headless": True}


def _unpack(folder: Path) -> None:
    """Inflate the browser, its libraries and fonts beside the final place, and move them there whole."""
    for other in UNPACKED.iterdir():
        if other.is_dir():
            shutil.rmtree(other)
    unfinished = folder.with_suffix(".new")
    unfinished.mkdir()
    _inflate(PACKAGE / "bin" / "chromium.br", unfinished / "chromium")
    (unfinished / "chromium").chmod(0o755)
    for name, target in (("al2023", "al2023"), ("fonts", "fonts"), ("swiftshader", ".")):
        archive = unfinished / f"{name}.tar"
        _inflate(PACKAGE / "bin" / f"{name}.tar.br", archive)
        with tarfile.open(archive) as opened:
            opened.extractall(unfinished / target, filter="data")
        archive.unlink()
    places = {"fonts": escape(str(folder / "fonts")), "cache": escape(str(folder / "fonts-cache"))}
    (unfinished / "fonts.conf").write_text(FONTS.format(**places))
    unfinished.rename(folder)


def _inflate(source: Path, target: Path) -> None:
    node = Path(playwright.__file__).parent / "driver" / "node"
    subprocess.run([node, "-e", INFLATE, source, target], check=True, stdin=subprocess.DEVNULL)
