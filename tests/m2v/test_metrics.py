"""What monitoring is told: that it is true, complete, and names nobody."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings as site
from django.db import OperationalError
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from accounts.mail_models import MailFate, OwedMail
from accounts.owed import Draft, owe
from audit.recording import listeners, record
from audit.sealing.checkpoints import seal_lines
from audit.vocabulary import Action
from companies import services as companies
from m2v.metrics import counters
from m2v.metrics.gauges import asked
from mfa import services
from mfa.policy import Method
from tests.people import Person, browser


@pytest.fixture
def counting(settings):
    """A site that counts, as METRICS makes it."""
    first = settings.MIDDLEWARE.index("m2v.health.HealthMiddleware") + 1
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:first],
        "m2v.metrics.middleware.RequestTimesMiddleware",
        *settings.MIDDLEWARE[first:],
    ]
    counters.begin_to_count()
    yield
    listeners.remove(counters.count_line)
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, counters.ErrorsCounted)]:
        root.removeHandler(handler)


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0


class Since:
    """What was counted since it was made."""

    def __init__(self, name, **labels):
        self._asked = (name, labels)
        self._before = value(name, **labels)

    @property
    def more(self):
        name, labels = self._asked
        return value(name, **labels) - self._before


def gauges():
    """What is known of the database, by name and labels."""
    return {(sample.name, *sample.labels.values()): sample.value for family in asked() for sample in family.samples}


@pytest.mark.django_db(transaction=True)
def test_sign_ins_are_counted_by_method_and_outcome(counting, kim):
    kim.set_up_app()
    done = Since("m2v_sign_ins_total", method="password+totp", outcome="succeeded")
    refused = Since("m2v_sign_ins_total", method="password", outcome="refused")

    kim.enter_password("wrong")
    kim.enter_password()
    kim.enter_code()

    assert (done.more, refused.more) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_changes_of_factors_are_counted_once_they_are_committed(counting, kim, admin):
    asked = Since("m2v_factor_changes_total", act="passkey_requested")
    switched = Since("m2v_factor_changes_total", act="two_factor_enabled")
    made = Since("m2v_factor_changes_total", act="app_set_up")

    services.enable_two_factor(kim.user, actor=admin)
    kim.set_up_app()
    services.request_passkey(kim.user, actor=admin)

    assert switched.more == 1
    assert made.more == 1
    assert asked.more == 0, "a request changes no factor"


def test_what_alarms_ring_for_is_there_before_it_happens():
    """A series that begins with what it counts has gained nothing, to Prometheus: of 5000 at once it would see none."""
    for family in (counters.FACTOR_CHANGES, counters.SIGN_INS, counters.ANSWERS):
        family.clear()

    counters.count_from_nothing()

    for act in map(str, counters.FACTOR_ACTS):
        assert REGISTRY.get_sample_value("m2v_factor_changes_total", {"act": act}) == 0, act
    for method in Method:
        for outcome in ("succeeded", "refused", "throttled"):
            labels = {"method": str(method), "outcome": outcome}
            assert REGISTRY.get_sample_value("m2v_sign_ins_total", labels) == 0
    assert REGISTRY.get_sample_value("m2v_answers_total", {"view": "gateway", "status": "5xx"}) == 0


def test_what_is_undone_is_not_counted(counting, kim, django_capture_on_commit_callbacks):
    counted = Since("m2v_sign_ins_total", method="password", outcome="refused")
    with django_capture_on_commit_callbacks(execute=False) as held_back:
        record(Action.REFUSED, actor=None, subject=kim.user, methods=["password"], reason="WrongPassword")

    assert held_back
    assert counted.more == 0


@pytest.mark.django_db(transaction=True)
def test_answers_that_say_to_wait_are_counted(counting, kim):
    throttled = Since("m2v_throttled_total", view="login")
    outcome = Since("m2v_sign_ins_total", method="password", outcome="throttled")

    statuses = [kim.enter_password(f"wrong {number}").status_code for number in range(12)]

    assert 429 in statuses
    assert throttled.more == statuses.count(429)
    assert outcome.more == statuses.count(429)


def test_answers_and_times_are_counted_by_view_and_never_by_path(counting, kim):
    kim.sign_in()
    seen = Since("m2v_answers_total", view="portal", status="2xx")
    timed = Since("m2v_request_seconds_count", view="portal")
    unknown = Since("m2v_answers_total", view="none", status="4xx")

    kim.client.get("/portal/?q=kim.hansen@example.com")
    kim.client.get("/nowhere/kim.hansen/")

    assert (seen.more, timed.more, unknown.more) == (1, 1, 1)


def test_errors_of_the_log_are_counted_those_of_the_database_apart(counting):
    away, mail, other = (
        Since("m2v_database_errors_total"),
        Since("m2v_logged_errors_total", logger="m2v.mail"),
        Since("m2v_logged_errors_total", logger="other"),
    )
    logging.getLogger("m2v.mail").error("given up")
    logging.getLogger("m2v.mail").warning("tried again")
    logging.getLogger("kim.hansen").error("of a stranger's name", exc_info=OperationalError("gone"))

    assert (away.more, mail.more, other.more) == (1, 1, 1)


def view_names(patterns, before=""):
    for each in patterns:
        if isinstance(each, URLResolver):
            name = f"{before}{each.namespace}:" if each.namespace else before
            yield from view_names(each.url_patterns, name)
        elif isinstance(each, URLPattern) and each.name:
            yield before + each.name


@pytest.mark.django_db(transaction=True)
def test_no_label_is_anybodys_word(counting, kim, carla):
    """Labels are names of ours, so there are so many at most, whatever strangers send."""
    kim.set_up_app()
    kim.enter_password("wrong")
    kim.enter_password()
    kim.enter_code()
    browser().get("/kim.hansen/", REMOTE_ADDR="192.0.2.99", HTTP_USER_AGENT="Kims Browser")
    carla.client.get(f"/settings/administration/users/{kim.user.pk}/")
    record(Action.SIGNED_IN, actor=kim.user, subject=kim.user, methods=["kim@acme.example"])
    companies.enable_company_two_factor(kim.user.company, actor=carla.user)

    told = generate_latest(REGISTRY).decode()
    methods = set(Method) | {counters.OTHER}
    known = {
        "view": {*view_names(get_resolver().url_patterns), "none", "gateway"},
        "status": {f"{first}xx" for first in range(1, 6)},
        "outcome": {"succeeded", "refused", "throttled"},
        "act": {str(action) for action in counters.FACTOR_ACTS},
        "le": {str(float(bound)) for bound in counters.SLOWEST} | {"+Inf"},
    }
    for family in text_string_to_metric_families(told):
        for sample in family.samples if family.name.startswith("m2v_") else ():
            for label, said in sample.labels.items():
                if label == "method":
                    assert set(said.split("+")) <= methods
                elif label == "logger":
                    assert said == counters.OTHER or said.startswith(("m2v.", "django.request", "granian"))
                else:
                    assert said in known[label], sample
    for word in ("kim", "acme", "192.0.2.99", str(kim.user.pk), str(kim.user.company_id), kim.user.email):
        assert word not in told.lower()


def test_what_waits_and_for_how_long_is_asked_of_the_database(kim, admin, time_machine):
    begun = timezone.now()
    time_machine.move_to(begun, tick=False)
    services.request_passkey(kim.user, actor=admin)
    owe([Draft("a@example.com", "s", ("t", "p"), "en")] * 2, cause="x")
    OwedMail.objects.create(
        cause="y", message_id="<1@x>", due_at=begun, fate=MailFate.FAILED, ended_at=begun, created_at=begun
    )
    before = gauges()
    time_machine.shift(900)
    after = gauges()

    assert before["m2v_database_up",] == 1
    assert before["m2v_mail_given_up",] == 1
    assert before["m2v_people", "requested"] == 1
    assert before["m2v_people", "all"] == 2
    assert after["m2v_mail_waiting",] >= 2
    assert after["m2v_mail_oldest_seconds",] == 900
    assert after["m2v_audit_unsealed",] >= 1
    assert after["m2v_audit_unsealed_oldest_seconds",] == 900


@pytest.mark.django_db(transaction=True)
def test_sealed_lines_wait_no_longer(kim):
    record(Action.SIGNED_OUT, actor=kim.user, subject=kim.user)
    assert gauges()["m2v_audit_unsealed",] == 1

    seal_lines()

    assert gauges()["m2v_audit_unsealed",] == 0


def test_pending_steps_are_those_that_the_lists_show(kim, ada, admin):
    services.enable_two_factor(kim.user, actor=admin)
    Person(ada.user).set_up_app()

    told = gauges()
    assert (told["m2v_people", "asked"], told["m2v_people", "set_up"]) == (1, 1)


def test_where_nobody_asks_the_package_that_counts_need_not_be_there(tmp_path):
    """As after `pip install -r requirements/main.txt`: the tables are made, and whatever serves is imported."""
    script = (
        "import sys; sys.modules['prometheus_client'] = None; sys.argv = ['manage.py', 'upgrade'];"
        "from m2v.program import main; main();"
        "import m2v.asgi, m2v.wsgi, m2v.management.commands.serve, m2v.management.commands.work"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=site.ROOT, capture_output=True, text=True, check=False,
        timeout=120, env={"PATH": os.defpath, "DATA_DIR": str(tmp_path)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
