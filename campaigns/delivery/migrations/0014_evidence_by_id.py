"""Attempts and events are read by their ids, for the digests that the audit log has of them.

Each partition's index is built without stopping what sends; the parent's is made of them, and covers the partitions to come.
"""

from typing import Any

from django.db import migrations

TABLES = ("delivery_attempt", "delivery_message_event")


def build(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE INDEX {table}_by_id ON ONLY {table} (id)")
            cursor.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table]
            )
            for (partition,) in cursor.fetchall():
                cursor.execute(f"CREATE INDEX CONCURRENTLY {partition}_by_id ON {partition} (id)")
                cursor.execute(f"ALTER INDEX {table}_by_id ATTACH PARTITION {partition}_by_id")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("delivery", "0013_last_selector_number")]

    operations = [
        migrations.RunPython(build, migrations.RunPython.noop),
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "DROP INDEX delivery_attempt_by_id; DROP INDEX delivery_message_event_by_id",
        ),
    ]
