"""Erasing a person: what is kept of them goes, a pseudonym stands for the name, and the audit stays true."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from accounts import addresses, invitations, not_me, people
from accounts.authorization import LastAdministrator, NotPermitted, OutOfReach
from accounts.models import Budget, OwedMail, PendingAddress, Role, Session, User
from accounts.owed import draft_of
from accounts.throttle import budgets, lanes
from audit.models import AuditEvent
from audit.recording import origin
from audit.sealing.checkpoints import seal_lines
from audit.sentences import sentence
from companies import access_passes, lost_phone, reminders
from companies.bulk.models import BulkRun
from companies.erasing import erase
from companies.importing import reading
from companies.importing.running import keep
from companies.listing.upkeep import differences
from companies.models import Import, Reminder
from mfa import services
from mfa.models import AccessPass, AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from tests.accounts.walk import everything
from tests.companies import USERS, press, read
from tests.people import PASSWORD, Person

ACTIVITY = "/settings/administration/activity/"
# In each thing that somebody called so would leave behind.
MARKERS = ("zqvuser", "zqvfirst", "zqvlast", "zqvmail", "zqvold", "zqvnew", "zqvphone", "zqvreason", "zqvbrowser",
           "203.0.113.77")  # fmt: skip
# Lines are sealed; and guesses are counted by network too, whoever of it makes them.
STAYS = {"AuditEvent.details", "AuditEvent.address", "AuditEvent.browser", "Budget.key"}


@pytest.fixture
def zoe(make_person, admin) -> Person:
    """Somebody who left a trace wherever one can be left."""
    zoe = make_person("zqvuser", first_name="Zqvfirst", last_name="Zqvlast", email="zqvold@acme.example",
                      language="de")  # fmt: skip
    zoe.user.record_creation(actor=admin)
    zoe.client.defaults |= {"REMOTE_ADDR": "203.0.113.77", "HTTP_USER_AGENT": "Zqvbrowser/1.0"}
    zoe.set_up_app()
    passkey = zoe.add_passkey()
    services.rename_passkey(passkey, "Zqvphone", actor=zoe.user)
    zoe.sign_in()
    zoe.enter_password("wrong")
    with origin("203.0.113.77", "Zqvbrowser/1.0"):
        changed = User.objects.get(pk=zoe.user.pk)
        changed.first_name = "Zqvfirst-Maria"
        people.change_user(changed, changed=["first_name"], actor=zoe.user)
    User.objects.filter(pk=zoe.user.pk).update(email="zqvmail@acme.example", email_folded="zqvmail@acme.example")
    changed = User.objects.get(pk=zoe.user.pk)
    changed.email = "zqvnew@acme.example"
    people.change_user(changed, changed=["email"], actor=zoe.user)
    keep(zoe.user, "zqvuser.csv", text := "user name\nzqvuser2\n", reading.read(text, "UTF-8"))
    BulkRun.objects.create(owner=zoe.user.pk, act="remind", address="203.0.113.77", browser="Zqvbrowser/1.0")
    Reminder.objects.create(person=zoe.user.pk, at=timezone.now())
    services.request_passkey(zoe.user, actor=admin)
    zoe.user.refresh_from_db()
    return zoe


def marked() -> set[str]:
    """The columns of all tables in which one of the markers stands."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        for row in model._base_manager.values():
            for name, value in row.items():
                text = bytes(value).decode("latin-1") if isinstance(value, (bytes, memoryview)) else str(value)
                if any(marker in text.casefold() for marker in MARKERS):
                    found.add(f"{model.__name__}.{name}")
    return found


def address(person: Person, name: str = "user_erase") -> str:
    return reverse(f"settings:{name}", args=[person.user.pk])


def erased(person: Person, actor: User) -> User:
    erase(person.user, actor=actor)
    return User.objects.get(pk=person.user.pk)


