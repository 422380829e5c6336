"""Empty databases on the PostgreSQL server that the tests run on, for sites of their own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def a_database() -> Iterator[str]:
    """The address of one that is there within."""
    parameters = connection.get_connection_params()
    where = {key: parameters[key] for key in ("host", "port", "user", "password") if parameters.get(key)}
    name = f"site_{uuid4().hex}"
    with psycopg.connect(**where, dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield f"postgres://{where['user']}@{where['host']}:{where['port']}/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
