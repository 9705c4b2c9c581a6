"""Settings, People: who has an account, and what an administrator can do with it."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, actions, lockouts, queries, step_up, wording
from accounts.access import ROLES, Permission
from accounts.forms import NameForm, PeopleFilterForm, ReasonForm, RoleForm
from accounts.models import Invitation, Role, User
from safeguards.actor import Actor

PAGE = 25


@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """`/settings/people/`: who has an account, by what second factor, and who is signed in."""
    actor = access.of(request)
    form = PeopleFilterForm(request.GET)
    asked = form.asked()
    page = Paginator(queries.people(actor, asked), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "filtered": bool(asked.role or asked.words or asked.active is not None),
        "page": page,
        # Those who have no account yet have no page among those who do.
        "invitations": [] if asked.role or asked.words or asked.active is not None else _waiting(actor),
        "rows": queries.with_access(page),
    }
    return render(request, "settings/people.html", context)


@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/`: one person's account; by POST their name and time zone are changed."""
    actor, found = _asked_for(request, pk)
    if request.method != "POST":
        return _page(request, found)
    form = NameForm.of(found, data=request.POST)
    if form.is_valid():
        try:
            actions.rename_person(actor=actor, person=found, **form.cleaned_data)
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, _("Saved."))
            return redirect("person", pk)
    return _page(request, found, name_form=form)


@require_http_methods(["GET", "POST"])
@step_up.required(Permission.MANAGE_PEOPLE)
def person_role(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/role/`: what another role would give and take, before it is given by POST."""
    actor, found = _asked_for(request, pk)
    form = RoleForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _page(request, found, role_form=form)
    role = form.cleaned_data["role"]
    if request.method == "POST":
        try:
            actions.change_role(actor=actor, person=found, role=role)
        except ValidationError as error:
            form.add_error("role", error)
            return _page(request, found, role_form=form)
        messages.success(
            request,
            _("%(name)s is %(role)s from now on.") % {"name": found.name, "role": Role(role).label},
        )
        # An administrator may have taken the page away from themselves.
        stays = actor.id != str(found.pk) or Permission.MANAGE_PEOPLE in ROLES[role]
        return redirect("person", pk) if stays else redirect("home")
    before, after = ROLES[found.role], ROLES[role]
    context = {
        "person": found,
        "role": role,
        "role_label": Role(role).label,
        "about": wording.ABOUT_ROLES[role],
        "gained": [wording.permission_words(each) for each in wording.in_order(after - before)],
        "lost": [wording.permission_words(each) for each in wording.in_order(before - after)],
        "unchanged": role == found.role,
        "own": actor.id == str(found.pk),
        **step_up.asking(request),
        "trail": _trail(found),
    }
    return render(request, "settings/role_change.html", context)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def person_deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/deactivate/`: let somebody go, at once."""
    actor, found = _asked_for(request, pk)
    try:
        ended = actions.deactivate_person(actor=actor, person=found)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("person", pk)
    messages.success(
        request,
        ngettext(
            "%(name)s can't sign in any more. %(ended)d session was ended.",
            "%(name)s can't sign in any more. %(ended)d sessions were ended.",
            ended,
        )
        % {"name": found.name, "ended": ended},
        extra_tags=f"undo={reverse('person_reactivate', args=[pk])}",
    )
    return redirect("home") if actor.id == str(found.pk) else redirect("person", pk)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def person_reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/reactivate/`: let somebody in again, as they were."""
    actor, found = _asked_for(request, pk)
    actions.reactivate_person(actor=actor, person=found)
    messages.success(request, _("%(name)s can sign in again.") % {"name": found.name})
    return redirect("person", pk)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def person_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/factor/`: for a lost phone; the next sign-in sets up a new app."""
    actor, found = _asked_for(request, pk)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            actions.reset_factor(actor=actor, person=found, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error("reason", error)
        else:
            messages.success(
                request,
                _(
                    "The second factors and recovery codes are reset, and their sessions are ended. %(name)s gets a mail, and "
                    "sets up a new factor at the next sign-in."
                )
                % {"name": found.name},
            )
            return redirect("person", pk)
    return _page(request, found, reason_form=form)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def person_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/sessions/`: end one of somebody's sessions (`session`), or all."""
    actor, found = _asked_for(request, pk)
    ended = actions.end_sessions(actor=actor, person=found, only=record_number(request))
    messages.success(request, ended_words(ended))
    return redirect("person", pk)


@require_POST
@step_up.required(Permission.MANAGE_PEOPLE)
def person_unlock(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/people/<id>/unlock/`: let somebody try again at once who was locked out by wrong guesses."""
    actor, found = _asked_for(request, pk)
    actions.lift_lockout(actor=actor, person=found)
    messages.success(request, _("%(name)s can try to sign in again now.") % {"name": found.name})
    return redirect("person", pk)


def record_number(request: HttpRequest) -> int | None:
    """Which session a form is about; None for all of them."""
    given = request.POST.get("session", "")
    # What is no number is no session of anybody's, and must not mean all of them.
    return None if not given else int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def ended_words(ended: int) -> str:
    """What is told after sessions were ended."""
    if not ended:
        return _("There was no session left to end.")
    return ngettext("%(ended)d session was ended.", "%(ended)d sessions were ended.", ended) % {
        "ended": ended
    }


def _waiting(actor: Actor) -> list[tuple[Invitation, bool]]:
    return [(each, access.invitation_stands(each)) for each in queries.invitations(actor)]


def _asked_for(request: HttpRequest, pk: int) -> tuple[Actor, User]:
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    return actor, get_object_or_404(User, pk=pk)


def _trail(found: User | None = None) -> list[tuple[str, str]]:
    trail = [(_("People"), reverse("settings_people"))]
    return [*trail, (found.name, reverse("person", args=[found.pk]))] if found else trail


def _page(
    request: HttpRequest,
    found: User,
    *,
    name_form: NameForm | None = None,
    role_form: RoleForm | None = None,
    reason_form: ReasonForm | None = None,
) -> HttpResponse:
    refused = bool(name_form or role_form or reason_form)
    user = request.user
    [colleague] = queries.with_access([found])
    context = {
        "person": found,
        "colleague": colleague,
        "about": wording.ABOUT_ROLES.get(found.role, ""),
        "own": user.pk == found.pk,
        "sessions": queries.sessions_of(found, request.session.session_key or ""),
        "sign_ins": queries.sign_ins_of(found),
        "lockouts": lockouts.of(found),
        "sessions_url": reverse("person_sessions", args=[found.pk]),
        "name_form": name_form or NameForm.of(found),
        "role_form": role_form or RoleForm(initial={"role": found.role}),
        "reason_form": reason_form or ReasonForm(),
        "trail": _trail(),
    }
    return render(request, "settings/person.html", context, status=422 if refused else 200)
