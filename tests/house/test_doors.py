"""What import contracts can't tell of the doors: who calls them, what the network is reached by, what the log is written with."""

import ast
import re

import pytest
from django.db import DatabaseError, connections, transaction

from safeguards import grants
from tests.house.source import FLOORS, ROOT, calls, everything, product, templates

# Who alone may call, and nobody else.
CALLERS = {
    "campaigns.delivery.verdict.Released": {"campaigns.delivery.gate"},
    "campaigns.delivery.verdict.Withheld": {"campaigns.delivery.gate"},
    "safeguards.phi.Grant": {"accounts.access"},
    "safeguards.phi.unaudited_reader": {"contacts.segments.index"},
    "safeguards.phi.Reader": {"safeguards.phi"},
    "safeguards.notices.opened": {"campaigns.delivery.sending_notices"},
    "safeguards.models.AuditEvent": {"safeguards.audit.recording"},
    "safeguards.fields.message_of": {
        "safeguards.fields",
        "safeguards.notices",
        "safeguards.phi",
        "safeguards.secrets",
    },
}

# Who may reach the network, and by what. Everything else goes through them.
NETWORK = {
    "aiosmtpd": {"campaigns.delivery.sandbox.exchange"},
    "dns": {"campaigns.delivery.routes", "campaigns.delivery.world"},
    "http.client": {"marketing.demo.patients"},
    "http.server": set[str](),
    "httpx": set[str](),
    "requests": set[str](),
    "smtplib": set[str](),
    "socket": {
        # The index process and its clients, over a Unix socket of one user.
        "contacts.segments.client",
        "contacts.segments.index",
        "contacts.segments.wire",
        # Free ports, and whether something listens on them.
        "marketing.processes",
        "marketing.servers.valkey",
    },
    "socketserver": {"contacts.segments.index"},
    "ssl": {
        "campaigns.delivery.opening",
        "campaigns.delivery.sandbox.authority",
        "campaigns.delivery.sandbox.exchange",
        "campaigns.delivery.smtp",
        "campaigns.delivery.transport",
        "campaigns.delivery.world",
    },
    "urllib.request": set[str](),
    "urllib3": set[str](),
}
STREAMS = {"open_connection", "open_unix_connection", "start_server", "start_unix_server", "create_server"}

RESERVED = {"utils", "util", "helpers", "helper", "services", "service", "managers", "common", "misc"}


def test_only_the_gate_and_the_other_doors_make_what_they_alone_may_make() -> None:
    found = [
        f"{module.at(call)} calls {name}"
        for module in product()
        for call, name in calls(module)
        if name in CALLERS and module.name not in CALLERS[name]
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(CALLERS))
def test_what_stands_in_the_table_of_callers_exists_and_is_called(name: str) -> None:
    called = {module.name for module in product() for _, other in calls(module) if other == name}
    assert called == CALLERS[name]


def test_work_is_queued_by_the_queue_door_alone() -> None:
    found = [
        f"{module.at(call)} .{call.func.attr}()"
        for module in product()
        for call, _ in calls(module)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in {"delay", "apply_async", "send_task", "signature"}
        and module.name != "safeguards.queue"
    ]
    assert not found, "\n".join(found)


def test_the_network_is_reached_from_named_modules_only() -> None:
    found = []
    for module in product():
        for node in ast.walk(module.tree):
            names: set[str] = set()
            if isinstance(node, ast.Import):
                names = {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = {node.module} | {f"{node.module}.{each.name}" for each in node.names}
            for means, allowed in NETWORK.items():
                if module.name not in allowed and any(f"{name}.".startswith(f"{means}.") for name in names):
                    found.append(f"{module.at(node)} imports {means}")
    assert not found, "\n".join(found)


def test_streams_are_opened_from_named_modules_only() -> None:
    allowed = {
        "campaigns.delivery.opening",
        "campaigns.delivery.smtp",
        "campaigns.delivery.sandbox.exchange",
        "campaigns.delivery.sandbox.world",
    }
    found = [
        f"{module.at(call)} {call.func.attr}"
        for module in product()
        for call, _ in calls(module)
        if isinstance(call.func, ast.Attribute) and call.func.attr in STREAMS and module.name not in allowed
    ]
    assert not found, "\n".join(found)


def test_nothing_is_imported_behind_the_contracts_back() -> None:
    found = [
        f"{module.at(call)} {name}"
        for module in product()
        for call, name in calls(module)
        if name.split(".")[-1] in {"import_module", "__import__", "import_string", "exec", "eval"}
    ]
    assert not found, "\n".join(found)


def test_no_markup_is_called_safe() -> None:
    found = [
        f"{module.at(call)} {name}"
        for module in product()
        for call, name in calls(module)
        if name.split(".")[-1] in {"mark_safe", "SafeString", "SafeText"}
    ]
    for path in templates():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"\|\s*safe(seq)?\b", line):
                found.append(f"{path.relative_to(ROOT)}:{number} {line.strip()}")
    assert not found, "\n".join(found)


