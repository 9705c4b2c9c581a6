"""Routes that exist with WELLSENT_DEMO=1 alone: who to sign in as, and the mail that arrived in the sandbox."""

from django.urls import path

from marketing.demo import views

urlpatterns = [
    path("demo/", views.people, name="demo_people"),
    path("demo/codes/", views.codes, name="demo_codes"),
    path("demo/code/", views.code, name="demo_code"),
    path("demo/continue/<slug:short>/", views.continue_as, name="demo_continue"),
    path("demo/inbox/", views.inbox, name="demo_inbox"),
    path("demo/inbox/rows/", views.inbox_rows, name="demo_inbox_rows"),
    path("demo/inbox/<str:mail_id>/", views.mail, name="demo_mail"),
    path("demo/inbox/<str:mail_id>/body/", views.body, name="demo_mail_body"),
    path("demo/inbox/<str:mail_id>/one-click/", views.one_click, name="demo_mail_one_click"),
]
