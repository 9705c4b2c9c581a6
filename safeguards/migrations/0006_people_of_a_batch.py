"""Rows of a page of people name them by pseudonym: an index finds the rows that name one of them."""

from django.db import migrations

FORWARD = """
CREATE INDEX CONCURRENTLY audit_patients_named ON safeguards_audit_event
    USING gin ((details -> 'patients') jsonb_path_ops) WHERE details ? 'patients'
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("safeguards", "0005_search_of_the_log")]

    operations = [migrations.RunSQL(FORWARD, "DROP INDEX CONCURRENTLY audit_patients_named")]
