"""Templates: begun, written, copied, archived and tested; what a button takes away comes back."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.access import Denied
from campaigns import actions as campaigns
from campaigns.designs import actions, queries
from campaigns.designs.blocks import Block, Heading, Text
from campaigns.designs.models import Asset, Design
from campaigns.designs.pictures import NotAPicture
from campaigns.designs.starters import SURVEY, WELCOME
from safeguards import notices
from safeguards.actor import Actor
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.campaigns import plans
from tests.campaigns.designs.test_pictures import drawn

BLOCKS: list[Block] = [Heading("One"), Text("Two"), Text("Three")]


def template(name: str = "Monthly news") -> Design:
    dana = cast.actor(cast.dana())
    made = actions.create_from_starter(actor=dana, name=name, starter=WELCOME, template=True)
    return actions.edit_design(actor=dana, design=made, subject="News", preheader="", blocks=BLOCKS)


def acts() -> list[str]:
    return list(
        AuditEvent.objects.filter(target_kind="designs.design")
        .order_by("pk")
        .values_list("action", flat=True)
    )


@pytest.mark.django_db
def test_a_removed_block_is_put_back_where_it_stood() -> None:
    dana, made = cast.actor(cast.dana()), template()
    left = actions.edit_design(
        actor=dana,
        design=made,
        subject="Other",
        preheader="",
        blocks=[BLOCKS[0], BLOCKS[2]],
        removed=(1, BLOCKS[1]),
    )
    back = actions.put_back(actor=dana, design=left)
    assert [block["text"] for block in back.document["blocks"]] == ["One", "Two", "Three"]
    assert back.subject == "Other", "what was typed since stays"
    with pytest.raises(actions.NotPossible):
        actions.put_back(actor=dana, design=back)


@pytest.mark.django_db
def test_starting_over_can_be_undone_and_done_again() -> None:
    dana, made = cast.actor(cast.dana()), template()
    over = actions.replace_content(actor=dana, design=made, source=SURVEY)
    assert over.subject == SURVEY.subject
    back = actions.put_back(actor=dana, design=over)
    assert (back.subject, back.document["blocks"][0]["text"]) == ("News", "One")
    assert actions.put_back(actor=dana, design=back).subject == SURVEY.subject


@pytest.mark.django_db
def test_a_campaign_takes_a_copy_that_the_template_no_longer_changes() -> None:
    plans.brand()
    dana, made = cast.actor(cast.dana()), template()
    campaign = campaigns.create_campaign(actor=dana, name="June", source=made)
    actions.edit_design(actor=dana, design=made, subject="Changed", preheader="", blocks=[])
    campaign.refresh_from_db()
    assert campaign.design is not None
    assert (campaign.design.subject, campaign.design.is_template) == ("News", False)
    assert [each.used for each in queries.templates(dana)] == [1]  # type: ignore[attr-defined]
    kept = campaigns.save_as_template(actor=dana, campaign=campaign, name="From June")
    assert (kept.is_template, kept.subject, kept.name) == (True, "News", "From June")
    over = campaigns.start_over(actor=dana, campaign=campaign, source=SURVEY)
    assert over.design is not None
    assert over.design.subject == SURVEY.subject
    back = campaigns.put_back_content(actor=dana, campaign=over)
    assert back.design is not None
    assert back.design.subject == "News"


@pytest.mark.django_db
def test_starting_over_voids_an_approval() -> None:
    campaign = plans.campaign()
    dana = cast.actor(cast.dana())
    campaigns.request_approval(actor=dana, campaign=campaign)
    assert campaigns.start_over(actor=dana, campaign=campaign, source=SURVEY).mailing is None


@pytest.mark.django_db
def test_an_archived_template_leaves_the_list_and_comes_back() -> None:
    dana, made = cast.actor(cast.dana()), template()
    actions.archive_template(actor=dana, design=made)
    assert not queries.templates(dana)
    assert queries.template(dana, made.pk) == made
    actions.restore_template(actor=dana, design=made)
    actions.rename_template(actor=dana, design=made, name="Autumn")
    assert [each.name for each in queries.templates(dana, search="autu")] == ["Autumn"]
    assert not queries.templates(dana, search="june")
    assert acts() == [
        "design.created",
        "design.edited",
        "design.archived",
        "design.restored",
        "design.renamed",
    ]


@pytest.mark.django_db
def test_a_picture_is_kept_under_a_name_nobody_guesses() -> None:
    dana = cast.actor(cast.dana())
    one, two = (actions.keep_picture(actor=dana, chunks=[drawn()]) for _ in range(2))
    assert one.name != two.name
    assert queries.picture(one.name) == (bytes(one.content), "image/png")
    assert queries.picture("0" * 31 + "9.png") is None
    with pytest.raises(NotAPicture):
        actions.keep_picture(actor=dana, chunks=[b"<svg/>"])
    assert Asset.objects.count() == 2
    assert AuditEvent.objects.filter(action="asset.kept").count() == 2


@pytest.mark.django_db
def test_a_test_goes_to_active_colleagues_and_to_nobody_else() -> None:
    dana, made = cast.actor(cast.dana()), template()
    notice_id = actions.send_test(actor=dana, design=made, to=cast.marcus(), sample="long")
    assert notices.opened(Notice.objects.get(pk=notice_id))[0] == "marcus@northfield.example"
    gone = cast.olive()
    gone.is_active = False
    with pytest.raises(actions.NotPossible, match="closed"):
        actions.send_test(actor=dana, design=made, to=gone, sample="maria")
    with pytest.raises(KeyError):
        actions.send_test(actor=dana, design=made, to=cast.marcus(), sample="nobody")
    assert AuditEvent.objects.get(action="design.tested").details["recipient"] == cast.marcus().pk


@pytest.mark.django_db
def test_tests_are_limited_by_person() -> None:
    dana, made = cast.actor(cast.dana()), template()
    for _ in range(actions.MOST_TESTS):
        actions.send_test(actor=dana, design=made, to=cast.dana(), sample="maria")
    with pytest.raises(actions.NotPossible, match="Wait"):
        actions.send_test(actor=dana, design=made, to=cast.dana(), sample="maria")
    actions.send_test(actor=cast.actor(cast.ada()), design=made, to=cast.dana(), sample="maria")
    Notice.objects.update(created_at=timezone.now() - actions.TESTS_WITHIN)
    actions.send_test(actor=dana, design=made, to=cast.dana(), sample="maria")


@pytest.mark.django_db
def test_the_state_of_a_test_is_told_and_only_of_a_test() -> None:
    dana, made = cast.actor(cast.dana()), template()
    notice_id = actions.send_test(actor=dana, design=made, to=cast.dana(), sample="maria")
    found = queries.test_mail(dana, notice_id)
    assert found is not None
    assert (found.recipient, found.sent, found.failed, found.reply) == (cast.dana(), False, False, "")
    Notice.objects.update(kind="consent.confirm")
    assert queries.test_mail(dana, notice_id) is None
    assert queries.test_mail(dana, UUID(int=1)) is None


ACTS: dict[str, Callable[[Actor, Design], object]] = {
    "copy": lambda actor, made: actions.copy_design(actor=actor, source=made, name="x", template=True),
    "start over": lambda actor, made: actions.replace_content(actor=actor, design=made, source=SURVEY),
    "put back": lambda actor, made: actions.put_back(actor=actor, design=made),
    "rename": lambda actor, made: actions.rename_template(actor=actor, design=made, name="x"),
    "archive": lambda actor, made: actions.archive_template(actor=actor, design=made),
    "restore": lambda actor, made: actions.restore_template(actor=actor, design=made),
    "picture": lambda actor, made: actions.keep_picture(actor=actor, chunks=[drawn()]),
    "test": lambda actor, made: actions.send_test(actor=actor, design=made, to=cast.dana(), sample="maria"),
    "colleagues": lambda actor, made: queries.colleagues(actor),
}


def test_whoever_may_not_plan_changes_no_template(own_database: str) -> None:
    made = template()
    for user in (cast.marcus(), cast.ann(), cast.olive()):
        for act in ACTS.values():
            with pytest.raises(Denied):
                act(cast.actor(user), made)
    assert (Design.objects.count(), Asset.objects.count(), Notice.objects.count()) == (1, 0, 0)
