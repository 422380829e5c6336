"""A new e-mail address counts once the link that was sent there was opened; until then the earlier one stays in use."""

from __future__ import annotations

import re

import pytest

from accounts import addresses, invitations, people
from accounts.authorization import OutOfReach
from accounts.models import PendingAddress, User
from audit.models import AuditEvent
from tests.accounts.walk import everything
from tests.addresses import confirm_address, link_of
from tests.people import PASSWORD, Person, browser

NEW = "new@acme.example"
PROFILE = {"first_name": "Kim", "last_name": "Hansen", "email": NEW, "language": ""}
USERS = "/settings/administration/users/"
LINK = re.compile(r"http://localhost:8000(/address/[\w:-]+/)")


@pytest.fixture
def kim_in(kim):
    kim.sign_in()
    return kim


def address_of(person):
    return User.objects.get(pk=person.user.pk).email


def by(administrator, kim, **more):
    form = {
        "username": "kim", "first_name": "Kim", "last_name": "Hansen", "role": "member",
        "company": kim.user.company_id, "email": NEW,
    }  # fmt: skip
    return administrator.client.post(f"{USERS}{kim.user.pk}/", form | more)


def enter_oneself(kim, _administrator):
    kim.sign_in()
    return kim.client.post("/user-settings/", PROFILE)


def enter_by_administrator(kim, administrator):
    return by(administrator, kim)


BOTH = pytest.mark.parametrize("enter", [enter_oneself, enter_by_administrator], ids=["oneself", "an administrator"])


@BOTH
def test_an_address_counts_once_its_link_is_opened_and_confirmed(enter, told, kim, administrator):
    mails = {mail.to[0]: mail for mail in told(enter, kim, administrator)}

    assert set(mails) == {"kim@acme.example", NEW}
    assert address_of(kim) == "kim@acme.example"
    link = LINK.search(mails[NEW].body)[1]
    assert LINK.search(mails[NEW].alternatives[0].content)[1] == link
    assert not LINK.search(mails["kim@acme.example"].body)
    reader = browser()
    page = reader.get(link).content.decode()
    assert NEW in page
    assert address_of(kim) == "kim@acme.example", "who scans mails follows links"

    assert reader.post(link).headers["Location"] == "/login/"

    assert address_of(kim) == NEW
    assert reader.get("/portal/").status_code == 302, "nobody is signed in"
    line = AuditEvent.objects.get(action="user_changed")
    assert line.details["changes"] == {"email": ["kim@acme.example", NEW]}
    assert line.actor == (kim.user if enter is enter_oneself else administrator.user)
    assert reader.get(link).status_code == 404
    assert reader.post(link).status_code == 404


@BOTH
def test_until_then_the_earlier_address_signs_in_and_is_sent_the_resets(enter, kim, administrator, mailoutbox):
    enter(kim, administrator)
    mailoutbox.clear()

    for email in (NEW, "kim@acme.example"):
        browser().post("/password-reset/", {"email": email})

    assert [mail.to for mail in mailoutbox] == [["kim@acme.example"]]
    assert browser().post("/login/", {"username": NEW, "password": PASSWORD}).status_code == 400
    assert browser().post("/login/", {"username": "kim@acme.example", "password": PASSWORD}).status_code == 302


@BOTH
def test_the_mail_to_a_stranger_says_nobodys_own_words(enter, told, kim, administrator):
    User.objects.filter(pk=kim.user.pk).update(first_name="Your account is locked", last_name="Call us")

    [mail] = [mail for mail in told(enter, kim, administrator) if mail.to == [NEW]]

    for text in (mail.body, mail.alternatives[0].content, mail.subject):
        assert "locked" not in text
        assert "Petra" not in text
    assert "kim" in mail.body


@BOTH
def test_what_waits_is_shown_and_withdrawn_by_its_person_and_by_an_administrator(enter, kim, administrator):
    enter(kim, administrator)
    kim.sign_in()
    ones_own, users = "/user-settings/", f"{USERS}{kim.user.pk}/"
    for person, page in ((kim, ones_own), (administrator, users)):
        assert f"{NEW} is not confirmed yet" in person.client.get(page).content.decode()

    link = link_of(kim.user)
    person, page = (kim, ones_own) if enter is enter_by_administrator else (administrator, users)
    answer = person.client.post(f"{page}address/withdraw/", follow=True)

    assert "The address is withdrawn: its link no longer works." in answer.content.decode()
    assert "is not confirmed yet" not in answer.content.decode()
    assert browser().post(link).status_code == 404
    assert address_of(kim) == "kim@acme.example"
    assert AuditEvent.objects.get(action="address_withdrawn").actor == person.user
    before = everything()
    assert person.client.post(f"{page}address/withdraw/").status_code == 302
    assert everything() == before, "nothing waits any more"


def test_of_two_that_were_entered_the_last_one_counts(kim_in, told):
    [*_others, first] = told(kim_in.client.post, "/user-settings/", PROFILE | {"email": "typo@acme.example"})
    kim_in.client.post("/user-settings/", PROFILE)
    link = LINK.search(f"{first.body} {_others[0].body}")[1]

    assert browser().post(link).status_code == 404
    assert confirm_address(kim_in.user).status_code == 302
    assert address_of(kim_in) == NEW