def test_no_column_of_any_table_names_them_but_sealed_lines(zoe, administrator):
    before = marked()
    expected = {"User.username", "User.first_name", "User.last_name", "User.email", "User.search_text", "Passkey.name",
                "PendingAddress.email", "Session.address", "Session.browser", "Listing.text", "Import.text",
                "Import.name", "BulkRun.address", "BulkRun.browser"}  # fmt: skip
    assert before >= expected | STAYS

    people.deactivate_user(zoe.user, actor=administrator.user)
    answer = administrator.client.post(address(zoe), follow=True)

    assert answer.status_code == 200
    assert marked() == STAYS
    assert not any(differences().values())
    assert Budget.objects.filter(pk__contains="203.0.113.77").exclude(pk__startswith="address:").count() == 0


def test_what_opens_the_account_and_what_was_asked_of_it_goes(zoe, admin):
    people.end_sessions(zoe.user, actor=admin)
    lost_phone.reset(zoe.user, lost={"app"}, checked="in_person", reason="Zqvreason", actor=admin,
                     valid=access_passes.Validity.AN_HOUR)  # fmt: skip
    budgets.count_failure(lanes.factor_lane(zoe.user, "totp"), lanes.mail_lane("reset", zoe.user))

    gone = erased(zoe, admin)

    for held in (AuthenticatorApp, RecoveryCode, Passkey):
        assert not held.everything.filter(user=gone).exists()
    for model in (AccessPass, PasskeyRequest, PendingAddress, Session):
        assert not model.objects.filter(user=gone).exists()
    assert not Reminder.objects.filter(person=gone.pk).exists()
    assert not Budget.objects.filter(pk__contains=gone.pk.hex).exists()
    assert not Import.objects.filter(owner=gone.pk).exists()
    assert not gone.is_active
    assert not gone.has_usable_password()
    assert (gone.last_sign_in_at, gone.locked_at, gone.two_factor_enabled) == (None, None, False)
    assert (gone.email, gone.get_full_name()) == ("", gone.username)
    assert (gone.company, gone.role) == (zoe.user.company, Role.MEMBER)


def test_only_mail_to_them_is_never_sent(zoe, kim, admin):
    OwedMail.objects.all().delete()
    invitations.start_reset(kim.user, actor=admin)
    invitations.start_reset(zoe.user, actor=admin)
    addresses.enter(zoe.user, "zqvother@acme.example", actor=admin)
    waiting = OwedMail.objects.filter(ended_at=None)
    assert {draft_of(mail).to for mail in waiting} == {
        "kim@acme.example", "zqvmail@acme.example", "zqvother@acme.example"
    }  # fmt: skip

    erase(zoe.user, actor=admin)

    assert [draft_of(mail).to for mail in waiting.all()] == ["kim@acme.example"]


def test_checkpoints_stay_true_and_the_line_says_who_and_when(clock, zoe, admin):
    clock.shift(timedelta(minutes=10))
    assert seal_lines()
    before = list(AuditEvent.objects.order_by("pk").values())

    gone = erased(zoe, admin)

    clock.shift(timedelta(minutes=10))
    seal_lines()
    call_command("audit_verify", stdout=StringIO())
    *earlier, line = AuditEvent.objects.order_by("pk").select_related("actor", "subject", "company")
    assert [row for row in AuditEvent.objects.order_by("pk").values() if row["id"] != line.pk] == before
    assert (line.action, line.actor, line.subject) == ("user_erased", admin, gone)
    assert line.at == gone.erased_at
    assert sentence(line) == (
        f"Petra Vogt erased all that was kept of {gone.username}: a pseudonym stands for the name"
    )
    assert line.details["changes"]["is_active"] == [True, False]
    assert earlier


