"""Addresses of templates and test mails."""

from django.urls import path

from campaigns.designs import views

urlpatterns = [
    path("templates/", views.listing, name="templates"),
    path("templates/new/", views.new, name="template_new"),
    path("templates/<int:pk>/edit/", views.edit, name="template_edit"),
    path("templates/<int:pk>/preview/", views.preview, name="template_preview"),
    path("templates/<int:pk>/duplicate/", views.duplicate, name="template_duplicate"),
    path("templates/<int:pk>/archive/", views.archive, name="template_archive"),
    path("templates/<int:pk>/restore/", views.restore, name="template_restore"),
    path("templates/<int:pk>/undo/", views.undo, name="template_undo"),
    path("templates/<int:pk>/test/", views.test, name="template_test"),
    path("templates/starters/<slug:slug>/preview/", views.starter_preview, name="starter_preview"),
    path("test-mails/<uuid:notice_id>/", views.test_state, name="test_mail"),
]
