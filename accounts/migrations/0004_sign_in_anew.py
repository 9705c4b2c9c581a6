"""Everybody signs in anew: sessions from before have no record by which they could be listed and ended."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Empties the sessions."""

    dependencies: ClassVar[list[tuple[str, str]]] = [("accounts", "0003_sessions_by_person")]

    operations: ClassVar[list[migrations.RunSQL]] = [
        migrations.RunSQL("DELETE FROM django_session", migrations.RunSQL.noop)
    ]
