"""An import counts its columns, its warnings and its attempts, and says what went wrong in a form that can be translated."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0002_ledger")]

    operations = [
        migrations.AddField("import", "columns", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("import", "warned", models.PositiveIntegerField(default=0)),
        migrations.AddField("import", "attempts", models.PositiveSmallIntegerField(default=0)),
        migrations.RemoveField("import", "problem"),
        migrations.AddField("import", "problem", models.JSONField(null=True)),
    ]
