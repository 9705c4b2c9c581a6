"""The two database roles: what the application's may do is said once, after each migrate, and again changes nothing."""

from django.apps import apps
from django.core.management import call_command
from django.db import connections

from safeguards import grants


def privileges(table: str) -> set[str]:
    """What the application's role holds on a table."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT privilege_type FROM information_schema.table_privileges WHERE grantee = %s AND table_name = %s",
            [connections["default"].settings_dict["USER"], table],
        )
        return {row[0] for row in cursor.fetchall()}


ROWS = {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_the_roles_are_two() -> None:
    assert connections["default"].settings_dict["USER"] != connections["owner"].settings_dict["USER"]


def test_every_model_that_says_append_only_is_found() -> None:
    said = {m._meta.db_table for m in apps.get_models() if getattr(m, "append_only", False)}
    assert set(grants.append_only_tables()) == said
    assert {"safeguards_audit_event", "safeguards_audit_link"} <= said
    assert any(table.startswith("consent_") for table in said), "evidence of consent is append-only too"


def test_append_only_holds_by_trigger_as_well_as_by_grant(own_database: str) -> None:
    """The owner migrates, and no grant binds an owner."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only' AND tgenabled <> 'D'"
        )
        assert {row[0] for row in cursor.fetchall()} >= set(grants.append_only_tables())


def test_a_table_made_later_is_usable_and_a_new_ledger_closed_again(own_database: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE later (id int)")
        cursor.execute("GRANT ALL ON safeguards_audit_event TO CURRENT_USER")
        role = connections["default"].settings_dict["USER"]
        cursor.execute(f'GRANT UPDATE, DELETE ON safeguards_audit_event TO "{role}"')
    assert "UPDATE" in privileges("safeguards_audit_event")
    grants.apply()
    assert privileges("later") == ROWS
    assert privileges("safeguards_audit_event") == {"SELECT", "INSERT"}
    grants.apply()
    assert privileges("safeguards_audit_event") == {"SELECT", "INSERT"}


def test_migrate_ends_with_the_grants(own_database: str) -> None:
    with connections["owner"].cursor() as cursor:
        role = connections["default"].settings_dict["USER"]
        cursor.execute(f'GRANT DELETE ON safeguards_audit_link TO "{role}"')
    call_command("migrate", verbosity=0)
    assert privileges("safeguards_audit_link") == {"SELECT", "INSERT"}


def test_the_application_cannot_claim_that_a_migration_ran(own_database: str) -> None:
    assert privileges("django_migrations") == {"SELECT"}
