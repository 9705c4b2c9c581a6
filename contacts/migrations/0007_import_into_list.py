"""The list that everybody in an import's file goes on."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0006_membership_ledger")]

    operations = [
        migrations.AddField(
            "import",
            "into_list",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="imports",
                to="contacts.contactlist",
            ),
        )
    ]
