"""PostgreSQL and Valkey from Python wheels, so that one command starts the product on a bare machine.

Everything lies under one *state folder* (``var/``): passwords, logs, and ``servers.json``, by which other
processes find the servers. Neither server listens on a network; both are reached by Unix sockets. Two state
folders are two independent pairs of servers.

PostgreSQL refuses to run as root. Started by root, both servers run as ``postgres`` (or ``nobody``), and what
they keep must lie where that user can go: if it can't enter the state folder (a tree under ``/root``), data
and sockets go to ``/var/lib/wellsent/<digest of the folder's path>``, and ``passwords.json`` remembers where.
The mode of an existing directory is never changed.

This package imports no Django: ``marketing.settings`` asks ``running()`` while it is itself being imported.
"""

from marketing.servers.addresses import Addresses, ServersError, Status, running
from marketing.servers.pair import Servers
from marketing.servers.postgres import GRANTS, POSTGRES_SETTINGS

__all__ = ["GRANTS", "POSTGRES_SETTINGS", "Addresses", "Servers", "ServersError", "Status", "running"]
