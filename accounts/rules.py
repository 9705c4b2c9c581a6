"""How long guessing waits, what a recovery code looks like, and what devices, networks and time zones are called."""

import ipaddress
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# So many guesses in a row are taken for typing mistakes; after each further one the wait doubles, up to a quarter of an hour.
FREE_GUESSES = 4
FIRST_WAIT = 15
LONGEST_WAIT = 15 * 60
# Crockford's base 32: no letter that is read as a number or as another letter.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_READ_AS = str.maketrans("oil", "011")
# 25 letters of five bits each.
RECOVERY_CODES = 10
RECOVERY_BITS = 125

# The first that stands in the text counts: Edge calls itself Chrome as well, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)
# Regions of the zone database that people live in; the rest are old names for the same places.
_REGIONS = ("America", "Pacific", "Atlantic", "Europe", "Africa", "Asia", "Australia", "Indian")
# What most people here look for, first.
_NEAR = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
)


def wait_after(failures: int) -> int:
    """For how many seconds nothing is tried after so many wrong guesses in a row."""
    over = failures - FREE_GUESSES
    if over <= 0:
        return 0
    # The exponent is bounded as well: nobody makes us count to 2 to the millionth.
    return min(FIRST_WAIT << min(over - 1, 20), LONGEST_WAIT)


def recovery_words(number: int) -> str:
    """A number of 125 bits as five groups of five letters. Raises ValueError for any other."""
    if not 0 <= number < 1 << RECOVERY_BITS:
        raise ValueError(number)
    letters = "".join(_ALPHABET[number >> shift & 31] for shift in range(RECOVERY_BITS - 5, -1, -5))
    return "-".join(letters[start : start + 5] for start in range(0, len(letters), 5))


def recovery_normal(typed: str) -> str:
    """A recovery code as typed, in its one spelling: groups, case and letters that look like numbers don't matter."""
    return "".join(letter for letter in typed.lower() if letter.isascii() and letter.isalnum()).translate(
        _READ_AS
    )


def is_address(host: str) -> bool:
    """Whether a host is an address rather than a name: browsers make no passkey for an address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def device(user_agent: str) -> tuple[str, str]:
    """Browser and system as their makers call them, each empty where the text doesn't say. A browser may say anything: it is a
    hint for the person whose session it is, and decides nothing.
    """
    return _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for mark, name in known if mark in text), "")


def network(address: str | None) -> str:
    """An address without its last part: enough to tell the clinic from elsewhere; empty where there is none that is one."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return f"{str(found).rpartition('.')[0]}.…"
    return f"{':'.join(found.exploded.split(':')[:3])}:…"


@cache
def zones() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The time zones to choose from, by region; those of the United States come first, under an empty name."""
    known = available_timezones()
    regions = [
        (region, tuple(sorted(zone for zone in known if zone.startswith(f"{region}/") and zone not in _NEAR)))
        for region in _REGIONS
    ]
    return (("", _NEAR), *regions, ("UTC", ("UTC",)))


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
