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
        if kind is not Kind.LOG
    ),
    path("compliance/log/", views.audit_log, name="audit_log"),
    path("compliance/log/<int:pk>/", views.audit_row, name="audit_row"),
    path("compliance/log/verify/", views.audit_verify, name="audit_verify"),
    path("compliance/log/verifications/<int:pk>/", views.audit_verification, name="audit_verification"),
    path("compliance/log/patients/", views.audit_patients, name="audit_patients"),
    path("compliance/log/patients/<int:pk>/", views.audit_patient, name="audit_patient"),
    path("compliance/reviews/", views.log_reviews, name="log_reviews"),
    path("compliance/reviews/<int:pk>/", views.log_review, name="log_review"),
    path("compliance/reviews/<int:pk>/sign/", views.log_review_sign, name="log_review_sign"),
    path("compliance/reviews/<int:pk>.csv", views.log_review_csv, name="log_review_csv"),
    path("compliance/<slug:kind>.csv", views.evidence_csv, name="evidence_csv"),
    path("compliance/<slug:kind>/taken/", views.evidence_taken, name="evidence_taken"),
    path("compliance/messages/<int:mailing>/<int:message>/", views.evidence_message, name="evidence_message"),
]
