"""Two database roles: the owner migrates, the application reads and writes rows, and only inserts where a log is append-only."""

from django.apps import apps
from django.conf import settings
from django.db import connections
from psycopg import sql


def apply(using: str = "owner") -> None:
    """Give the application's role what it needs on every table, and no more. Runs as the owner, after each migrate."""
    owner = connections[using].settings_dict["USER"]
    role = str(settings.DATABASES["default"]["USER"])
    if role == owner:
        return
    to = sql.Identifier(role)
    with connections[using].cursor() as cursor:
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {}",
            "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON django_migrations FROM {}",
        ):
            cursor.execute(sql.SQL(statement).format(to))
        for table in append_only_tables():
            cursor.execute(
                sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(sql.Identifier(table), to)
            )


def append_only_tables() -> list[str]:
    """Tables whose model says `append_only`."""
    return sorted(m._meta.db_table for m in apps.get_models() if getattr(m, "append_only", False))
