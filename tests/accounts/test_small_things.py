"""Dates and browsers as sentences say them, and what templates ask of people and audit lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from accounts import dates
from accounts.models import User
from accounts.templatetags import people as filters
from audit.browsers import browser_name, system_name
from audit.models import AuditEvent
from audit.vocabulary import Action

NOW = datetime(2026, 5, 4, 9, 30, 15, tzinfo=UTC)


@pytest.fixture
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


# --- Dates ---


@pytest.mark.parametrize(
    ("at", "day", "on_day", "moment"),
    [
        (NOW, "today", "today", "today, 09:30"),
        (datetime(2026, 5, 4, 0, 0, tzinfo=UTC), "today", "today", "today, 00:00"),
        (datetime(2026, 5, 3, 23, 59, tzinfo=UTC), "yesterday", "yesterday", "yesterday, 23:59"),
        (datetime(2026, 5, 3, 0, 0, tzinfo=UTC), "yesterday", "yesterday", "yesterday, 00:00"),
        (datetime(2026, 5, 2, 23, 59, tzinfo=UTC), "2 May 2026", "on 2 May 2026", "2 May 2026, 23:59"),
        (datetime(2025, 10, 12, 9, 11, tzinfo=UTC), "12 October 2025", "on 12 October 2025", "12 Oct 2025, 09:11"),
        (datetime(2026, 5, 5, 8, 0, tzinfo=UTC), "5 May 2026", "on 5 May 2026", "5 May 2026, 08:00"),
    ],
)
def test_near_days_have_names_and_all_others_are_written_out(at, day, on_day, moment, clock):
    assert (dates.day(at), dates.on_day(at), dates.moment(at)) == (day, on_day, moment)


def test_days_are_those_of_the_sites_time_zone(clock):
    late = datetime(2026, 5, 3, 23, 30, tzinfo=UTC)

    with timezone.override("Europe/Berlin"):
        assert dates.moment(late) == "today, 01:30"
    with timezone.override("America/New_York"):
        assert dates.moment(late) == "yesterday, 19:30"
        clock.move_to(datetime(2026, 5, 4, 3, 0, tzinfo=UTC), tick=False)
        assert dates.moment(late) == "today, 19:30"


# --- Browsers ---

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"{WINDOWS} Chrome/156.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{WINDOWS} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} Chrome/156.0.0.0 Safari/537.36 OPR/120.0.0.0", "Opera on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox on Windows"),
        (f"{MAC} Version/19.1 Safari/605.1.15", "Safari on Mac"),
        (f"{IPHONE} Version/19.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} CriOS/156.0.0.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"{IPHONE} FxiOS/150.0 Mobile/15E148 Safari/604.1", "Firefox on iPhone"),
        (
            "Mozilla/5.0 (iPad; CPU OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Safari/604.1",
            "Safari on iPad",
        ),
        (f"{ANDROID} Chrome/156.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"{ANDROID} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36", "Samsung Internet on Android"),
        (f"{ANDROID} Chrome/156.0.0.0 Mobile Safari/537.36 EdgA/156.0", "Edge on Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
            "Chrome on ChromeOS",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/156.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        ("curl/8.0", "Unknown browser"),
        ("curl/8.0 (Linux)", "Unknown browser on Linux"),
        ("", "Unknown browser"),
        ("Firefox/150.0", "Firefox"),
    ],
)
def test_a_browser_is_named_from_what_it_calls_itself(agent, name):
    assert browser_name(agent) == name


def test_a_system_without_a_name_is_nothing():
    assert system_name("curl/8.0") == ""
    assert system_name(IPHONE) == "iPhone"


# --- What templates ask ---


@pytest.mark.parametrize(
    ("first", "last", "username", "letters"),
    [
        ("Kim", "Hansen", "kim", "KH"),
        ("Amélie", "Dubois-Marchetti", "a", "AM"),
        ("Nguyễn Thị", "Minh Anh", "n", "NA"),
        ("Kim", "", "kim", "K"),
        ("", "", "kim.hansen", "KH"),
        ("", "", "kim", "K"),
        ("", "", ".-.", ""),
        ("ßeta", "", "x", "SS"),
        ("李", "小龙", "x", "李小"),
    ],
)
def test_initials(first, last, username, letters):
    assert filters.initials(User(first_name=first, last_name=last, username=username)) == letters


def test_a_time_that_never_was_is_nothing(clock):
    assert (filters.moment(None), filters.day(None)) == ("", "")
    assert (filters.moment(NOW), filters.day(NOW)) == ("today, 09:30", "today")


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_an_icon_that_can_be_drawn(action):
    icon = filters.event_icon(AuditEvent(action=action))

    drawn = Template('{% heroicon_outline icon class="icon" %}').render(Context({"icon": icon}))

    assert drawn.startswith("<svg")


@pytest.mark.parametrize(
    ("action", "icon"),
    [
        ("passkey_created", "finger-print"),
        ("company_created", "building-office-2"),
        ("company_two_factor_enabled", "shield-check"),
        ("user_created", "user"),
        ("refused", "exclamation-circle"),
    ],
)
def test_icons_say_what_an_action_is_about(action, icon):
    assert filters.event_icon(AuditEvent(action=action)) == icon


def test_templates_say_what_a_line_says(kim, clock):
    line = AuditEvent.objects.create(
        action="signed_in",
        actor=kim.user,
        subject=kim.user,
        at=NOW - timedelta(days=1),
        browser=f"{WINDOWS} Chrome/156.0.0.0 Safari/537.36",
        details={"methods": ["password"]},
    )

    text = Template(
        "{{ line|sentence }} | {{ line|place }} | {{ line|sign_in }} | {{ line.at|moment }} | {{ line.at|day }}"
    )

    assert text.render(Context({"line": line})) == (
        "Kim Hansen signed in with a password | Chrome on Windows | "
        "Chrome on Windows, with a password | yesterday, 09:30 | yesterday"
    )
