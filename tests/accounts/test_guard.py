"""Default deny, the right host, and the headers: on the real addresses of the product (BEHAVIOURS A2, H)."""

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.conf import settings
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from accounts import access
from accounts.access import Permission
from accounts.middleware import CSP, ENROL, PUBLIC, Hosts
from accounts.models import Role
from safeguards.models import AuditEvent
from tests import cast

STAFF, PATIENTS = urlsplit(settings.STAFF_URL).netloc, urlsplit(settings.PUBLIC_URL).netloc
SAMPLES = {"int": "7", "uuid": str(UUID(int=7)), "slug": "seven", "str": "seven", "path": "seven"}

# What a stranger gets from the pages that ask for nobody's name. Whoever adds one adds it here.
OPEN = {
    "account_login": 200,
    "account_logout": 302,
    "mfa_authenticate": 302,
    "account_recover": 302,
    # Links that were never ours.
    "account_invitation": 404,
    "password_link": 404,
    "password_forgotten": 200,
    # Says "nobody" to everybody who isn't in.
    "account_session": 200,
    "health": 200,
}


def patterns(found: list[URLPattern | URLResolver], before: str = "/") -> Iterator[tuple[str, str]]:
    """Every address as (name, sample path)."""
    for entry in found:
        path = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, path)
            continue
        for name, converter in entry.pattern.converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
            path = path.replace(f"<{kind}:{name}>", SAMPLES[kind]).replace(f"<{name}>", SAMPLES[kind])
        yield entry.name or "", path


def staff_pages() -> list[tuple[str, str]]:
    return list(patterns(get_resolver(settings.ROOT_URLCONF).url_patterns))


def patient_pages() -> list[tuple[str, str]]:
    return list(patterns(get_resolver(settings.PUBLIC_URLCONF).url_patterns))


@pytest.fixture
def stranger(db: None) -> Client:
    """A browser that nobody has signed in with."""
    return Client(headers={"host": STAFF})


def assert_headers(answer: HttpResponseBase) -> None:
    assert answer["Content-Security-Policy"] == CSP
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Permissions-Policy"]
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Request-ID"]
    assert "no-store" in answer["Cache-Control"]


def test_the_open_pages_are_listed() -> None:
    assert set(OPEN) == PUBLIC
    assert {name for name, _ in staff_pages()} >= PUBLIC | ENROL


def test_a_stranger_gets_sign_in_everywhere_else(stranger: Client) -> None:
    for name, path in staff_pages():
        for answer in (stranger.get(path), stranger.post(path)):
            assert_headers(answer)
            if name in OPEN:
                continue
            assert answer.status_code == 302, (name, path)
            assert str(answer["Location"]).startswith("/account/login/"), (name, path)
    for name, status in OPEN.items():
        path = dict(staff_pages())[name]
        assert stranger.get(path).status_code == status, name


def test_the_policy_allows_nothing_inline_and_nothing_foreign() -> None:
    assert "unsafe" not in CSP
    assert "http" not in CSP
    for directive in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert f"{directive} 'none'" in CSP


