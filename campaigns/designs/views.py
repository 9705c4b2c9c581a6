"""The templates' pages: the list, the editor, what is done with one; and where a test mail is."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from campaigns.designs import actions, editor, queries
from campaigns.designs.forms import TemplateForm
from campaigns.designs.frame import framed
from campaigns.designs.models import Design
from campaigns.designs.starters import STARTERS
from safeguards.actor import Actor

PER_PAGE = 12


def _found(request: HttpRequest, pk: int) -> Design:
    try:
        return queries.template(access.of(request), pk)
    except Design.DoesNotExist:
        raise Http404 from None


def _author(request: HttpRequest) -> Actor:
    """Somebody who may change templates. Raises Denied."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    return actor


def _addresses(pk: int) -> editor.Addresses:
    names = ("template_edit", "template_preview", "template_undo", "template_test")
    return editor.Addresses(*(reverse(name, args=[pk]) for name in names))


def _brand() -> Brand | None:
    """Whose name and postal address a template is shown with: a campaign chooses its own."""
    return Brand.objects.order_by("pk").first()


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The organisation's templates, and our starters to begin one with."""
    actor = access.of(request)
    search = request.GET.get("q", "").strip()[:100]
    page = Paginator(queries.templates(actor, search=search), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "designs/templates.html",
        {
            "page": page,
            "search": search,
            "searchable": bool(search) or page.paginator.count > PER_PAGE,
            "starters": STARTERS.values(),
            "may_edit": access.allowed(actor, Permission.EDIT_CAMPAIGNS),
        },
    )


@require_POST
def new(request: HttpRequest) -> HttpResponse:
    """Make a template from a starter and go on to write it."""
    actor = _author(request)
    starter = STARTERS.get(request.POST.get("starter", ""))
    if starter is None:
        raise Http404
    name = str(starter.name) if starter.slug != "blank" else _("New template")
    made = actions.create_from_starter(actor=actor, name=name, starter=starter, template=True)
    messages.success(request, _("The template is yours now. Give it a name, and change what you like."))
    return redirect("template_edit", pk=made.pk)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The editor of one template."""
    actor, saved = _author(request), _found(request, pk)
    addresses = _addresses(pk)
    form = TemplateForm(
        request.POST if request.method == "POST" else None,
        initial={"name": saved.name, "subject": saved.subject, "preheader": saved.preheader},
        auto_id="%s",
    )
    posted = editor.read(request, actor, form, saved)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        actions.rename_template(actor=actor, design=saved, name=typed["name"])
        saved = actions.edit_design(
            actor=actor,
            design=saved,
            subject=typed["subject"],
            preheader=typed["preheader"],
            blocks=posted.blocks,
            removed=posted.removed,
        )
        if request.headers.get("HX-Request"):
            return editor.side(request, actor, saved, addresses, brand=_brand())
        if posted.removed:
            editor.removed_message(request, addresses)
        return redirect(addresses.edit + (f"#block-{posted.place}" if posted.place is not None else ""))
    if request.headers.get("HX-Request"):
        return editor.side(request, actor, saved, addresses, brand=_brand(), form=form)
    return render(
        request,
        "designs/edit.html",
        {
            "design": saved,
            "form": form,
            "trail": [(_("Templates"), reverse("templates"))],
            **editor.context(
                request, actor, saved, posted.blocks, addresses, saves_by_itself=True, brand=_brand()
            ),
        },
    )


@require_GET
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """A template as an invented person would get it, for a frame."""
    saved, sample = _found(request, pk), editor.sample_of(request)
    if not sample:
        raise Http404
    shown = queries.preview(actor=access.of(request), design=saved, brand=_brand(), topic=None, sample=sample)
    return framed(editor.as_part(request, shown))


@require_GET
def starter_preview(request: HttpRequest, slug: str) -> HttpResponse:
    """One of our starters, for a frame."""
    if slug not in STARTERS:
        raise Http404
    return framed(queries.starter_preview(actor=access.of(request), starter=STARTERS[slug]).html)


@require_POST
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """A second template with the same words."""
    actor, saved = _author(request), _found(request, pk)
    name = _("Copy of %(name)s") % {"name": saved.name}
    made = actions.copy_design(actor=actor, source=saved, name=name[:120], template=True)
    messages.success(request, _("This is the copy. Give it a name of its own."))
    return redirect("template_edit", pk=made.pk)


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Off the list, with a button that puts it back."""
    actor, saved = _author(request), _found(request, pk)
    actions.archive_template(actor=actor, design=saved)
    messages.success(
        request,
        _("“%(name)s” is archived. Campaigns that began with it keep their copies.") % {"name": saved.name},
        extra_tags=f"undo={reverse('template_restore', args=[pk])}",
    )
    return redirect("templates")


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Back on the list."""
    actor, saved = _author(request), _found(request, pk)
    actions.restore_template(actor=actor, design=saved)
    messages.success(request, _("“%(name)s” is back.") % {"name": saved.name})
    return redirect("templates")


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Put back what a button took away."""
    actor, saved = _author(request), _found(request, pk)
    editor.attempt(request, lambda: actions.put_back(actor=actor, design=saved), _("It is back."))
    return redirect("template_edit", pk=pk)


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the template to oneself or a colleague."""
    _author(request)
    return editor.send_test(request, _found(request, pk), brand=_brand())


@require_GET
def test_state(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Where a test mail is: a fragment that asks again until it is sent or can't be."""
    found = queries.test_mail(access.of(request), notice_id)
    if found is None:
        raise Http404
    return render(request, "designs/test_state.html", {"test": found, "notice_id": notice_id})
