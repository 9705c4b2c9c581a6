"""A message's life counts from its first attempt, which hasn't come for what waits untried."""

from django.db import migrations

FORWARD = """
ALTER TABLE delivery_message ALTER COLUMN first_due DROP NOT NULL;
UPDATE delivery_message SET first_due = NULL WHERE state = 'queued' AND attempts = 0;
"""
BACKWARD = """
UPDATE delivery_message SET first_due = due WHERE first_due IS NULL;
ALTER TABLE delivery_message ALTER COLUMN first_due SET NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("delivery", "0005_months_ahead")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
