"""What each batch handed over, by minute: the sending page reads these rows in place of attempts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0009_messages_by_address"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("minute", models.DateTimeField()),
                ("source_id", models.BigIntegerField()),
                ("provider_id", models.BigIntegerField(null=True)),
                ("mailing_id", models.BigIntegerField(null=True)),
                ("kind", models.CharField(max_length=16)),
                ("code", models.PositiveSmallIntegerField(null=True)),
                ("messages", models.PositiveIntegerField()),
            ],
            options={
                "db_table": "delivery_tally",
                "indexes": [models.Index(fields=["minute"], name="tally_minute")],
            },
        ),
    ]
