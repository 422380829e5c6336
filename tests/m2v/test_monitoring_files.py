"""The alarms, the dashboard and the page about them name metrics that there are, and all of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from prometheus_client import REGISTRY

from audit.acts import EVERYTHING
from companies.listing.kinds import Chip
from m2v.metrics import counters
from m2v.metrics.gauges import asked

CONTRIB = Path(settings.ROOT) / "contrib"
RULES = CONTRIB / "prometheus" / "m2v.rules.yml"
DASHBOARD = CONTRIB / "grafana" / "m2v.json"
OPERATIONS = Path(settings.ROOT) / "docs" / "operations.md"
METRIC = re.compile(r"\bm2v_[a-z_]+")


@pytest.fixture
def there(db):
    """The name of each series, as Prometheus keeps it."""
    assert counters.SIGN_INS
    families = [family for family in [*REGISTRY.collect(), *asked()] if family.name.startswith("m2v_")]
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {family.name + end for family in families for end in ends[family.type]}


def expressions():
    alarms = [json.loads(text) for text in re.findall(r"^        expr: (\".*\")$", RULES.read_text(), re.MULTILINE)]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return alarms, [target["expr"] for panel in panels for target in panel["targets"]]


def test_alarms_and_dashboard_ask_for_what_is_told(there):
    alarms, panels = expressions()

    assert len(alarms) == RULES.read_text().count("- alert:") >= 10
    assert len(panels) >= 12
    for expression in [*alarms, *panels]:
        assert set(METRIC.findall(expression)) <= there, expression
        assert expression.count("(") == expression.count(")")


def test_what_they_choose_by_is_told():
    known = {
        "outcome": {"succeeded", "refused", "throttled"},
        "status": {"2xx", "3xx", "4xx", "5xx"},
        "state": {"all", *(str(chip) for chip in Chip)},
        "act": {str(action) for action in EVERYTHING & counters.FACTOR_ACTS},
        "view": {"gateway"},
        "job": {"m2v"},
    }
    chosen = [each for part in expressions() for one in part for each in re.findall(r"(\w+)=~?\"([^\"]+)\"", one)]

    assert len(chosen) >= 10
    for label, said in chosen:
        assert set(said.split("|")) <= known[label], said


def test_the_dashboard_shows_every_metric_and_the_page_explains_it(there):
    shown = {name for one in expressions()[1] for name in METRIC.findall(one)}
    explained = set(re.findall(r"`(m2v_[a-z_]+)`", OPERATIONS.read_text()))
    series = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in there}

    assert {name.removesuffix("_bucket") for name in shown} == series
    assert explained == series


def test_the_page_says_what_each_alarm_means():
    alarms = re.findall(r"- alert: (\w+)", RULES.read_text())

    assert set(alarms) == set(re.findall(r"^\| `(M2v\w+)` \|", OPERATIONS.read_text(), re.MULTILINE))
