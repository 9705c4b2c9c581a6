"""The mailbox providers that the product knows, with gentle starting values for each source."""

from django.db import migrations

# name, MX suffixes, connections, messages a connection, messages a second
PROVIDERS = (
    ("default", [], 10, 100, 20.0),
    ("google", ["google.com", "googlemail.com"], 5, 50, 10.0),
    ("yahoo", ["yahoodns.net"], 10, 20, 5.0),
    ("outlook", ["olc.protection.outlook.com"], 5, 50, 5.0),
    ("office365", ["mail.protection.outlook.com"], 5, 50, 5.0),
    ("apple", ["mail.icloud.com"], 10, 5, 5.0),
    ("comcast", ["comcast.net"], 25, 1000, 20.0),
    ("mimecast", ["mimecast.com"], 10, 100, 10.0),
    ("gmx", ["gmx.net", "web.de"], 4, 20, 5.0),
    ("orange", ["orange.fr"], 2, 100, 2.0),
)


def add(apps, schema_editor):
    provider = apps.get_model("delivery", "Provider")
    provider.objects.using(schema_editor.connection.alias).bulk_create(
        provider(
            name=name,
            mx_suffixes=suffixes,
            connections=connections,
            per_connection=per_connection,
            per_second=per_second,
            burst=int(per_second * 2),
        )
        for name, suffixes, connections, per_connection, per_second in PROVIDERS
    )


class Migration(migrations.Migration):
    dependencies = [("delivery", "0002_partitions")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
