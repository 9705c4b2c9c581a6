"""Which lists a segment's rules name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0005_lists"), ("segments", "0001_initial")]

    operations = [
        migrations.AddField(
            "segment", "lists", models.ManyToManyField(related_name="segments", to="contacts.contactlist")
        )
    ]
