"""Monitoring asks a server of several processes: one answer for all of them, at an address that is not the site's."""

from __future__ import annotations

import os
import signal
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.site import Site, within
from tests.with_postgres import free_port


@pytest.fixture
def watched(folder):
    site = Site(folder)
    site.metrics = free_port()
    site.environment["METRICS"] = f"127.0.0.1:{site.metrics}"
    with site.served():
        yield site


def told(site, name, **labels):
    """The sum of what is said under this name; None while nobody answers."""
    connection = HTTPConnection("127.0.0.1", site.metrics, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except OSError:
        return None
    finally:
        connection.close()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = [each.value for each in samples if each.name == name and labels.items() <= each.labels.items()]
    return sum(found) if found else 0


def wait_until(true, seconds=30):
    end = monotonic() + within(seconds)
    while not true():
        assert monotonic() < end
        sleep(0.1)


def wrong_passwords(site, number):
    form = site.form()
    for each in range(number):
        headers, fields = form
        body = "&".join(f"{name}={value}" for name, value in (fields | {"username": f"kim{each % 16}"}).items())
        site.ask("POST", "/login/", body=f"{body}&password=wrong", headers=headers)


def test_all_processes_are_counted_together_and_a_killed_one_takes_nothing_away(watched):
    wait_until(lambda: told(watched, "m2v_database_up") == 1)
    wrong_passwords(watched, 12)
    refused = {"method": "password", "outcome": "refused"}

    assert told(watched, "m2v_sign_ins_total", **refused) == 12
    assert told(watched, "m2v_request_seconds_count", view="login") >= 13
    workers = watched.workers()
    os.kill(workers[0], signal.SIGKILL)
    wait_until(lambda: len(set(watched.workers()) - {workers[0]}) == 2)
    watched.wait_until_it_answers(within(30))
    assert told(watched, "m2v_sign_ins_total", **refused) == 12
    wrong_passwords(watched, 4)
    assert told(watched, "m2v_sign_ins_total", **refused) == 16


def test_what_the_gateway_refuses_is_counted_and_the_site_itself_tells_nothing(watched):
    wait_until(lambda: told(watched, "m2v_database_up") == 1)
    status, _headers, _body = watched.ask("POST", "/login/", headers={"Content-Length": "999999"})

    assert status == 413
    assert told(watched, "m2v_answers_total", view="gateway", status="4xx") == 1
    assert watched.get("/metrics")[0] == 404


def test_nothing_is_left_in_memory_once_the_server_has_stopped(folder):
    def kept():
        return set(Path("/dev/shm").glob("m2v-metrics-*"))

    before, site = kept(), Site(folder)
    site.environment["METRICS"] = f"127.0.0.1:{free_port()}"
    with site.served():
        during = kept() - before

    assert len(during) == 1
    assert kept() & during == set()
