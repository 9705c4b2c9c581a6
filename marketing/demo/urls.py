"""Routes that exist with WELLSENT_DEMO=1 alone: who to sign in as, and the mail that arrived in the sandbox."""

from django.urls import path

from marketing.demo import views

urlpatterns = [
    path("demo/", views.people, name="demo_people"),
    path("demo/codes/", views.codes, name="demo_codes"),
    path("demo/inbox/", views.inbox, name="demo_inbox"),
    path("demo/inbox/<str:mail_id>/", views.mail, name="demo_mail"),
    path("demo/inbox/<str:mail_id>/body/", views.body, name="demo_mail_body"),
]
