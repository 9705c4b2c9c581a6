"""Whom an import's file had who was a contact already, so that its count of updates leads to them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0007_import_into_list")]

    operations = [
        migrations.CreateModel(
            name="ImportedAgain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contacts.contact",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="again",
                        to="contacts.import",
                    ),
                ),
            ],
            options={
                "db_table": "contacts_imported_again",
                "constraints": [
                    models.UniqueConstraint(fields=("source", "contact"), name="imported_again_once")
                ],
            },
        )
    ]
