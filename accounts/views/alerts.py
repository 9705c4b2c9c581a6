"""Settings, Access, Alerts: what was unusual, and what somebody found who looked at it."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import access, actions, alerts, queries
from accounts.access import Permission
from accounts.forms import AlertFilterForm
from accounts.models import Alert

PAGE = 25


@require_GET
def settings_alerts(request: HttpRequest) -> HttpResponse:
    """`/settings/access/alerts/`: what was unusual, the newest first; unless others are asked for, the open ones."""
    actor = access.of(request)
    form = AlertFilterForm(request.GET or None)
    return _page(
        request, form, Paginator(queries.alerts(actor, form.asked()), PAGE).get_page(request.GET.get("page"))
    )


@require_POST
def alert_close(request: HttpRequest, pk: int) -> HttpResponse:
    """`/settings/access/alerts/<id>/close/`: somebody has looked, and says what they found."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    alert = get_object_or_404(Alert, pk=pk)
    try:
        closed = actions.close_alert(actor=actor, alert=alert, word=request.POST.get("word", ""))
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        if closed:
            messages.success(request, _("Looked at. What you found is kept with it."))
        else:
            messages.info(request, _("Somebody else has looked at it meanwhile."))
    return redirect("settings_alerts")


def _page(request: HttpRequest, form: AlertFilterForm, page: object) -> HttpResponse:
    rows = [(alert, alerts.words(alert), _log(alert)) for alert in page]  # type: ignore[attr-defined]
    context = {
        "form": form,
        "filtered": form.filtered,
        "page": page,
        "rows": rows,
        "trail": [(_("Access"), reverse("settings_access"))],
    }
    return render(request, "settings/alerts.html", context)


def _log(alert: Alert) -> str:
    """Where the rows behind it stand: the audit log, or where there is no page of it, the log of accesses."""
    since, until = timezone.localdate(alert.begins_at), timezone.localdate(alert.ends_at)
    person = str(alert.person_id or "")
    for name, who, first, last in (
        ("audit_log", "actor", "from", "to"),
        ("evidence_access", "person", "since", "until"),
    ):
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        asked = {who: person, first: since.isoformat(), last: until.isoformat()}
        return f"{url}?{urlencode({key: value for key, value in asked.items() if value})}"
    return ""
