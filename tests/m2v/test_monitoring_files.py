"""The alarms, the dashboard and the page about them name metrics that there are, and all of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
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
SCRAPED = CONTRIB / "prometheus" / "prometheus.yml"
OPERATIONS = Path(settings.ROOT) / "docs" / "operations.md"
PROMTOOL = shutil.which("promtool")
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
        "state": {"all", *(str(chip) for chip in Chip), "failed"},
        "act": {str(action) for action in EVERYTHING & counters.FACTOR_ACTS},
        "view": {"gateway"},
        "job": {"m2v", "node"},
        # Of the node exporter, about the units that are begun each night.
        "name": {path.with_suffix(".service").name for path in (CONTRIB / "systemd").glob("*.timer")},
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


def test_what_prometheus_asks_is_the_job_that_the_alarms_know_at_every_machine():
    text = SCRAPED.read_text()
    targets = re.findall(r'(?m)^          - "([\d.]+):(\d+)"$', text)
    machines = re.findall(r"server ([\d.]+):8000", (CONTRIB / "nginx" / "m2v.conf").read_text())
    page = OPERATIONS.read_text()

    assert re.findall(r"job_name: (\S+)", text) == ["m2v", "node"]
    assert 'up{job=\\"m2v\\"}' in RULES.read_text()
    ours, nodes = targets[: len(machines)], targets[len(machines) :]
    assert [address for address, _port in ours] == [address for address, _port in nodes] == machines
    assert {f"METRICS={address}:{port}" for address, port in ours} & set(re.findall(r"METRICS=[\d.:]+", page))
    assert re.findall(r"rule_files:\n  - (\S+)", text) == [RULES.name]
    assert "contrib/prometheus/prometheus.yml" in page
    for label in set(re.findall(r"severity: (\w+)", RULES.read_text())):
        assert f'"{label}"' in text, "where it goes"


def test_the_page_says_what_each_alarm_means():
    alarms = re.findall(r"- alert: (\w+)", RULES.read_text())

    assert set(alarms) == set(re.findall(r"^\| `(M2v\w+)` \|", OPERATIONS.read_text(), re.MULTILINE))


# --- By Prometheus' own program ---

by_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on this machine (Debian: prometheus)")
HOURS = 2
EVERY_MINUTE = 60 * HOURS
# What has to happen for each alarm to ring: series, and what each is at the start and gains every minute.
RINGING = {
    "M2vDoesNotAnswer": {'up{job="m2v",instance="a"}': (0, 0)},
    "M2vDatabaseAway": {"m2v_database_up": (0, 0)},
    "M2vFailures": {
        'm2v_answers_total{view="home",status="2xx"}': (0, 90),
        'm2v_answers_total{view="home",status="5xx"}': (0, 10),
    },
    "M2vSlow": {
        'm2v_request_seconds_bucket{view="home",le="1"}': (0, 90),
        'm2v_request_seconds_bucket{view="home",le="5"}': (0, 100),
        'm2v_request_seconds_bucket{view="home",le="+Inf"}': (0, 100),
    },
    "M2vTurnedAway": {'m2v_answers_total{view="gateway",status="5xx"}': (0, 1)},
    "M2vGuessing": {'m2v_sign_ins_total{method="password",outcome="refused"}': (0, 100)},
    "M2vThrottled": {'m2v_throttled_total{view="login"}': (0, 100)},
    "M2vNobodySignsIn": {'m2v_sign_ins_total{method="password",outcome="refused"}': (0, 1)},
    "M2vMailWaits": {"m2v_mail_oldest_seconds": (700, 60)},
    "M2vMailGivenUp": {"m2v_mail_given_up": (11, 0)},
    "M2vQueueWaits": {"m2v_tasks_oldest_seconds": (700, 60)},
    "M2vWorkGivenUp": {"m2v_work_given_up": (1, 0)},
    "M2vAuditUnsealed": {"m2v_audit_unsealed_oldest_seconds": (1000, 60)},
    "M2vDatabaseErrors": {"m2v_database_errors_total": (0, 10)},
    "M2vErrorsOfTheLog": {'m2v_logged_errors_total{logger="django.request"}': (0, 2)},
    "M2vFactorsRemoved": {'m2v_factor_changes_total{act="user_reset"}': (0, 2)},
    "M2vDiskFills": {'node_filesystem_avail_bytes{job="node",instance="a",mountpoint="/",fstype="ext4"}': (9e8, 0)},
    "M2vUnitFailed": {'node_systemd_unit_state{name="m2v-backup.service",state="failed"}': (1, 0)},
}
QUIET = {
    'up{job="m2v",instance="a"}': (1, 0),
    "m2v_database_up": (1, 0),
    'm2v_answers_total{view="home",status="2xx"}': (0, 600),
    'm2v_answers_total{view="gateway",status="5xx"}': (3, 0),
    'm2v_request_seconds_bucket{view="home",le="1"}': (0, 600),
    'm2v_request_seconds_bucket{view="home",le="+Inf"}': (0, 600),
    'm2v_sign_ins_total{method="password",outcome="succeeded"}': (0, 20),
    'm2v_sign_ins_total{method="password",outcome="refused"}': (0, 4),
    'm2v_throttled_total{view="login"}': (0, 1),
    "m2v_mail_oldest_seconds": (5, 0),
    "m2v_mail_given_up": (1, 0),
    "m2v_tasks_oldest_seconds": (2, 0),
    "m2v_work_given_up": (0, 0),
    "m2v_audit_unsealed_oldest_seconds": (30, 0),
    "m2v_database_errors_total": (1, 0),
    'm2v_logged_errors_total{logger="django.request"}': (2, 0),
    'm2v_factor_changes_total{act="user_reset"}': (3, 0),
    'node_filesystem_avail_bytes{job="node",instance="a",mountpoint="/",fstype="ext4"}': (9e9, 0),
    'node_filesystem_avail_bytes{job="node",instance="a",mountpoint="/run",fstype="tmpfs"}': (1e6, 0),
    'node_filesystem_avail_bytes{job="node",instance="a",mountpoint="/boot/efi",fstype="vfat"}': (2e8, 0),
    'node_systemd_unit_state{name="m2v-audit-verify.service",state="failed"}': (0, 0),
    'node_systemd_unit_state{name="m2v-audit-verify.service",state="inactive"}': (1, 0),
    'node_systemd_unit_state{name="of-another.service",state="failed"}': (1, 0),
}


def promtool(*arguments):
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def case(series, expression, samples):
    """A test of promtool's: what `expression` is after two hours of these series."""
    return {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": f"{start}+{gain}x{EVERY_MINUTE}"} for name, (start, gain) in series.items()
        ],
        "promql_expr_test": [{"expr": expression, "eval_time": f"{HOURS}h", "exp_samples": samples}],
    }


@by_promtool
def test_each_alarm_rings_when_it_should_though_nothing_else_ever_happened_and_none_on_a_quiet_day(tmp_path):
    assert set(RINGING) == set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    rings = [{"labels": "{}", "value": 1}]
    cases = [
        case(series, f'count(ALERTS{{alertname="{alarm}",alertstate="firing"}})', rings)
        for alarm, series in RINGING.items()
    ]
    file = tmp_path / "alarms.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": [*cases, case(QUIET, "ALERTS", [])]}))

    promtool("test", "rules", str(file))


@by_promtool
def test_prometheus_reads_the_alarms_and_what_the_dashboard_asks(tmp_path):
    asked = [expression.replace("$__rate_interval", "5m") for expression in expressions()[1]]
    rules = [{"record": f"m2v:panel_{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    promtool("check", "rules", str(RULES), str(file))


@by_promtool
def test_prometheus_takes_its_settings():
    promtool("check", "config", str(SCRAPED))
