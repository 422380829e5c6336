"""SHOW_WHEREABOUTS=0: who administers does not see from where and when others sign in; everybody sees their own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts import people
from accounts.models import Role
from accounts.not_me import Claim
from audit.models import AuditEvent
from audit.recording import origin
from mfa import services
from tests.accounts.walk import pages
from tests.companies import USERS, read
from tests.people import Person

ADDRESS, BROWSER, HOUR = "203.0.113.77", "Opera", "03:47"
MARKERS = (ADDRESS, BROWSER, HOUR)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 OPR/106.0.0.0"
ACTIVITY = "/settings/administration/activity/"
EVERY_LINE = {"act": "all", "time": "any"}


@pytest.fixture
def nora(make_person, time_machine) -> Person:
    """Somebody who signs in by night, from one place, with all that they hold."""
    nora = make_person("nora", first_name="Nora", last_name="Berg")
    time_machine.move_to(datetime(2026, 5, 3, 12, 0, tzinfo=UTC), tick=False)
    nora.set_up_app()
    nora.add_passkey()
    time_machine.move_to(datetime(2026, 5, 4, 3, 47, 5, tzinfo=UTC), tick=False)
    nora.client.defaults |= {"REMOTE_ADDR": ADDRESS, "HTTP_USER_AGENT": AGENT}
    nora.enter_password()
    nora.enter_code(nora.codes[0])
    other = Person(nora.user, authenticator=nora.authenticator, app_key=nora.app_key)
    other.client.defaults |= nora.client.defaults
    other.sign_in()
    other.use_passkey()
    other.client.post("/logout/")
    nora.user.refresh_from_db()
    time_machine.move_to(datetime(2026, 5, 4, 4, 15, 5, tzinfo=UTC), tick=False)
    return nora


@pytest.fixture
def petra(nora, admin) -> Person:
    """An administrator, signed in somewhat later."""
    petra = Person(admin)
    petra.sign_in()
    return petra


def shown_to(viewer: Person, whom: Person) -> dict[str, str]:
    """Each page of the Settings app that says anything, about `whom` where it is about somebody; and the files."""
    parts = {"user_id": whom.user.pk, "company_id": whom.user.company_id, "passkey_id": whom.user.passkeys.first().pk}
    found = {}
    for page in pages():
        if page.name.startswith("settings:") and "GET" in page.methods:
            answer = viewer.client.get(page.path(**parts), EVERY_LINE)
            if answer.status_code == 200:
                found[page.name] = answer.content.decode()
    for address in (f"{USERS}export/", f"{ACTIVITY}export/?act=all&time=any", f"{USERS}{whom.user.pk}/file/",
                    f"{ACTIVITY}day/export/?day=2026-05-03"):  # fmt: skip
        answer = viewer.client.post(address)
        assert answer.status_code == 200, address
        found[address] = b"".join(answer.streaming_content).decode()
    found["last"] = viewer.client.get(USERS, {"sort": "last"}).content.decode()
    found["logins"] = viewer.client.get(
        reverse("settings:user", args=[whom.user.pk]), {"history": "logins"}
    ).content.decode()
    return found


def seen(texts: dict[str, str]) -> set[str]:
    """Where one of the markers stands."""
    return {name for name, text in texts.items() for marker in MARKERS if marker in text}


def test_no_page_and_no_file_tells_from_where_and_when_somebody_signs_in(settings, nora, petra):
    names = {"settings:users", "settings:user", "settings:user_mfa:window", "settings:activity", "last", "logins",
             "settings:user_lost_phone"}  # fmt: skip
    before = shown_to(petra, nora)
    assert seen(before) >= names | {f"{ACTIVITY}export/?act=all&time=any", f"{USERS}{nora.user.pk}/file/"}

    settings.SHOW_WHEREABOUTS = False
    after = shown_to(petra, nora)

    assert len(after) == len(before) > 25
    assert seen(after) == set()
    assert "last login" not in after[f"{USERS}export/"].splitlines()[0]
    assert "In 1 browser" in " ".join(after["settings:user"].split())


@pytest.mark.parametrize("role", [Role.COMPANY_ADMINISTRATOR, Role.HELPDESK, Role.AUDITOR])
def test_nor_does_any_to_the_others_who_look_after_people(settings, nora, make_person, role):
    viewer = make_person("viewer", role=role)
    viewer.sign_in()
    page = reverse("settings:user", args=[nora.user.pk])
    assert set(MARKERS) <= {marker for marker in MARKERS if marker in viewer.client.get(page).content.decode()}

    settings.SHOW_WHEREABOUTS = False

    assert not [marker for marker in MARKERS if marker in viewer.client.get(page).content.decode()]


def test_everybody_sees_their_own(settings, nora):
    settings.SHOW_WHEREABOUTS = False
    found = {
        page: nora.client.get(page).content.decode() for page in ("/portal/", "/user-settings/", "/user-settings/mfa/")
    }
    lately = Person(nora.user, app_key=nora.app_key)
    lately.sign_in()
    found["file"] = b"".join(lately.client.post("/user-settings/data/").streaming_content).decode()

    assert {name for name, text in found.items() if HOUR in text} == set(found)
    assert ADDRESS in found["/user-settings/"]
    assert ADDRESS in found["file"]


def test_what_an_act_needs_stays(settings, nora, petra):
    settings.SHOW_WHEREABOUTS = False
    services.request_passkey(nora.user, actor=petra.user)
    stranger = Person(nora.user)
    stranger.enter_password("wrong")
    people.lock_user(nora.user, actor=petra.user)

    history = read(petra.client.get(reverse("settings:user", args=[nora.user.pk]))).words
    page = read(petra.client.get(reverse("settings:user_let_in", args=[nora.user.pk]))).words

    assert "A sign-in as Nora Berg with a password was refused" in history
    assert "Locked by Petra Vogt, today, 04:15." in history
    assert "was surely Nora’s" in page
    assert ADDRESS not in page
    assert BROWSER not in page


def test_mail_to_administrators_says_no_place(settings, nora, petra, told):
    settings.SHOW_WHEREABOUTS = False
    about = AuditEvent.objects.filter(subject=nora.user, action="app_set_up").latest("pk")

    with origin(ADDRESS, AGENT):
        mails = told(people.report_not_me, Claim(about, nora.user.email), about="An app was set up")

    [mail] = [mail for mail in mails if mail.to == [petra.user.email]]
    assert "Nora" in mail.body
    assert not [marker for marker in (ADDRESS, BROWSER) if marker in mail.body]


def test_nothing_that_a_company_reads_tells_from_where_the_sites_helpdesk_helped(nora, petra, make_person, told):
    """Nor from where an administrator did: on its pages, in its files, in its mails; also once one was reported."""
    carla = make_person("carla", role=Role.COMPANY_ADMINISTRATOR)
    hanna = make_person("hanna", role=Role.HELPDESK, company=None)
    helpers = [Person(hanna.user), Person(petra.user)]
    page = f"{USERS}{nora.user.pk}/"
    said = {"checked": "in_person", "reason": "Lost", "valid": "60"}

    def help_her():
        for helper in helpers:
            helper.client.defaults |= {"REMOTE_ADDR": "198.51.100.9", "HTTP_USER_AGENT": AGENT.replace("OPR", "Edg")}
            helper.sign_in()
            for act in ("password-reset/", "unlock/", "remind/", "sign-out/"):
                helper.client.post(page + act)
            helper.client.post(page + "lost-phone/", {**said, "app": "on", "give_pass": "on"})
            helper.client.post(page + "access-pass/withdraw/")

    mails = told(help_her)
    assert AuditEvent.objects.filter(subject=nora.user, actor=hanna.user).count() > 4
    about = AuditEvent.objects.filter(subject=nora.user, actor=hanna.user, action="user_reset").get()
    carla.sign_in()
    found = shown_to(carla, nora)
    mails += told(people.report_not_me, Claim(about, nora.user.email), about="The app was removed")
    found |= {f"locked {name}": text for name, text in shown_to(carla, nora).items()}
    of_helpers = {hanna.user.email, petra.user.email}  # their own sign-ins
    found |= {mail.subject: mail.body for mail in mails if not of_helpers & set(mail.to)}

    assert "recovery codes that Nora Berg lost" in found["locked settings:user_let_in"]
    assert not [name for name, text in found.items() if "198.51.100.9" in text or "Edge" in text]


@pytest.mark.parametrize("words", [["report"], ["report", "--format", "json"], ["status", "nora"]])
def test_lists_that_are_made_on_the_server_do_not_either(settings, nora, words, capsys):
    call_command("mfa", *words)
    assert HOUR in capsys.readouterr().out

    settings.SHOW_WHEREABOUTS = False
    call_command("mfa", *words)

    said = capsys.readouterr().out
    assert "nora" in said
    assert "last login" not in said
    assert not [marker for marker in MARKERS if marker in said]


def test_the_signed_export_is_for_the_server_alone(settings, nora, petra):
    settings.SHOW_WHEREABOUTS = False

    assert "The whole audit, signed" not in read(petra.client.get(ACTIVITY)).words
    assert petra.client.post(f"{ACTIVITY}export/", {"form": "signed"}).status_code == 403
