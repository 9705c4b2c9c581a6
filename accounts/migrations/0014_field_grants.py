"""Fields beyond who somebody is, which a role may open for a reason."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ROLES = [
    ("administrator", "Administrator"),
    ("marketer", "Marketer"),
    ("approver", "Approver"),
    ("analyst", "Analyst"),
    ("compliance", "Compliance officer"),
    ("developer", "Developer"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_alerts")]

    operations = [
        migrations.CreateModel(
            name="FieldGrant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("role", models.CharField(choices=ROLES, max_length=20, verbose_name="role")),
                ("field", models.CharField(max_length=60)),
                ("granted_at", models.DateTimeField()),
                (
                    "granted_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "accounts_field_grant",
                "constraints": [
                    models.UniqueConstraint(fields=("role", "field"), name="one_grant_of_a_field")
                ],
            },
        )
    ]
