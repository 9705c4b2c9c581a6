"""Settings, Brand: what mail is sent as, kept to domains that we sign for and to what was approved (BEHAVIOURS C9, C13)."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.models import User
from accounts.organization.models import Brand, Organization
from campaigns import actions as campaigns
from campaigns.delivery import actions as delivery
from campaigns.delivery.models import SendingDomain
from campaigns.models import Campaign
from safeguards.models import AuditEvent
from tests import cast
from tests.accounts.sign_in import HOST
from tests.campaigns import plans
from tests.sessions import signed_in

SETUP = access.system("setup")


@pytest.fixture
def ada(db: None) -> User:
    """Ada, an administrator."""
    return cast.ada()


@pytest.fixture
def brand(ada: User) -> Brand:
    """Northfield Health, whose domain is signed for."""
    brand = cast.clinic()
    delivery.add_sending_domain(actor=SETUP, domain=brand.domain)
    return brand


@pytest.fixture
def client(ada: User) -> Client:
    """Ada's browser."""
    return signed_in(Client(headers={"host": HOST}), ada)


def typed(brand: Brand, **changed: str) -> dict[str, str]:
    """What the form would hold."""
    fields = ("name", "from_name", "from_address", "postal_address", "phone", "privacy_url")
    return {field: getattr(brand, field) for field in fields} | changed


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("from_address", "news@elsewhere.example", "can&#x27;t be signed here"),
        ("from_address", "news", "valid email"),
        ("postal_address", "  ", "required"),
        ("name", "", "required"),
        ("privacy_url", "javascript:alert(1)", "valid URL"),
    ],
)
def test_what_the_law_or_the_mail_forbids_is_refused(
    client: Client, brand: Brand, field: str, value: str, words: str
) -> None:
    answer = client.post(f"/settings/brand/{brand.pk}/", typed(brand, **{field: value}))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert getattr(Brand.objects.get(pk=brand.pk), field) == getattr(brand, field)


