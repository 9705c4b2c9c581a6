"""One contact by hand: added, corrected, deleted, brought back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from contacts import actions, queries
from contacts.forms import PURPOSES, ContactForm, PurposeForm
from contacts.models import Contact
from contacts.rules import fields
from safeguards.actor import Actor


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """`/contacts/new/`: a person whom no file brings."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    form = ContactForm(
        request.POST if request.method == "POST" else None,
        keys=queries.may_type(actor),
        today=queries.today_at_the_clinic(),
    )
    known: actions.Known | None = None
    if request.method == "POST" and form.is_valid():
        try:
            added = actions.add_contact(
                actor=actor, parsed=form.parsed, shares_address=form.cleaned_data["shares_address"]
            )
        except actions.Known as there:
            known = there
            form.say_known(there.by, may_share=there.may_share)
        else:
            messages.success(
                request, _("The contact is added. They get no marketing e-mail until they have agreed to it.")
            )
            return redirect(f"{reverse('contact', args=[added.pk])}?added")
    context = {
        "form": form,
        "known": known.contact if known else None,
        "trail": [(_("Contacts"), reverse("contacts"))],
    }
    return render(request, "contacts/contact_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """`/contacts/<id>/edit/`: correct what is known of a person; health fields only where they were opened for a reason."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    person = get_object_or_404(Contact, pk=pk, deleted_at=None)
    if request.method == "POST" and "open" in request.POST:
        form = PurposeForm(request.POST)
        purpose = form.cleaned_data["purpose"] if form.is_valid() else ""
        return _edit_page(request, actor, person, purpose=purpose, purpose_form=form)
    if request.method == "POST":
        return _save(request, actor, person)
    return _edit_page(request, actor, person)


def _save(request: HttpRequest, actor: Actor, person: Contact) -> HttpResponse:
    purpose = request.POST.get("purpose", "")
    if purpose:
        access.require(actor, Permission.VIEW_CLINICAL)
    if purpose not in {"", *(value for value, _label in PURPOSES)}:
        return _edit_page(request, actor, person)
    form = ContactForm(request.POST, keys=_keys(purpose), today=queries.today_at_the_clinic())
    if not form.is_valid():
        return _edit_page(request, actor, person, purpose=purpose, form=form)
    try:
        changed = actions.edit_contact(
            actor=actor,
            contact=person,
            record=form.parsed.record,
            seen_version=form.cleaned_data["version"] or 0,
            shares_address=form.cleaned_data["shares_address"],
        )
    except actions.Known as there:
        form.say_known(there.by, may_share=there.may_share)
        return _edit_page(request, actor, person, purpose=purpose, form=form, known=there.contact)
    except actions.Changed as now:
        form.take_version(now.contact.version)
        return _edit_page(request, actor, now.contact, purpose=purpose, form=form, overtaken=True)
    except (actions.Gone, queries.SealBroken):
        messages.error(request, _("Nothing was saved: the contact was deleted, or can't be opened."))
        return redirect("contacts")
    if changed:
        messages.success(request, _("Saved."))
    else:
        messages.info(request, _("Nothing was different, so nothing was changed."))
    return redirect("contact", pk=person.pk)


def _keys(purpose: str) -> list[str]:
    """The fields of the form; the record number stays what it is."""
    return [
        key for key in fields.BY_KEY if (purpose or key in access.IDENTITY_FIELDS) and key != "external_id"
    ]


def _edit_page(
    request: HttpRequest,
    actor: Actor,
    person: Contact,
    *,
    purpose: str = "",
    purpose_form: PurposeForm | None = None,
    form: ContactForm | None = None,
    known: Contact | None = None,
    overtaken: bool = False,
) -> HttpResponse:
    values = queries.values_to_edit(actor, person, purpose=purpose)
    if values is None:
        return redirect("contact", pk=person.pk)  # whose page says what is wrong
    refused = form is not None
    if form is None:
        initial: dict[str, object] = values | {"version": person.version, "purpose": purpose}
        form = ContactForm(keys=_keys(purpose), today=queries.today_at_the_clinic(), initial=initial)
    who, which = queries.last_edit(person) if overtaken else ("", [])
    context = {
        "form": form,
        "person": person,
        "record_number": values["external_id"],
        "known": known,
        "overtaken": overtaken,
        "overtaken_by": who,
        "overtaken_fields": ", ".join(_(label) for label in which),
        "differences": form.differences(values) if overtaken else [],
        "purpose_form": purpose_form or PurposeForm(),
        "may_open": not purpose and access.allowed(actor, Permission.VIEW_CLINICAL),
        "opened": bool(purpose),
        "trail": [
            (_("Contacts"), reverse("contacts")),
            (_("Contact"), reverse("contact", args=[person.pk])),
        ],
    }
    refused = refused or (purpose_form is not None and bool(purpose_form.errors))
    return render(request, "contacts/contact_edit.html", context, status=422 if refused else 200)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Out of contacts, with a button that brings them back."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    person = get_object_or_404(Contact, pk=pk)
    actions.delete_contact(actor=actor, contact=person)
    messages.success(
        request,
        _("The contact is deleted. What they agreed to and refused stays on record, as proof."),
        extra_tags=f"undo={reverse('contact_restore', args=[pk])}",
    )
    return redirect("contacts")


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Back among the contacts."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    person = get_object_or_404(Contact, pk=pk)
    try:
        actions.restore_contact(actor=actor, contact=person)
    except actions.Known as there:
        messages.warning(
            request,
            _("Somebody with the same address was added meanwhile, so the deleted contact stays deleted."),
        )
        return redirect("contact", pk=there.contact.pk)
    except queries.SealBroken:
        messages.error(request, queries.broken())
        return redirect("contacts")
    messages.success(request, _("The contact is back."))
    return redirect("contact", pk=pk)
