"""Routes of the reports and of the evidence."""

from django.urls import path

from marketing.compliance import views
from marketing.compliance.rules import Kind

urlpatterns = [
    path("reports/", views.reports, name="reports"),
    path("reports/<int:pk>/", views.report, name="report"),
    path("compliance/", views.compliance, name="compliance"),
    *(
        path(f"compliance/{kind.value}/", views.listing, {"kind": kind}, name=f"evidence_{kind.name.lower()}")
        for kind in Kind
    ),
    path("compliance/<slug:kind>.csv", views.evidence_csv, name="evidence_csv"),
    path("compliance/<slug:kind>/taken/", views.evidence_taken, name="evidence_taken"),
    path("compliance/messages/<int:mailing>/<int:message>/", views.evidence_message, name="evidence_message"),
]
