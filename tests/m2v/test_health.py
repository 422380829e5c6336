"""Two addresses for probes: by whatever Host, and nothing is said but whether."""

from __future__ import annotations

import pytest

from tests.people import browser

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("host", ["localhost:8000", "10.0.0.7:8000", "evil.example", "_", ""])
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_told_by_whatever_host(path, host, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = browser().get(path, headers={"host": host})

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert not answer.cookies
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_health_takes_nothing(method):
    assert browser().generic(method, "/health/ready").status_code == 405


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/live/", "/health/other"])
def test_there_is_no_other_address_of_health(path):
    assert browser().get(path).status_code in {302, 404}
