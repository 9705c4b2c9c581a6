"""Routes of the patients' consent pages, on the public host."""

from django.urls import path

from contacts.consent import public_views

urlpatterns = [
    path("f/confirm/<str:token>/", public_views.confirm, name="public_confirm"),
    path("u/<str:token>/", public_views.unsubscribe, name="public_unsubscribe"),
    path("p/<str:token>/", public_views.preferences, name="public_preferences"),
]