def test_pages_and_files_no_longer_tell_who_it_was(zoe, administrator):
    administrator.client.defaults["REMOTE_ADDR"] = "192.0.2.55"
    gone = erased(zoe, administrator.user)
    administrator.sign_in()
    user = address(zoe, "user")
    seen = [
        administrator.client.get(path, {**asked, "act": "all", "time": "any"}).content.decode().casefold()
        for path, asked in (
            (user, {}),
            (ACTIVITY, {}),
            (ACTIVITY, {"person": str(gone.pk)}),
            (USERS, {"show": "inactive"}),
        )
    ]
    for form in ("csv", "jsonl"):
        answer = administrator.client.post(f"{ACTIVITY}export/?time=any&act=all&form={form}", {"form": form})
        assert answer.status_code == 200
        seen.append(b"".join(answer.streaming_content).decode().casefold())

    for number, text in enumerate(seen):
        assert gone.username in text, number
        assert not [marker for marker in MARKERS if marker in text]
    assert "petra vogt" in seen[2]
    page = read(administrator.client.get(user))
    assert "Erased" in page.words
    assert not page.all("form", id="profile-form")
    assert "Activate" not in page.links


def test_the_past_knows_the_pseudonym_alone(clock, zoe, administrator):
    clock.shift(timedelta(days=1))
    administrator.sign_in()
    gone = erased(zoe, administrator.user)

    day = (timezone.now() - timedelta(days=1)).date()
    answer = administrator.client.post(f"{ACTIVITY}day/export/?day={day}")

    text = b"".join(answer.streaming_content).decode().casefold()
    assert gone.username in text
    assert not [marker for marker in MARKERS if marker in text]


def test_nobody_gets_in_or_acts_any_more(zoe, admin, told):
    line = AuditEvent.objects.filter(subject=zoe.user).latest("pk")
    link = not_me.not_me_link(line, "zqvmail@acme.example")
    reset = invitations._link("password_reset_confirm", zoe.user, invitations.reset_tokens)
    gone = erased(zoe, admin)

    for name in ("zqvuser", "zqvmail@acme.example", gone.username):
        assert zoe.client.post("/login/", {"username": name, "password": PASSWORD}).status_code != 302
    assert not zoe.is_in
    assert zoe.use_passkey().status_code >= 400
    assert not_me.read(link.rstrip("/").rpartition("/")[2]) is None
    assert zoe.client.get(reset, follow=True).status_code in {404, 410}
    for act in (people.activate_user, people.lock_user, people.unlock_user, invitations.invite, erase):
        with pytest.raises(OutOfReach):
            act(gone, actor=admin)
    with pytest.raises(OutOfReach):
        reminders.remind(gone, actor=admin)
    assert told(invitations.send_reset, "zqvmail@acme.example") == []


def test_the_list_and_the_search_know_the_pseudonym_alone(zoe, administrator):
    gone = erased(zoe, administrator.user)

    for word in ("zqvuser", "zqvfirst", "zqvmail", "zqvold"):
        assert read(administrator.client.get(USERS, {"q": word})).rows == []
    [row] = read(administrator.client.get(USERS, {"q": gone.username})).rows
    assert gone.username in row[0] or gone.username in " ".join(row)
    assert "Erased" in " ".join(row)


def test_the_name_and_the_address_are_free_again(zoe, admin, make_user):
    erase(zoe.user, actor=admin)

    again = make_user("zqvuser", email="zqvmail@acme.example")

    assert User.objects.get_queryset().named("zqvmail@acme.example") == again
    assert again.pk != zoe.user.pk


def test_what_goes_and_what_stays_is_said_before(zoe, administrator):
    people.deactivate_user(zoe.user, actor=administrator.user)
    page = read(administrator.client.get(address(zoe, "user")))
    assert "Erase" in page.links

    before = everything()
    dialog = read(administrator.client.get(page.links["Erase"])).dialog
    assert everything() == before

    assert "Erase Zqvfirst-Maria Zqvlast for good?" in dialog.words
    for said in ("cannot be undone", "A pseudonym", "passkeys", "sealed", "Company and role stay"):
        assert said in dialog.words
    press(administrator.client, administrator.client.get(page.links["Erase"]), "Confirm")
    assert User.objects.get(pk=zoe.user.pk).erased_at


