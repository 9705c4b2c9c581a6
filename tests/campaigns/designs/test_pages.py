"""The templates' pages and the one editor: what they show, what their buttons do, and what they refuse."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import actions as campaigns
from campaigns.designs import actions
from campaigns.designs.models import Asset, Design
from campaigns.designs.pictures import HILLS
from campaigns.models import Campaign
from safeguards.models import Notice
from tests import cast
from tests.campaigns import plans
from tests.campaigns.designs.test_pictures import drawn
from tests.campaigns.designs.test_templates import template
from tests.sessions import signed_in

TEXT = {"kind": "text", "text": "Two"}


def posted(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    fields = {"name": "Monthly news", "subject": "News", "preheader": "", "blocks": str(len(blocks)), **more}
    for place, block in enumerate(blocks):
        fields |= {f"block-{place}-{name}": value for name, value in block.items()}
    return fields


def dana() -> Client:
    return signed_in(Client(), cast.dana())


def shown(client: Client, url_name: str, /, *arguments: object, **fields: Any) -> str:
    """The page that one lands on after a button."""
    response = client.post(reverse(url_name, args=arguments), fields, follow=True)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
def test_an_empty_list_teaches_and_offers_our_starters() -> None:
    cast.clinic()
    page = dana().get(reverse("templates")).content.decode()
    assert "No templates of your own yet" in page
    assert page.count("Make it yours") >= 6
    assert 'loading="lazy"' in page
    looking = signed_in(Client(), cast.marcus()).get(reverse("templates")).content.decode()
    assert "Make it yours" not in looking


@pytest.mark.django_db
def test_a_starter_becomes_a_template_that_is_listed_with_who_changed_it_and_its_use() -> None:
    plans.brand()
    client = dana()
    assert "The template is yours now" in shown(client, "template_new", starter="welcome")
    made = Design.objects.get()
    campaigns.create_campaign(actor=cast.actor(cast.dana()), name="June", source=made)
    page = client.get(reverse("templates")).content.decode()
    assert "Welcome to new patients" in page
    assert re.search(r"Changed <time[^<]* (UTC|E[SD]T)</time> by Dana Kim", page)
    assert "Used in 1 campaign" in page
    assert client.post(reverse("template_new"), {"starter": "nothing"}).status_code == 404


@pytest.mark.django_db
def test_blocks_are_inserted_copied_moved_and_put_back() -> None:
    made, client = template(), dana()
    heading = {"kind": "heading", "text": "One"}

    def kinds_after(command: str) -> list[str]:
        shown(client, "template_edit", made.pk, **posted(heading, TEXT, command=command))
        made.refresh_from_db()
        return [block["kind"] for block in made.document["blocks"]]

    assert kinds_after("add:button:1") == ["heading", "button", "text"]
    assert kinds_after("add:spacer") == ["heading", "text", "spacer"]
    assert kinds_after("copy:0") == ["heading", "heading", "text"]
    assert kinds_after("move:0:1") == ["text", "heading"]
    assert kinds_after("move:1:0") == ["text", "heading"]
    assert kinds_after("move:0:99") == ["text", "heading"]
    assert kinds_after("move:9:0") == ["heading", "text"]
    page = shown(client, "template_edit", made.pk, **posted(heading, TEXT, command="remove:0"))
    assert f'action="{reverse("template_undo", args=[made.pk])}"' in page
    shown(client, "template_undo", made.pk)
    made.refresh_from_db()
    assert [block["kind"] for block in made.document["blocks"]] == ["heading", "text"]


@pytest.mark.django_db
def test_typing_saves_and_answers_with_checks_preview_and_size() -> None:
    made, client = template(), dana()
    address = reverse("template_edit", args=[made.pk])
    fields = posted({"kind": "text", "text": "Hello {{ first_name }}"}, **{"as": "long", "width": "phone"})
    side = client.post(address, fields, headers={"HX-Request": "true"}).content.decode()
    assert "1 thing to mend" in side
    assert "<html" not in side
    assert re.search(r'value="long"\s+selected', side)
    assert re.search(r'value="phone"\s+checked', side)
    assert "of 102 KB" in side
    refused = client.post(address, posted(TEXT, name=""), headers={"HX-Request": "true"}).content.decode()
    assert "Not saved:" in refused
    assert "<html" not in refused
    made.refresh_from_db()
    assert made.name == "Monthly news"


@pytest.mark.django_db
def test_a_picture_is_uploaded_into_its_block_and_what_is_none_is_refused_beside_it() -> None:
    made, client = template(), dana()
    picture = {"kind": "picture", "alt": "Hills"}

    def upload(content: bytes, name: str) -> str:
        file = SimpleUploadedFile(name, content, content_type="image/png")
        return shown(
            client, "template_edit", made.pk, **posted(picture, command="upload:0", **{"block-0-file": file})
        )

    upload(drawn("JPEG", (1600, 400)), "photo.png")
    made.refresh_from_db()
    asset = Asset.objects.get()
    assert made.document["blocks"][0] == {
        "kind": "picture",
        "name": asset.name,
        "width": "552",
        "alt": "Hills",
        "decorative": "",
        "url": "",
    }
    frame = client.get(reverse("template_preview", args=[made.pk]))
    assert f'src="{settings.PUBLIC_URL}/i/{asset.name}"' in frame.content.decode()
    assert f"img-src 'self' data: {settings.PUBLIC_URL};" in frame["Content-Security-Policy"]
    assert "no image that mail programs show" in upload(b"<svg onload='x'/>", "a.png")
    assert "Choose a file first" in shown(
        client, "template_edit", made.pk, **posted(picture, command="upload:0")
    )
    assert Asset.objects.count() == 1


@pytest.mark.django_db
def test_pictures_are_open_cached_and_nothing_else() -> None:
    asset = actions.keep_picture(actor=cast.actor(cast.dana()), chunks=[drawn()])
    client = Client(headers={"host": settings.PUBLIC_URL.split("://")[1]})
    for name, content in ((asset.name, bytes(asset.content)), (HILLS, None)):
        response = client.get(f"/i/{name}")
        assert (response.status_code, response["Content-Type"]) == (200, "image/png")
        assert content is None or response.content == content
        assert "immutable" in response["Cache-Control"]
        assert response["X-Content-Type-Options"] == "nosniff"
        assert not response.cookies
    for name in ("x.png", "0" * 32 + ".svg", "f" * 32 + ".png"):
        assert client.get(f"/i/{name}").status_code == 404


@pytest.mark.django_db
def test_the_links_of_a_tests_footer_explain_themselves_in_both_languages() -> None:
    cast.clinic()
    client = Client(headers={"host": settings.PUBLIC_URL.split("://")[1]})
    assert "This was a test email" in client.get("/test/").content.decode()
    spanish = client.get("/test/", {"l": "es"}).content.decode()
    assert "correo de prueba" in spanish
    assert '<html lang="es"' in spanish


@pytest.mark.django_db
def test_a_test_is_left_and_its_state_asks_again_until_it_is_settled() -> None:
    made, client = template(), dana()
    fields = {"to": str(cast.marcus().pk), "sample": "maria"}
    state = client.post(reverse("template_test", args=[made.pk]), fields, headers={"HX-Request": "true"})
    assert "On its way to marcus@northfield.example" in state.content.decode()
    notice = Notice.objects.get()
    address = reverse("test_mail", args=[notice.pk])
    assert 'hx-trigger="every 1s"' in client.get(address).content.decode()
    assert '"X-Polling": "1"' in client.get(address).content.decode()
    Notice.objects.update(state=Notice.State.SENT)
    settled = client.get(address).content.decode()
    assert "Sent to marcus@northfield.example" in settled
    assert "hx-get" not in settled
    Notice.objects.update(state=Notice.State.EXPIRED, reply="5.1.1 no such mailbox")
    assert "no such mailbox" in client.get(address).content.decode()
    typed = client.post(
        reverse("template_test", args=[made.pk]), {"to": "ana@goodmail.example", "sample": "maria"}
    )
    assert "Choose a colleague" in typed.content.decode()
    assert Notice.objects.count() == 1


@pytest.mark.django_db
def test_a_template_is_duplicated_and_archived_with_an_undo() -> None:
    made, client = template(), dana()
    assert "Copy of Monthly news" in shown(client, "template_duplicate", made.pk)
    gone = shown(client, "template_archive", made.pk)
    assert f'action="{reverse("template_restore", args=[made.pk])}"' in gone
    assert "is back" in shown(client, "template_restore", made.pk)


@pytest.mark.django_db
def test_a_campaign_begins_with_a_template_is_kept_as_one_and_starts_over() -> None:
    plans.brand()
    made, client = template(), dana()
    choices = client.get(reverse("campaign_new"), {"begin": f"template:{made.pk}"}).content.decode()
    assert re.search(rf'value="template:{made.pk}"\s+checked', choices)
    refused = client.post(reverse("campaign_new"), {"name": "June", "begin": "template:999"})
    assert "form-errors" in refused.content.decode()
    shown(client, "campaign_new", name="June", begin=f"template:{made.pk}")
    campaign = Campaign.objects.get()
    assert campaign.design is not None
    assert campaign.design.subject == "News"
    kept = shown(client, "campaign_save_as_template", campaign.pk, kept_name="From June")
    assert "Kept as the template “From June”" in kept
    over = shown(client, "campaign_start_over", campaign.pk, begin="starter:survey")
    assert f'action="{reverse("campaign_undo", args=[campaign.pk])}"' in over
    assert "Five questions" in over
    assert "It is back" in shown(client, "campaign_undo", campaign.pk)
    campaign.design.refresh_from_db()
    assert campaign.design.subject == "News"
    assert "Choose what to start over with" in shown(client, "campaign_start_over", campaign.pk, begin="x")


@pytest.mark.django_db
def test_a_campaigns_own_message_is_no_template() -> None:
    campaign, client = plans.campaign(), dana()
    for name in ("template_edit", "template_preview"):
        assert client.get(reverse(name, args=[campaign.design_id])).status_code == 404
    assert client.get(reverse("template_preview", args=[template().pk]), {"as": "x"}).status_code == 404
    assert client.get(reverse("starter_preview", args=["x"])).status_code == 404


@pytest.mark.django_db
def test_many_templates_are_paged_found_and_asked_for_in_the_same_number_of_queries() -> None:
    client = dana()
    cast.clinic()
    template("First")
    client.get(reverse("templates"))
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            page = client.get(reverse("templates")).content.decode()
        counts.append(len(captured))
        for number in range(13):
            template(f"More {number}")
    assert counts[1] - counts[0] <= 1
    assert "Find a template" in client.get(reverse("templates")).content.decode()
    found = client.get(reverse("templates"), {"q": "first"}).content.decode()
    assert "More 1" not in found
    assert "First" in found
    assert "More 1" in client.get(reverse("templates"), {"page": "2"}).content.decode()
    assert page