@pytest.mark.parametrize(("days", "status", "there"), [(6.9, 200, True), (7.1, 404, False)])
def test_the_link_is_good_for_seven_days(days, status, there, kim, administrator, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    administrator.sign_in()
    by(administrator, kim)
    link = link_of(kim.user)

    time_machine.shift(days * 24 * 3600)

    assert browser().get(link).status_code == status
    assert (addresses.waiting_for(kim.user) is not None) is there


def change_password(kim, _administrator):
    people.change_password(kim.user, "four other words", actor=kim.user)


def deactivate(kim, administrator):
    people.deactivate_user(kim.user, actor=administrator.user)


def lock(kim, administrator):
    people.lock_user(kim.user, actor=administrator.user)


def take_the_address_away(kim, administrator):
    by(administrator, kim, email="")


def raise_rights(kim, administrator):
    by(administrator, kim, email="kim@acme.example", role="company_administrator")


ENDS = [change_password, deactivate, lock, take_the_address_away, raise_rights]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_what_waited_ends_with_what_it_was_entered_for(end, kim_in, administrator):
    kim_in.client.post("/user-settings/", PROFILE)
    link = link_of(kim_in.user)

    end(kim_in, administrator)

    assert not PendingAddress.objects.exists()
    assert browser().get(link).status_code == 404
    assert browser().post(link).status_code == 404
    assert address_of(kim_in) != NEW


def test_an_address_entered_with_another_role_waits_still(kim, administrator):
    by(administrator, kim, role="company_administrator")

    assert confirm_address(kim.user).status_code == 302
    assert address_of(kim) == NEW


def test_an_address_whose_administrator_was_shut_out_is_not_confirmed(kim, make_person, admin):
    paul = make_person("paul", company=None, role="administrator")
    paul.sign_in()
    by(paul, kim)
    link = link_of(kim.user)
    people.deactivate_user(paul.user, actor=admin)

    assert browser().get(link).status_code == 404
    assert browser().post(link).status_code == 404
    assert address_of(kim) == "kim@acme.example"


def test_an_invitation_confirms_its_own_address(told, make_person, administrator):
    nadia = make_person("nadia", password=None)
    form = {"username": "nadia", "role": "member", "company": nadia.user.company_id, "email": NEW}

    mails = told(administrator.client.post, f"{USERS}{nadia.user.pk}/", form)

    assert address_of(nadia) == NEW
    assert not PendingAddress.objects.exists()
    assert not [mail for mail in mails if LINK.search(mail.body)]
    [invited] = told(invitations.invite, User.objects.get(pk=nadia.user.pk), actor=administrator.user)
    assert invited.to == [NEW]


def test_two_may_wait_for_one_address_and_the_first_who_confirms_has_it(kim_in, make_person):
    lee = make_person("lee")
    lee.sign_in()
    for person in (kim_in, lee):
        person.client.post("/user-settings/", PROFILE)

    assert confirm_address(lee.user).status_code == 302
    answer = confirm_address(kim_in.user)

    assert answer.status_code == 409
    assert "This address was taken meanwhile" in answer.content.decode()
    assert (address_of(lee), address_of(kim_in)) == (NEW, "kim@acme.example")


def test_nobody_withdraws_for_another_company(kim_in, make_person, other_company):
    kim_in.client.post("/user-settings/", PROFILE)
    carla = make_person("carla", company=other_company, role="company_administrator")
    carla.sign_in()

    assert carla.client.post(f"{USERS}{kim_in.user.pk}/address/withdraw/").status_code == 404
    with pytest.raises(OutOfReach):
        addresses.withdraw(kim_in.user, actor=carla.user)
    assert PendingAddress.objects.exists()


def test_a_thief_who_entered_an_address_is_reported_from_the_earlier_one_and_gets_nothing(told, kim_in):
    mails = {mail.to[0]: mail for mail in told(kim_in.client.post, "/user-settings/", PROFILE)}
    link = LINK.search(mails[NEW].body)[1]
    report = re.search(r"http://localhost:8000(/not-me/[\w:-]+/)", mails["kim@acme.example"].body)[1]

    browser().post(report)

    assert User.objects.get(pk=kim_in.user.pk).locked_at is not None
    assert browser().post(link).status_code == 404
    assert address_of(kim_in) == "kim@acme.example"


def test_one_person_causes_few_mails_to_strangers(kim_in, mailoutbox):
    for number in range(40):
        kim_in.client.post("/user-settings/", PROFILE | {"email": f"stranger{number}@elsewhere.example"})

    assert len([mail for mail in mailoutbox if "elsewhere" in mail.to[0]]) <= 10
    assert len(mailoutbox) <= 20


@pytest.mark.parametrize("token", ["x", "a:b:c", "c5q3yx-0123456789abcdef"])
def test_a_link_that_is_none_says_so_and_changes_nothing(token, kim):
    before = everything()

    for answer in (browser().get(f"/address/{token}/"), browser().post(f"/address/{token}/")):
        assert answer.status_code == 404
        assert "This link no longer works" in answer.content.decode()
    assert everything() == before


def test_confirmed_in_ones_own_session_it_goes_on_at_the_user_settings(kim_in):
    kim_in.client.post("/user-settings/", PROFILE)

    answer = kim_in.client.post(link_of(kim_in.user), follow=True)

    assert f"{NEW} is confirmed, and in use from now on." in answer.content.decode()
    assert answer.redirect_chain[-1][0] == "/user-settings/"
    assert Person(kim_in.user).client.get("/portal/").status_code == 302