@pytest.mark.parametrize("path", ["/no-such-page/", "/campaigns/../etc/passwd", "/static/build/none.css"])
def test_an_absent_page_has_the_headers_too(stranger: Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 404
    assert answer["Content-Security-Policy"] == CSP
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("host", ["evil.example", "localhost:99999", f"{STAFF}@evil.example"])
def test_a_foreign_host_is_refused_with_the_headers(db: None, host: str) -> None:
    answer = Client(headers={"host": host}).get("/account/login/")
    assert answer.status_code == 400
    assert_headers(answer)


def test_each_host_has_its_own_pages(db: None) -> None:
    staff, patients = Client(headers={"host": STAFF}), Client(headers={"host": PATIENTS})
    both = {path for _, path in staff_pages()} & {path for _, path in patient_pages()}
    assert both == {"/health/"}
    for _, path in staff_pages():
        if path not in both:
            assert patients.get(path).status_code == 404, path
            assert patients.post(path).status_code == 404, path
    for _, path in patient_pages():
        if path not in both:
            assert staff.get(path).status_code == 404, path
            assert staff.post(path).status_code == 404, path


@pytest.mark.parametrize(
    ("staff", "public", "host", "is_public"),
    [
        ("https://staff.north.example", "https://mail.north.example", "mail.north.example", True),
        ("https://staff.north.example", "https://mail.north.example", "staff.north.example", False),
        ("https://north.example", "https://north.example:8443", "north.example:8443", True),
        ("https://north.example", "https://north.example:8443", "north.example", False),
        ("http://[::1]:8000", "http://[::1]:8001", "[::1]:8001", True),
    ],
)
def test_patients_pages_are_told_by_host_or_by_port(
    settings: Settings, staff: str, public: str, host: str, is_public: bool
) -> None:
    for name, value in (("STAFF_URL", staff), ("PUBLIC_URL", public), ("ALLOWED_HOSTS", ["*"])):
        setattr(settings, name, value)
    request = RequestFactory().get("/", headers={"host": host}, secure=staff.startswith("https"))
    seen: list[object] = []

    def page(request: object) -> HttpResponseBase:
        seen.append(request)
        return HttpResponseBase()

    Hosts(page)(request)
    assert [one.is_public for one in seen] == [is_public]  # type: ignore[attr-defined]


# A2, A7: who may do what. A right that moves has to be moved here as well.
MAY = {
    Role.ADMINISTRATOR: set(Permission) - {Permission.DELIVER, Permission.INDEX_CONTACTS},
    Role.APPROVER: {
        Permission.VIEW_CONTACTS,
        Permission.VIEW_SEGMENTS,
        Permission.VIEW_CAMPAIGNS,
        Permission.VIEW_REPORTS,
        Permission.VIEW_SENDING,
        Permission.APPROVE_MAILING,
    },
    Role.ANALYST: {Permission.VIEW_SEGMENTS, Permission.VIEW_CAMPAIGNS, Permission.VIEW_REPORTS},
    Role.COMPLIANCE: {
        Permission.VIEW_CAMPAIGNS,
        Permission.VIEW_REPORTS,
        Permission.EXPORT_EVIDENCE,
        Permission.VIEW_AUDIT,
    },
    Role.DEVELOPER: set(),
}


@pytest.mark.parametrize("role", MAY)
def test_each_role_may_what_the_table_says(role: Role) -> None:
    assert access.ROLES[role] == MAY[role]


def test_a_marketer_neither_approves_nor_sees_charts() -> None:
    may = access.ROLES[Role.MARKETER]
    assert not may & {
        Permission.APPROVE_MAILING,
        Permission.VIEW_CLINICAL,
        Permission.MANAGE_PEOPLE,
        Permission.VIEW_AUDIT,
        Permission.DELIVER,
    }
    assert Permission.LAUNCH_CAMPAIGN in may


def test_a_refusal_is_written_down_even_where_the_work_is_undone(own_database: str) -> None:
    with pytest.raises(access.Denied):
        access.require(cast.actor(cast.ann()), Permission.VIEW_CONTACTS)
    row = AuditEvent.objects.get(action="access.denied")
    assert (row.outcome, row.actor_display, row.details) == (
        "denied",
        "Ann Patel",
        {"permission": "view contacts"},
    )


def test_what_opens_depends_on_who_asks(own_database: str) -> None:
    marketer = access.grant(cast.actor(cast.dana()), Permission.VIEW_CONTACTS)
    assert marketer.fields == access.IDENTITY_FIELDS | access.LIST_FIELDS
    assert "first_name" in marketer.fields
    administrator = access.grant(cast.actor(cast.ada()), Permission.VIEW_CONTACTS)
    assert administrator.fields > marketer.fields or administrator.fields != marketer.fields
    segments = access.grant(cast.actor(cast.ann()), Permission.VIEW_SEGMENTS)
    assert segments.fields == access.SEGMENT_FIELDS
    with pytest.raises(access.Denied):
        access.grant(cast.actor(cast.olive()), Permission.VIEW_CONTACTS)


@pytest.mark.parametrize("part", ["administrator", "nobody", ""])
def test_the_system_acts_as_its_parts_only(part: str) -> None:
    with pytest.raises(ValueError):
        access.system(part)
