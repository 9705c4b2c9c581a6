"""The one editor of messages, for templates and for campaigns: what is posted, what was made of it, and what stands beside it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts import access
from accounts.organization.models import Brand
from campaigns.designs import actions, queries
from campaigns.designs import blocks as documents
from campaigns.designs.blocks import KINDS, LONGEST, MOST_BLOCKS, Block, MalformedDocument, Picture
from campaigns.designs.forms import ContentForm, TestForm, posted_blocks, rearranged
from campaigns.designs.lint import stops
from campaigns.designs.models import Design
from campaigns.designs.pictures import NotAPicture
from contacts.consent.models import Topic
from safeguards.actor import Actor

WIDTHS = ("desktop", "phone")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the editor's parts are: the page that saves, its preview, the undo, and the test."""

    edit: str
    preview: str
    undo: str
    test: str


@dataclass(frozen=True, slots=True)
class Posted:
    """What was typed, after the button that was pressed; `place` is the block to look at next."""

    blocks: list[Block]
    place: int | None
    removed: tuple[int, Block] | None


def read(request: HttpRequest, actor: Actor, form: ContentForm, saved: Design) -> Posted:
    """What a post of the editor says, a picture kept on the way. What can't be taken is said on the form, and changes nothing."""
    kept = Posted(list(documents.read(saved.document)), None, None)
    if request.method != "POST":
        return kept
    try:
        made = rearranged(posted_blocks(request.POST), request.POST.get("command", ""))
        if made.uploads is not None:
            _upload(request, actor, form, made.blocks, made.uploads)
        documents.written(made.blocks)
    except MalformedDocument:
        form.add_error(
            None,
            _(
                "A block holds more than %(longest)d characters, or there are more than %(most)d blocks. "
                "Shorten the message; nothing was saved."
            )
            % {"longest": LONGEST, "most": MOST_BLOCKS},
        )
        return kept
    return Posted(made.blocks, made.place, made.removed)


def _upload(request: HttpRequest, actor: Actor, form: ContentForm, blocks: list[Block], place: int) -> None:
    """Put the posted file into the block, or say beside the form why it can't be."""
    file, block = request.FILES.get(f"block-{place}-file"), blocks[place]
    if not isinstance(block, Picture):
        return
    if file is None or isinstance(file, list):
        form.add_error(None, _("Choose a file first, then press “Upload”."))
        return
    try:
        asset = actions.keep_picture(actor=actor, chunks=file.chunks())
    except NotAPicture as error:
        form.add_error(None, str(error))
        return
    # Twice as many pixels as are shown, where there are that many: sharp screens have them.
    shown = asset.width // 2 if asset.width > documents.WIDEST else asset.width
    blocks[place] = replace(block, name=asset.name, width=str(min(max(shown, 1), documents.WIDEST)))


def context(
    request: HttpRequest,
    actor: Actor,
    design: Design,
    blocks: Sequence[Block],
    addresses: Addresses,
    *,
    saves_by_itself: bool,
    brand: Brand | None = None,
    topic: Topic | None = None,
) -> dict[str, object]:
    """What templates/designs/editor.html takes, beside the form."""
    return {
        "blocks": [_shown(block) for block in blocks],
        "kinds": list(KINDS.values()),
        "tags": queries.merge_tags(),
        "test_form": TestForm(
            colleagues=queries.colleagues(actor),
            initial={"to": actor.id, "sample": "maria"},
            auto_id="test-%s",
        ),
        **_side(request, actor, design, addresses, brand, topic),
        "saves_by_itself": saves_by_itself,
    }


def side(
    request: HttpRequest,
    actor: Actor,
    design: Design,
    addresses: Addresses,
    *,
    brand: Brand | None = None,
    topic: Topic | None = None,
    form: ContentForm | None = None,
) -> HttpResponse:
    """The checks and the preview anew, after the page saved by itself; or, by the errors of the form, why it couldn't."""
    shown = _side(request, actor, design, addresses, brand, topic)
    problems = [str(error) for errors in form.errors.values() for error in errors] if form else []
    return render(
        request,
        "designs/side.html",
        {**shown, "saves_by_itself": True, "saved_now": not problems, "problem": " ".join(problems)},
    )


def _side(
    request: HttpRequest,
    actor: Actor,
    design: Design,
    addresses: Addresses,
    brand: Brand | None,
    topic: Topic | None,
) -> dict[str, object]:
    found = queries.findings(actor=actor, design=design)
    wanted, width = request.POST.get("as", ""), request.POST.get("width", "")
    size = len(queries.preview(actor=actor, design=design, brand=brand, topic=topic).html.encode())
    return {
        "addresses": addresses,
        "findings": found,
        "stopping": len(stops(found)),
        "samples": queries.SAMPLES,
        "shown_as": wanted if wanted in {*queries.SAMPLES, "text"} else "maria",
        "width": width if width in WIDTHS else WIDTHS[0],
        # Another address makes the frame load anew.
        "stamp": int(timezone.now().timestamp() * 1000),
        "kilobytes": max(1, round(size / 1024)),
        "most_kilobytes": queries.CLIPPED_BYTES // 1024,
        "too_large": size > queries.CLIPPED_BYTES,
    }


def removed_message(request: HttpRequest, addresses: Addresses) -> None:
    """Say that a block is gone, with a button that puts it back."""
    messages.success(request, _("The block is removed."), extra_tags=f"undo={addresses.undo}")


def attempt(request: HttpRequest, act: Callable[[], object], done: str) -> bool:
    """Do something with a design and tell the person how it went; whether it went well."""
    try:
        act()
    except actions.NotPossible as error:
        messages.error(request, str(error))
        return False
    messages.success(request, done)
    return True


def send_test(
    request: HttpRequest,
    design: Design,
    *,
    brand: Brand | None = None,
    topic: Topic | None = None,
) -> HttpResponse:
    """Leave a test for the chosen colleague; the answer is its state, which asks again by itself until it is settled."""
    actor = access.of(request)
    form = TestForm(request.POST, colleagues=queries.colleagues(actor))
    if not form.is_valid():
        return render(request, "designs/test_state.html", {"refused": _("Choose a colleague from the list.")})
    try:
        notice_id = actions.send_test(
            actor=actor,
            design=design,
            to=form.cleaned_data["to"],
            sample=form.cleaned_data["sample"],
            brand=brand,
            topic=topic,
        )
    except actions.NotPossible as error:
        return render(request, "designs/test_state.html", {"refused": str(error)})
    context = {"test": queries.test_mail(actor, notice_id), "notice_id": notice_id}
    whole = "designs/test_state.html" if request.headers.get("HX-Request") else "designs/test_page.html"
    return render(request, whole, context)


def as_part(request: HttpRequest, shown: queries.Preview) -> str:
    """The part that was asked for: the HTML, or the plain text of those whose mail program shows no other."""
    if request.GET.get("part") != "text" and request.GET.get("as") != "text":
        return shown.html
    return format_html(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{}</title></head>'
        '<body><pre style="white-space:pre-wrap">{}</pre></body></html>',
        _("Plain text"),
        shown.text,
    )


def sample_of(request: HttpRequest) -> str:
    """As whom the preview is asked for; plain text is read as Maria. An empty text for nobody of ours."""
    asked = request.GET.get("as", "maria")
    return "maria" if asked == "text" else asked if asked in queries.SAMPLES else ""


def _shown(block: Block) -> dict[str, object]:
    """A block as the template fills its fields in."""
    return {"kind": block.kind, "title": block.title, "values": asdict(block)}  # type: ignore[call-overload]
