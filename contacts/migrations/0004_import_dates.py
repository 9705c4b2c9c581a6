"""How each column of a file writes its dates."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_import_counts")]

    operations = [migrations.AddField("import", "dates", models.JSONField(default=dict))]
