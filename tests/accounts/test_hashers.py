"""How passwords are hashed, and what happens to hashes that were made otherwise."""

from __future__ import annotations

from threading import Thread

import pytest
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password
from django.utils.crypto import salted_hmac

from accounts.hashers import AT_ONCE, Argon2Hasher, salt_of, turns
from accounts.models import User
from tests.people import PASSWORD, browser

pytestmark = pytest.mark.django_db
ONE_LANE = "argon2$argon2id$v=19$m=102400,t=2,p=1$"


@pytest.fixture
def kim_of_eight_lanes(make_user, settings):
    """Kim, whose password was hashed as Django does."""
    kim = make_user("kim")
    settings.PASSWORD_HASHERS = ["accounts.hashers.Argon2Hasher"]
    stock = Argon2PasswordHasher()
    User.objects.filter(username="kim").update(password=stock.encode(PASSWORD, stock.salt()))
    return User.objects.get(username="kim"), kim


def signed_in():
    kim = browser()
    assert kim.post("/login/", {"username": "kim", "password": PASSWORD}).status_code == 302
    return kim


def hash_of_kim():
    return User.objects.values_list("password", flat=True).get(username="kim")


def test_a_hash_of_eight_lanes_verifies_and_is_made_anew_at_the_next_login(kim_of_eight_lanes):
    assert ",p=8$" in hash_of_kim()

    signed_in()

    assert hash_of_kim().startswith(ONE_LANE)
    assert check_password(PASSWORD, hash_of_kim())
    assert not check_password("another", hash_of_kim())
    renewed = hash_of_kim()
    signed_in()
    assert hash_of_kim() == renewed


def test_a_hash_that_is_made_anew_ends_nobodys_other_sessions(kim_of_eight_lanes):
    person, _fixture = kim_of_eight_lanes
    other = browser()
    other.force_login(person)
    assert other.get("/portal/").status_code == 200

    signed_in()

    assert hash_of_kim().startswith(ONE_LANE)
    assert other.get("/portal/").status_code == 200


def test_a_session_of_before_the_update_goes_on(kim_of_eight_lanes):
    person, _fixture = kim_of_eight_lanes
    other = browser()
    other.force_login(person)
    session = other.session
    earlier = salted_hmac(
        "accounts.User.session",
        f"{person.password}:{person.session_epoch}",
        secret=settings.SECRET_KEY,
        algorithm="sha256",
    )
    session[HASH_SESSION_KEY] = earlier.hexdigest()
    session.save()

    assert other.get("/portal/").status_code == 200


def test_another_password_still_ends_the_others_even_where_it_is_the_same_one(kim_of_eight_lanes):
    person, _fixture = kim_of_eight_lanes
    other = signed_in()
    person.set_password(PASSWORD)
    person.save(update_fields=["password"])

    assert other.get("/portal/").status_code == 302


def test_a_wrong_password_makes_no_hash_anew(kim_of_eight_lanes):
    browser().post("/login/", {"username": "kim", "password": "wrong"})

    assert ",p=8$" in hash_of_kim()


def test_never_more_than_two_hashes_are_made_at_once():
    """Each takes 100 MB while it lasts."""
    hasher = Argon2Hasher()
    made = []
    third = Thread(target=lambda: made.append(hasher.encode("four words in line", hasher.salt())))
    for _ in range(AT_ONCE):
        assert turns.acquire(blocking=False)
    third.start()
    third.join(0.5)
    assert made == []
    for _ in range(AT_ONCE):
        turns.release()
    third.join(10)

    assert len(made) == 1
    assert made[0].startswith(ONE_LANE)


def test_what_stays_of_a_hash_is_its_salt_alone():
    one, same, other = (
        Argon2Hasher().encode(text, salt) for text, salt in [("a", "s" * 22), ("b", "s" * 22), ("a", "t" * 22)]
    )

    assert salt_of(one) == salt_of(same) != salt_of(other)
    assert salt_of("!no password") == "!no password"