def test_escaping_is_switched_off_in_plain_text_only() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in templates()
        if path.suffix != ".txt" and "autoescape off" in path.read_text()
    ]
    assert not found, "\n".join(found)


def test_no_module_is_a_drawer_for_everything() -> None:
    found = [module.path for module in everything() if RESERVED & set(module.name.split("."))]
    assert not found, "\n".join(found)


def test_every_module_says_what_it_is_for() -> None:
    found = [
        module.path
        for module in everything()
        if module.text.strip()
        and not ast.get_docstring(module.tree)
        and ".migrations." not in module.name
        and module.name.split(".")[0] in {*FLOORS, "tests", "bench", "docker"}
    ]
    assert not found, "\n".join(found)


NOQA = re.compile(r"#\s*noqa(?P<codes>:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*)?(?P<why>.*)", re.I)
IGNORE = re.compile(r"#\s*type:\s*ignore(?P<code>\[[a-z-]+(?:,\s*[a-z-]+)*\])?")


def test_a_check_is_silenced_by_its_code_and_with_a_reason() -> None:
    found = []
    for module in everything():
        for number, line in enumerate(module.text.splitlines(), 1):
            where = f"{module.path}:{number}"
            if (noqa := NOQA.search(line)) and '"' not in line[noqa.start() :]:
                if not noqa["codes"]:
                    found.append(f"{where} noqa without a code")
                elif len(noqa["why"].strip(" -")) < 8:
                    found.append(f"{where} noqa without a reason")
            # mypy's code says what; that it is needed at all, mypy tells (warn_unused_ignores).
            if (ignore := IGNORE.search(line)) and not ignore["code"] and "re.compile" not in line:
                found.append(f"{where} type: ignore without a code")
    assert not found, "\n".join(found)


LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def test_the_log_is_written_with_arguments_and_never_with_an_exceptions_text() -> None:
    """A message made beforehand passes the filter of its template, and an exception may quote a row."""
    found = []
    for module in product():
        for call, _ in calls(module):
            func = call.func
            if not (
                isinstance(func, ast.Attribute)
                and func.attr in LEVELS
                and isinstance(func.value, ast.Name)
                and func.value.id in {"logger", "logging", "log"}
            ):
                continue
            if not call.args or not isinstance(call.args[0], ast.Constant):
                found.append(f"{module.at(call)} the message isn't a constant")
            for argument in call.args[1:]:
                if isinstance(argument, ast.Name) and argument.id in {"error", "exception", "exc", "e"}:
                    found.append(f"{module.at(call)} logs an exception's text")
    assert not found, "\n".join(found)


def test_no_password_or_key_reaches_the_log_by_a_shortcut() -> None:
    found = [
        f"{module.at(call)}"
        for module in product()
        if "/management/" not in module.path and module.name not in {"marketing.bootstrap"}
        for call, name in calls(module)
        if name.split(".")[-1] == "print" or name.startswith(("traceback.", "pprint."))
    ]
    assert not found, "\n".join(found)


def _partitions_of_append_only_tables() -> list[str]:
    """Those that a migration made and those that the application has made; a statement may name one instead of its parent."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT delivery_make_month_partitions('2031-01-15')")
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent::regclass::text = ANY(%s)",
            [grants.append_only_tables()],
        )
        found = [row[0] for row in cursor.fetchall()]
    assert {"delivery_attempt_rest", "delivery_attempt_2031_01"} <= set(found)
    return found


@pytest.mark.parametrize("role", ["default", "owner"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_append_only_tables_refuse_everything_else(own_database: str, role: str, statement: str) -> None:
    assert grants.append_only_tables(), "there is at least the audit log"
    for table in [*grants.append_only_tables(), *_partitions_of_append_only_tables()]:
        with connections[role].cursor() as cursor:
            # The last column: a first one may be an identity, which refuses an update by itself.
            column = connections[role].introspection.get_table_description(cursor, table)[-1].name
            refused = pytest.raises(DatabaseError, match=r"append-only|permission denied")
            with refused, transaction.atomic(using=role):
                cursor.execute(statement.format(table, column, column))


def test_the_application_has_no_more_than_rows(own_database: str) -> None:
    """No DDL, no TRUNCATE, no triggers on any table, and nothing at all in the table of migrations."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, privilege_type FROM information_schema.table_privileges"
            " WHERE grantee = current_user AND table_schema = 'public'"
        )
        held: dict[str, set[str]] = {}
        for table, privilege in cursor.fetchall():
            held.setdefault(table, set()).add(privilege)
    rows = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert held, "the application reads something"
    assert {table: more for table, has in held.items() if (more := has - rows)} == {}
    assert held["django_migrations"] == {"SELECT"}
    for table in grants.append_only_tables():
        assert held[table] == {"SELECT", "INSERT"}, table