def test_somebody_active_is_signed_out_at_once(zoe, administrator):
    assert zoe.is_in
    assert "signed out everywhere at once" in read(administrator.client.get(address(zoe))).dialog.words

    administrator.client.post(address(zoe))

    assert not zoe.is_in


def test_a_second_click_erases_nothing_more(zoe, administrator):
    administrator.client.post(address(zoe))
    before = everything()

    page = read(administrator.client.post(address(zoe), follow=True))

    assert any("is erased already" in note for note in page.notes)
    assert everything() == before


def test_nobody_erases_themselves(administrator):
    with pytest.raises(NotPermitted):
        erase(administrator.user, actor=administrator.user)

    page = read(administrator.client.post(address(administrator), follow=True))
    assert "You cannot erase yourself. Another administrator can." in page.notes
    assert User.objects.get(pk=administrator.user.pk).erased_at is None


def test_the_last_administrator_stays(admin, make_user):
    other = make_user("otto", role=Role.ADMINISTRATOR, company=None)
    erase(other, actor=admin)
    before = everything()

    with pytest.raises(LastAdministrator):
        erase(admin, actor=None)

    assert everything() == before


def test_a_company_administrator_erases_within_the_company_alone(carla, kim, make_user, other_company, admin):
    carla.sign_in()
    stranger = make_user("stranger", company=other_company)
    for beyond in (stranger, admin):
        assert carla.client.post(reverse("settings:user_erase", args=[beyond.pk])).status_code == 404
        assert User.objects.get(pk=beyond.pk).erased_at is None

    carla.client.post(address(kim))

    assert User.objects.get(pk=kim.user.pk).erased_at


@pytest.mark.parametrize("role", [Role.HELPDESK, Role.AUDITOR])
def test_helpdesk_and_auditors_erase_nobody(role, make_person, kim):
    helper = make_person("holly", role=role)
    helper.sign_in()

    assert helper.client.post(address(kim)).status_code == 403
    assert User.objects.get(pk=kim.user.pk).erased_at is None
    assert "Erase" not in read(helper.client.get(address(kim, "user"))).links


# --- On the command line ---


def run(*words: str, **options: object) -> str:
    said = StringIO()
    call_command("erase_person", *words, stdout=said, **options)
    return said.getvalue()


def test_the_command_does_the_same_and_administrators_are_told(zoe, admin, told):
    mails = told(run, "zqvmail@acme.example", reason="A request by letter", for_good=True)

    gone = User.objects.get(pk=zoe.user.pk)
    assert marked() == STAYS
    line = AuditEvent.objects.get(action="user_erased")
    assert (line.actor, line.subject, line.details["shell"]) == (None, gone, True)
    assert line.details["reason"] == "A request by letter"
    assert [mail.to for mail in mails] == [[admin.email]]
    assert gone.username in mails[0].body
    assert not [marker for marker in MARKERS if marker in mails[0].body.casefold()]


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (["nobody"], {"reason": "Why", "for_good": True}, "Nobody has the user name"),
        (["kim"], {"for_good": True}, "Say why"),
        (["kim"], {"reason": " ", "for_good": True}, "Say why"),
        (["kim"], {"reason": "Why"}, "Add --for-good"),
    ],
)
def test_the_command_refuses_in_a_sentence(kim, words, options, said):
    before = everything()
    with pytest.raises(CommandError, match=said):
        run(*words, **options)
    assert everything() == before


def test_the_command_erases_nobody_twice_nor_the_last_administrator(kim, admin):
    pseudonym = run("kim", reason="Why", for_good=True).split()[1]

    with pytest.raises(CommandError, match="erased already"):
        run(pseudonym, reason="Why", for_good=True)
    with pytest.raises(CommandError, match="the last who can sign in"):
        run("petra", reason="Why", for_good=True)
    for command, words in (("mfa", ["require", pseudonym]), ("export_person", [pseudonym])):
        with pytest.raises(CommandError, match=f"{pseudonym} is erased"):
            call_command(command, *words, stdout=StringIO(), **({"reason": "Why"} if command == "mfa" else {}))
