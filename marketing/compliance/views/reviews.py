"""Log reviews: the list, one of them with its figures, its signatures, and its file."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import access, step_up
from accounts.access import Permission
from marketing.compliance import actions, queries
from marketing.compliance.forms import SecondForm, SignForm
from marketing.compliance.models import Review
from marketing.compliance.rules import Every
from marketing.compliance.views.tabs import REVIEWS, tabs

PAGE = 25


@require_safe
def log_reviews(request: HttpRequest) -> HttpResponse:
    """`/compliance/reviews/`: every period that has to be looked at, with who signed it and when."""
    page = Paginator(queries.reviews(access.of(request)), PAGE).get_page(request.GET.get("page"))
    context = {
        "tabs": tabs(REVIEWS),
        "page": page,
        "rows": [(review, queries.days_of(review), _pill(review)) for review in page],
        "is_weekly": queries.how_often() is Every.WEEK,
    }
    return render(request, "compliance/reviews.html", context)


def _pill(review: Review) -> tuple[str, str]:
    if review.signed_at is None:
        if review.due_at <= timezone.now():
            return "bad", _("Overdue")
        return "warn", _("Waits to be signed")
    if review.second_asked and review.second_at is None:
        return "info", _("Waits for a second reader")
    return "ok", _("Signed")


@require_safe
def log_review(request: HttpRequest, pk: int) -> HttpResponse:
    """`/compliance/reviews/<id>/`: what to look at in a period; each figure leads to the rows behind it."""
    return _page(request, pk)


def _page(
    request: HttpRequest,
    pk: int,
    *,
    form: SignForm | SecondForm | None = None,
    problem: str = "",
) -> HttpResponse:
    actor = access.of(request)
    page = queries.review_page(actor, pk) if pk < 2**63 else None
    if page is None:
        raise Http404
    review = page.review
    first, last = queries.days_of(review)
    asks_second = review.second_asked and review.second_at is None
    if review.signed_at is None:
        form = form or SignForm(initial={"digest": page.digest})
    elif asks_second and review.signed_by_id != int(actor.id):
        form = form or SecondForm()
    else:
        form = None
    context = {
        "trail": [(_("Compliance"), reverse("compliance")), (_("Log reviews"), reverse("log_reviews"))],
        "page": page,
        "review": review,
        "first_day": first,
        "last_day": last,
        "pill": _pill(review),
        "form": form,
        "problem": problem,
        "only_own": bool(page.own and page.own == page.by_people and page.others and not review.signed_at),
        "asks_second": asks_second,
        "csv_url": reverse("log_review_csv", args=[pk]),
    }
    refused = bool(problem or (form and form.is_bound and form.errors))
    return render(request, "compliance/review.html", context, status=422 if refused else 200)


@require_POST
@step_up.required(Permission.VIEW_AUDIT)
def log_review_sign(request: HttpRequest, pk: int) -> HttpResponse:
    """`/compliance/reviews/<id>/sign/`: sign it, or read it as the second one, with a fresh code."""
    actor = access.of(request)
    review = Review.objects.filter(pk=pk).first() if pk < 2**63 else None
    if review is None:
        raise Http404
    form: SignForm | SecondForm = (
        SignForm(request.POST) if review.signed_at is None else SecondForm(request.POST)
    )
    if not form.is_valid():
        return _page(request, pk, form=form)
    note = form.cleaned_data["note"]
    try:
        if isinstance(form, SignForm):
            signed = actions.sign_review(
                actor=actor, review=review, digest=form.cleaned_data["digest"], note=note
            )
        else:
            signed = actions.sign_second(actor=actor, review=review, note=note)
    except actions.AlreadySigned:
        return _page(request, pk, problem=_("Somebody else has signed it meanwhile. Nothing was changed."))
    except actions.FiguresChanged:
        fresh = SignForm(initial={"digest": queries.digest_now(actor, pk), "note": note})
        problem = _("Figures have changed since the page was shown. Look at them again, and sign then.")
        return _page(request, pk, form=fresh, problem=problem)
    except actions.NotTheirs:
        return _page(request, pk, problem=_("This isn't yours to sign: ask one of the other readers."))
    if signed.second_asked and signed.second_at is None:
        messages.success(
            request, _("Signed. Since some of it was your own doing, a second reader is asked for.")
        )
    else:
        messages.success(request, _("Signed."))
    return redirect("log_review", pk=pk)


@step_up.required(Permission.EXPORT_EVIDENCE, asks_reading=True, takes_away=True)
@require_safe
def log_review_csv(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`/compliance/reviews/<id>.csv`: the review as a file, for a fresh code."""
    try:
        evidence = actions.export_review(actor=access.of(request), pk=min(pk, 2**63 - 1))
    except LookupError:
        raise Http404 from None
    response = FileResponse(
        evidence.file, as_attachment=True, filename=evidence.name, content_type="text/csv; charset=utf-8"
    )
    response["X-Content-SHA256"] = evidence.sha256
    return response