@pytest.mark.parametrize(
    "changed",
    [
        {"postal_address": " "},
        {"from_name": "\n"},
        {"from_address": "news@elsewhere.example"},
        {"from_address": "two@signs@northfield.example"},
    ],
)
def test_the_action_refuses_it_too(brand: Brand, changed: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        delivery.save_brand(actor=SETUP, brand=brand, **typed(brand, **changed))
    assert not AuditEvent.objects.filter(action="brand.changed").exists()


def test_nobody_else_changes_a_brand(brand: Brand) -> None:
    for who in (cast.dana(), cast.marcus(), cast.olive()):
        with pytest.raises(access.Denied):
            delivery.save_brand(actor=cast.actor(who), brand=brand, **typed(brand, phone="1"))


def test_a_change_is_saved_undone_once_and_in_the_log(client: Client, brand: Brand) -> None:
    page = client.post(
        f"/settings/brand/{brand.pk}/", typed(brand, postal_address="1 New\n Street"), follow=True
    ).content.decode()
    assert Brand.objects.get(pk=brand.pk).postal_address == "1 New Street"
    assert 'action="/settings/brand/undo/"' in page
    row = AuditEvent.objects.get(action="brand.changed")
    assert (list(row.details["fields"]), row.details["domain"]) == (["postal_address"], "northfield.example")
    assert "Street" not in str(row.details)
    client.post("/settings/brand/undo/")
    assert Brand.objects.get(pk=brand.pk).postal_address == brand.postal_address
    again = client.post("/settings/brand/undo/", follow=True).content.decode()
    assert "nothing to take back" in again


def test_a_colleagues_newer_change_is_not_undone(client: Client, brand: Brand) -> None:
    client.post(f"/settings/brand/{brand.pk}/", typed(brand, phone="555-0111"))
    delivery.save_brand(actor=SETUP, brand=brand, **typed(brand, phone="555-0122"))
    page = client.post("/settings/brand/undo/", follow=True).content.decode()
    assert "changed again since" in page
    assert Brand.objects.get(pk=brand.pk).phone == "555-0122"


def test_what_was_approved_keeps_its_sender(client: Client, brand: Brand) -> None:
    campaigns.request_approval(actor=cast.actor(cast.dana()), campaign=plans.campaign())
    answer = client.post(f"/settings/brand/{brand.pk}/", typed(brand, from_name="Somebody else"))
    assert answer.status_code == 422
    assert "waits for approval" in answer.content.decode()
    assert Brand.objects.get(pk=brand.pk).from_name == "Northfield Health"
    # What the frozen message already holds, or none of it does, may change.
    client.post(f"/settings/brand/{brand.pk}/", typed(brand, postal_address="1 New Street"))
    assert Brand.objects.get(pk=brand.pk).postal_address == "1 New Street"
    assert "Used by 1 campaign." in client.get(f"/settings/brand/{brand.pk}/").content.decode()


def test_a_second_brand_is_added_under_a_name_of_its_own(client: Client, brand: Brand) -> None:
    same = client.post("/settings/brand/new/", typed(brand, name="NORTHFIELD health"))
    assert same.status_code == 422
    assert "a brand of this name already" in same.content.decode()
    client.post(
        "/settings/brand/new/",
        typed(brand, name="Northfield Kids", from_name="Kids", from_address="kids@northfield.example"),
    )
    added = Brand.objects.get(name="Northfield Kids")
    assert (added.from_name, added.from_address) == ("Kids", "kids@northfield.example")
    assert AuditEvent.objects.filter(action="brand.added", target_id=str(added.pk)).exists()


def test_the_list_says_what_cannot_be_sent(client: Client, brand: Brand) -> None:
    assert "Signed" in client.get("/settings/brand/").content.decode()
    SendingDomain.objects.all().delete()
    assert "Can\u2019t send" in client.get("/settings/brand/").content.decode()


def test_the_footer_is_shown_as_it_will_be(client: Client, brand: Brand) -> None:
    page = client.post(
        "/settings/brand/footer/", {"name": "<b>Kids</b>", "postal_address": "1 New Street"}
    ).content.decode()
    assert "&lt;b&gt;Kids&lt;/b&gt;, 1 New Street" in page
    assert "from &lt;b&gt;Kids" in page


def test_the_organisation_is_changed_and_undone(client: Client, brand: Brand) -> None:
    asked = {"name": "Northfield", "phone": "555-0199", "time_zone": "America/Chicago"}
    assert client.post("/settings/brand/", asked | {"time_zone": "Mars/Olympus"}).status_code == 422
    assert client.post("/settings/brand/", asked | {"name": " "}).status_code == 422
    client.post("/settings/brand/", asked)
    assert Organization.objects.get().time_zone == "America/Chicago"
    client.post("/settings/brand/undo/")
    assert Organization.objects.get().time_zone == "America/New_York"
    assert Organization.objects.count() == 1


def test_the_number_of_campaigns_leads_to_those_of_the_brand(client: Client, brand: Brand) -> None:
    other = Brand.objects.create(name="Eastside", from_address="news@eastside.example")
    now = timezone.now()
    made = {"created_by": cast.dana(), "created_at": now, "updated_at": now}
    for number in range(3):
        Campaign.objects.create(name=f"Ours {number}", brand=brand, **made)
    Campaign.objects.create(name="Theirs", brand=other, **made)
    address = f"{reverse('campaigns')}?brand={brand.pk}"
    signed_in(client, cast.ada())
    assert f'href="{address}"' in client.get(reverse("settings_brand")).content.decode()
    assert f'href="{address}"' in client.get(reverse("brand", args=[brand.pk])).content.decode()
    shown = client.get(address).content.decode()
    assert "Ours 1" in shown
    assert "Theirs" not in shown
    assert f"?state=drafts&amp;brand={brand.pk}" in shown, "another shelf stays with the brand"
    assert "Theirs" in client.get(f"{reverse('campaigns')}?brand=nonsense").content.decode()
