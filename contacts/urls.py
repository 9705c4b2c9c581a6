"""Addresses of the pages of contacts."""

from django.urls import path

from contacts.views import by_hand, fields, imports, lists, looked, of_segments, people

urlpatterns = [
    path("contacts/", people.contacts, name="contacts"),
    path("contacts/<int:pk>/", people.contact, name="contact"),
    path("contacts/new/", by_hand.new, name="contact_new"),
    path("contacts/<int:pk>/edit/", by_hand.edit, name="contact_edit"),
    path("contacts/<int:pk>/delete/", by_hand.delete, name="contact_delete"),
    path("contacts/<int:pk>/restore/", by_hand.restore, name="contact_restore"),
    path("contacts/<int:pk>/timeline/", people.timeline, name="contact_timeline"),
    path("contacts/<int:pk>/looked/", looked.looked, name="contact_looked"),
    path("contacts/<int:pk>/clinical/", people.clinical, name="contact_clinical"),
    path("contacts/<int:pk>/ask/", people.ask, name="contact_ask"),
    path("contacts/import/", imports.imports, name="imports"),
    path("contacts/import/<uuid:pk>/", imports.detail, name="import"),
    path("contacts/import/<uuid:pk>/map/", imports.map_columns, name="import_map"),
    path("contacts/import/<uuid:pk>/run/", imports.run, name="import_run"),
    path("contacts/import/<uuid:pk>/stop/", imports.stop, name="import_stop"),
    path("contacts/import/<uuid:pk>/progress/", imports.progress, name="import_progress"),
    path("contacts/import/<uuid:pk>/problems/", imports.problems, name="import_problems"),
    path("segments/people/", of_segments.matching, name="segment_matching"),
    path("segments/<int:pk>/people/", of_segments.people, name="segment_people"),
    path("lists/", lists.lists, name="lists"),
    path("lists/new/", lists.new, name="list_new"),
    path("lists/add/", lists.add, name="list_add"),
    path("lists/<int:pk>/", lists.detail, name="list"),
    path("lists/<int:pk>/edit/", lists.edit, name="list_edit"),
    path("lists/<int:pk>/archive/", lists.archive, name="list_archive"),
    path("lists/<int:pk>/restore/", lists.restore, name="list_restore"),
    path("lists/<int:pk>/remove/", lists.remove, name="list_remove"),
    path("lists/<int:pk>/back/<int:membership>/", lists.back, name="list_back"),
    path("lists/<int:pk>/undo/<uuid:batch>/", lists.take_back, name="list_take_back"),
    path("lists/<int:pk>/reach/", lists.reach, name="list_reach"),
    path("settings/fields/", fields.fields, name="settings_fields"),
    path("settings/fields/contacts.csv", fields.empty_file, name="fields_csv"),
]
