"""What waits of one mailing, and since when, is read from an index of its own: a page asks every few seconds.

Each partition's index is built without stopping what sends; the parent's is made of them, and covers the partitions to come.
"""

from typing import Any

from django.db import migrations

PARENT = "delivery_message_waiting"


def build(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX {PARENT} ON ONLY delivery_message (mailing_id, due) WHERE state = 'queued'"
        )
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery_message'::regclass"
        )
        for (partition,) in cursor.fetchall():
            cursor.execute(
                f"CREATE INDEX CONCURRENTLY {partition}_waiting ON {partition} (mailing_id, due)"
                " WHERE state = 'queued'"
            )
            cursor.execute(f"ALTER INDEX {PARENT} ATTACH PARTITION {partition}_waiting")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("delivery", "0010_tallies")]

    operations = [
        migrations.RunPython(build, migrations.RunPython.noop),
        migrations.RunSQL(migrations.RunSQL.noop, f"DROP INDEX {PARENT}"),
    ]
