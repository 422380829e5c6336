"""A password of 8 characters is enough beside an app. Once the app is gone, it gets nobody in any more."""

from __future__ import annotations

import pytest

from accounts import people
from accounts.models import Session, User
from mfa import services
from tests.companies import USERS
from tests.mfa.pages import CHALLENGE, SETUP, window_of, words
from tests.people import PASSWORD, Person

SHORT = "zq7Vk-p2"
LONG = "four words in line"
LONGER = "/login/setup/password/"


def choose(person, password):
    return person.client.post(LONGER, {"new_password1": password, "new_password2": password})


@pytest.fixture
def short_kim(kim):
    """Kim, who has an app and chose a password of 8 characters beside it."""
    kim.set_up_app()
    kim.sign_in()
    kim.client.post(
        "/user-settings/password/", {"old_password": PASSWORD, "new_password1": SHORT, "new_password2": SHORT}
    )
    kim.client.post("/logout/")
    kim.user.refresh_from_db()
    assert kim.user.check_password(SHORT)
    return kim


def by_themselves(kim, administrator):
    kim.enter_password(SHORT)
    kim.enter_code(kim.code(1))
    kim.client.post("/user-settings/mfa/two-factor/off/")
    kim.client.post("/logout/")


def by_an_administrator(kim, administrator):
    administrator.client.post(f"{window_of(kim.user)}two-factor/off/")


def by_the_service(kim, administrator):
    services.disable_two_factor(kim.user, actor=administrator.user)


@pytest.mark.parametrize("remove", [by_themselves, by_an_administrator, by_the_service])
def test_whoever_removes_the_app_the_next_login_asks_for_a_longer_password(remove, short_kim, administrator):
    remove(short_kim, administrator)
    assert not short_kim.user.authenticator_apps.exists()

    kim = Person(short_kim.user)
    assert kim.enter_password(SHORT).headers["Location"] == LONGER
    assert kim.asked_for == LONGER
    assert choose(kim, "zq7Vk-p2zq7Vk").status_code == 400
    assert not kim.is_in
    assert choose(kim, LONG).status_code == 302
    assert kim.is_in

    again = Person(short_kim.user)
    again.enter_password(LONG)
    assert again.is_in
    assert Person(short_kim.user).enter_password(SHORT).status_code == 400


def test_there_is_no_not_now(short_kim, admin):
    services.disable_two_factor(short_kim.user, actor=admin)
    short_kim.enter_password(SHORT)

    page = short_kim.client.get(LONGER)
    assert "Choose a longer password" in words(page)
    assert "Not now" not in words(page)
    assert short_kim.client.post(LONGER, {"later": "yes"}).status_code == 400
    for path in ("/portal/", "/m2s/", "/user-settings/", SETUP, CHALLENGE):
        short_kim.client.get(path)
        assert not short_kim.is_in
    assert short_kim.json("/passkeys/registration/options/", {}).status_code == 403


def test_beside_the_app_the_short_password_is_enough(short_kim):
    short_kim.enter_password(SHORT)
    short_kim.enter_code(short_kim.code(1))

    assert short_kim.is_in


def test_where_the_company_asks_for_an_app_again_the_password_comes_first(short_kim, admin, company):
    company.two_factor_enabled = True
    company.save()
    services.disable_two_factor(short_kim.user, actor=admin)

    short_kim.enter_password(SHORT)
    assert short_kim.asked_for == LONGER
    choose(short_kim, LONG)

    assert short_kim.asked_for == SETUP
    assert not short_kim.is_in


def test_a_passkey_alone_signs_in_and_the_password_still_does_not(short_kim, admin):
    short_kim.add_passkey()
    services.disable_two_factor(short_kim.user, actor=admin)

    short_kim.use_passkey()
    assert short_kim.is_in
    other = Person(short_kim.user)
    other.enter_password(SHORT)
    assert other.asked_for == LONGER


def test_the_other_sessions_end_with_the_old_password_and_this_one_goes_on(short_kim, admin):
    short_kim.add_passkey()
    services.disable_two_factor(short_kim.user, actor=admin)
    short_kim.use_passkey()
    other = Person(short_kim.user)
    other.enter_password(SHORT)
    choose(other, LONG)

    assert other.is_in
    assert not short_kim.is_in
    assert Session.objects.filter(user=short_kim.user).count() == 1


@pytest.mark.parametrize(("password", "asked"), [(SHORT, LONGER), (PASSWORD, "/portal/")])
def test_of_a_password_from_an_earlier_release_the_length_is_seen_when_it_is_typed(password, asked, kim):
    kim.user.set_password(password)
    kim.user.save()
    User.objects.filter(pk=kim.user.pk).update(password_is_short=None)

    kim.enter_password("wrong horse battery staple")
    kim.user.refresh_from_db()
    assert kim.user.password_is_short is None
    kim.enter_password(password)

    assert kim.asked_for == asked
    kim.user.refresh_from_db()
    assert kim.user.password_is_short is (password == SHORT)


def test_a_long_password_is_asked_for_nothing_when_the_app_goes(kim, admin):
    kim.set_up_app()
    services.disable_two_factor(kim.user, actor=admin)

    kim.enter_password()

    assert kim.is_in


def test_a_password_from_somewhere_else_is_measured_once_the_app_has_gone(kim, admin):
    """It was set without a form, so that nobody looked at it."""
    kim.user.set_password(SHORT)
    kim.user.save()
    kim.set_up_app()
    services.disable_two_factor(kim.user, actor=admin)

    kim.enter_password(SHORT)

    assert kim.asked_for == LONGER


def test_a_reset_by_mail_measures_too(short_kim, admin):
    services.disable_two_factor(short_kim.user, actor=admin)
    short_kim.user.refresh_from_db()

    people.change_password(short_kim.user, LONG, actor=short_kim.user)
    short_kim.enter_password(LONG)

    assert short_kim.is_in


def test_the_confirmation_and_the_window_say_so(short_kim, administrator):
    before = words(administrator.client.get(f"{window_of(short_kim.user)}two-factor/off/"))
    administrator.client.post(f"{window_of(short_kim.user)}two-factor/off/")
    after = words(administrator.client.get(window_of(short_kim.user)))
    page = words(administrator.client.get(f"{USERS}{short_kim.user.pk}/"))

    assert "Kim chooses a longer one at the next login" in before
    assert "User name and password. Right after the password, Kim chooses a longer one." in after
    assert (
        "User name and password A longer password Without an authenticator app, the present one is too short." in page
    )
