"""Routes of the pixel and the redirect, on the public host."""

from django.urls import path

from campaigns.tracking import public_views

urlpatterns = [
    path("o/<str:token>.gif", public_views.opened, name="public_open"),
    path("c/<str:token>/", public_views.clicked, name="public_click"),
]
