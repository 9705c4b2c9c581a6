"""What a device, a network and a time zone are called, for people who look at their sessions."""

import ipaddress
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

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
