"""A server of the database that answers, and takes no writes: it became a standby behind its pool, or its disk is nearly full."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.people import PASSWORD

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite says it as an outage"),
]


@pytest.fixture
def read_only():
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    yield
    connection.close()


def test_it_is_a_503_and_left_for_a_server_that_takes_them(kim, read_only, caplog):
    kim.client.raise_request_exception = False
    refused = kim.client.post("/login/", {"username": "kim", "password": PASSWORD})
    taken = kim.client.post("/login/", {"username": "kim", "password": PASSWORD})

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert taken.status_code == 302
    assert "the database takes no writes" in caplog.text
