"""Addresses of the pages of contacts."""

from django.urls import path

from contacts.views import fields, imports, people

urlpatterns = [
    path("contacts/", people.contacts, name="contacts"),
    path("contacts/<int:pk>/", people.contact, name="contact"),
    path("contacts/<int:pk>/clinical/", people.clinical, name="contact_clinical"),
    path("contacts/<int:pk>/ask/", people.ask, name="contact_ask"),
    path("contacts/import/", imports.imports, name="imports"),
    path("contacts/import/<uuid:pk>/", imports.detail, name="import"),
    path("contacts/import/<uuid:pk>/map/", imports.map_columns, name="import_map"),
    path("contacts/import/<uuid:pk>/run/", imports.run, name="import_run"),
    path("contacts/import/<uuid:pk>/stop/", imports.stop, name="import_stop"),
    path("contacts/import/<uuid:pk>/progress/", imports.progress, name="import_progress"),
    path("contacts/import/<uuid:pk>/problems/", imports.problems, name="import_problems"),
    path("settings/fields/", fields.fields, name="settings_fields"),
    path("settings/fields/contacts.csv", fields.empty_file, name="fields_csv"),
]
