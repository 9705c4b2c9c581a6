"""The patients' pages below the staff's own address, so that the whole demonstration is seen through one port."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import set_script_prefix

PREFIX = "/demo/patient/"


class PatientsPages:
    """Serves `/demo/patient/…` as the patients' host serves `/…`.

    Mail names that host by its own address, which a browser that came through a forwarded port can't reach; the inbox shows
    links by this one. A link that leads out of the demonstration is shown, not followed: nobody is there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        request.is_public = True  # type: ignore[attr-defined]
        request.urlconf = settings.PUBLIC_URLCONF  # type: ignore[attr-defined]
        request.path_info = "/" + request.path_info.removeprefix(PREFIX)
        set_script_prefix(PREFIX)
        try:
            response = self.get_response(request)
        finally:
            set_script_prefix("/")
        leads_to = response.headers.get("Location", "")
        if urlsplit(leads_to).netloc:
            return render(request, "demo/leaving.html", {"leads_to": leads_to})
        return response
