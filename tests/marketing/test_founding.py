"""The first day: one command sets the organisation up, wholly or not at all, and may be run again."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.organization.models import Brand, Organization
from campaigns.delivery.models import EgressSource, IpPool, SendingDomain
from contacts.consent.models import Topic

pytestmark = pytest.mark.django_db
GIVEN = {
    "name": "Northfield Health",
    "phone": "555-0100",
    "from_address": "news@northfield.example",
    "postal_address": "12 Harbor Street, Boston",
    "marketing": ["127.0.1.11"],
    "transactional": ["127.0.1.21"],
}


def set_up(**changes: object) -> str:
    out = StringIO()
    call_command("organization", stdout=out, **{**GIVEN, **changes})
    return out.getvalue()


def test_it_ends_with_the_record_to_publish_and_changes_nothing_when_run_again() -> None:
    assert "._domainkey.northfield.example TXT" in set_up()
    before = [
        each.objects.count() for each in (Organization, Brand, SendingDomain, IpPool, EgressSource, Topic)
    ]
    assert set_up() == set_up()
    assert [
        each.objects.count() for each in (Organization, Brand, SendingDomain, IpPool, EgressSource, Topic)
    ] == before
    assert before[:4] == [1, 1, 1, 2]


def test_bad_input_leaves_nothing_half_set_up() -> None:
    with pytest.raises(CommandError):
        set_up(transactional=["no address"])
    assert not Organization.objects.exists()
    assert not Brand.objects.exists()
    assert not IpPool.objects.exists()
