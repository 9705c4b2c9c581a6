"""Messages are found by the address's hash, for the question what was sent to somebody after they opted out.

Each partition's index is built without stopping what sends; the parent's is made of them, and covers the partitions to come.
"""

from typing import Any

from django.db import migrations

PARENT = "delivery_message_address"


def build(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {PARENT} ON ONLY delivery_message (address_hash)")
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery_message'::regclass"
        )
        for (partition,) in cursor.fetchall():
            cursor.execute(f"CREATE INDEX CONCURRENTLY {partition}_address ON {partition} (address_hash)")
            cursor.execute(f"ALTER INDEX {PARENT} ATTACH PARTITION {partition}_address")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("delivery", "0008_mailing_clinical")]

    operations = [
        migrations.RunPython(build, migrations.RunPython.noop),
        migrations.RunSQL(migrations.RunSQL.noop, f"DROP INDEX {PARENT}"),
    ]
