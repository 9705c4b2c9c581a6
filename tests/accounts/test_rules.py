"""What devices, networks and zones are called."""

import pytest

from accounts import rules

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"
)
CHROME = EDGE.partition(" Edg")[0].replace("Windows NT 10.0; Win64; x64", "X11; Linux x86_64")
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile "
    "Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, ("Firefox", "Windows")),
        (EDGE, ("Edge", "Windows")),
        (CHROME, ("Chrome", "Linux")),
        (IPHONE, ("Safari", "iPhone")),
        (ANDROID, ("Chrome", "Android")),
        ("curl/8.5.0", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_device_in_words(user_agent: str, words: tuple[str, str]) -> None:
    assert rules.device(user_agent) == words


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.77", "203.0.113.…"),
        ("2001:db8:12:34::5", "2001:0db8:0012:…"),
        ("<script>", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_network_without_its_last_part(address: str | None, shown: str) -> None:
    assert rules.network(address) == shown


def test_zones_are_offered_once_each_and_exist() -> None:
    offered = [zone for _region, zones in rules.zones() for zone in zones]
    assert len(offered) == len(set(offered)) > 300
    assert offered[0] == "America/New_York"
    assert all(rules.is_zone(zone) for zone in offered)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "America", "\0"])
def test_what_is_no_zone(name: str) -> None:
    assert not rules.is_zone(name)
