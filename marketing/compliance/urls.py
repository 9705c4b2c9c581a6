"""Routes of the reports."""

from django.urls import path

from marketing.compliance import views

urlpatterns = [
    path("reports/", views.reports, name="reports"),
    path("reports/<int:pk>/", views.report, name="report"),
    path("reports/<int:pk>/message-log.csv", views.message_log, name="message_log"),
]
