"""Routes of pictures in mails, and of what a test mail's footer leads to, on the public host."""

from django.urls import path

from campaigns.designs import public_views

urlpatterns = [
    path("i/<str:name>", public_views.picture, name="public_picture"),
    path("test/", public_views.test, name="public_test"),
]
