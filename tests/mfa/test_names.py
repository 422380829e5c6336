"""What passkeys are called: after their maker, else after browser and system, numbered, and as their owner likes."""

from __future__ import annotations

from uuid import UUID

import pytest

from mfa.methods.passkeys.words import KNOWN, passkey_name
from mfa.models import Passkey
from tests.mfa.pages import OWN, audit_of, html, words
from tests.people import AGENT

ICLOUD = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd"
ZERO = UUID(int=0)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


def rename(person, name, passkey=None):
    passkey = passkey or Passkey.objects.get(user=person.user)
    return person.client.post(f"{OWN}passkeys/{passkey.pk}/rename/", {"name": name})


@pytest.fixture
def kim_in(kim):
    """Kim with one passkey, signed in with it."""
    kim.add_passkey()
    kim.use_passkey()
    return kim


@pytest.mark.parametrize(
    ("aaguid", "name"),
    [
        (ICLOUD, "iCloud Keychain"),
        ("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"),
        ("08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"),
        ("bada5566-a7aa-401f-bd96-45619a55120d", "1Password"),
        ("d548826e-79b4-db40-a3d8-11116f7e8349", "Bitwarden"),
        ("fdb141b2-5d84-443e-8a35-4698c205a502", "KeePassXC"),
    ],
)
def test_a_passkey_is_called_after_its_maker(kim, aaguid, name):
    kim.sign_in()
    kim.authenticator.aaguid = UUID(aaguid).bytes
    kim.create_passkey()

    assert Passkey.objects.get().name == name
    assert name in words(kim.client.get(OWN))


def test_a_passkey_of_an_unknown_maker_is_called_after_browser_and_system(kim):
    kim.sign_in()
    kim.create_passkey()

    assert Passkey.objects.get().name == "Chrome on Linux"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (AGENT, "Chrome on Linux"),
        (WINDOWS, "Chrome on Windows"),
        (WINDOWS + " Edg/156.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) Version/19.1 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19.1 Safari/605.1.15", "Safari on Mac"),
        ("Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/156.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_names_of_browsers(agent, name):
    assert passkey_name(ZERO, agent, set()) == name


def test_a_taken_name_gets_a_number():
    assert passkey_name(UUID(ICLOUD), "", {"iCloud Keychain"}) == "iCloud Keychain 2"
    assert passkey_name(UUID(ICLOUD), "", {"iCloud Keychain", "iCloud Keychain 2"}) == "iCloud Keychain 3"
    assert passkey_name(UUID(ICLOUD), "", {"iCloud Keychain 2"}) == "iCloud Keychain"


def test_passkeys_of_one_kind_are_numbered(kim):
    kim.sign_in()
    kim.create_passkey()
    kim.use_passkey()
    for _ in range(2):
        kim.create_passkey()

    names = [passkey.name for passkey in Passkey.objects.all()]
    assert sorted(names) == ["Chrome on Linux", "Chrome on Linux 2", "Chrome on Linux 3"]


def test_the_table_of_makers_is_well_formed():
    assert all(0 < len(name) <= 60 for name in KNOWN.values())
    assert ZERO not in KNOWN, "zero says nothing about the maker"


def test_a_browser_with_an_endless_name_can_have_a_passkey(kim):
    kim.client.defaults["HTTP_USER_AGENT"] = "Windows " + "x" * 5000
    kim.sign_in()

    assert kim.create_passkey().status_code == 200


def test_the_owner_renames_a_passkey(kim_in):
    answer = rename(kim_in, "  Kim’s <b>phone</b> & key ")

    assert answer.headers["Location"] == OWN
    assert Passkey.objects.get().name == "Kim’s <b>phone</b> & key"
    page = kim_in.client.get(OWN)
    assert "The passkey is now called “Kim’s <b>phone</b> & key”." in html(page)
    assert "<b>phone" not in page.content.decode()
    assert ("passkey_renamed", "kim") in audit_of(kim_in.user)


def test_renaming_to_the_same_name_is_no_act(kim_in):
    before = audit_of(kim_in.user)

    assert rename(kim_in, Passkey.objects.get().name).status_code == 302
    assert audit_of(kim_in.user) == before


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\x00b"])
def test_a_name_that_cannot_be_is_refused(kim_in, name):
    before = Passkey.objects.get().name

    answer = rename(kim_in, name)

    assert answer.status_code == 400
    assert f"Rename passkey “{before}”" in words(answer)
    assert Passkey.objects.get().name == before


def test_two_passkeys_of_one_person_have_different_names(kim_in):
    kim_in.create_passkey()
    first, second = Passkey.objects.all()

    answer = rename(kim_in, first.name, second)

    assert answer.status_code == 400
    assert "Another passkey of yours has this name already. Choose a different one." in words(answer)


def test_two_people_may_give_one_name(kim_in, ada):
    ada.add_passkey()
    ada.use_passkey()

    assert rename(kim_in, "My phone").status_code == 302
    assert rename(ada, "My phone").status_code == 302


@pytest.mark.row("V2")
def test_somebody_elses_passkey_cannot_be_renamed(kim_in, ada, administrator):
    theirs = ada.add_passkey()
    for person in (kim_in, administrator):
        assert rename(person, "Mine", theirs).status_code == 404
    assert Passkey.objects.get(pk=theirs.pk).name == theirs.name


def test_administrators_have_no_page_to_rename_other_peoples_passkeys(administrator, ada):
    theirs = ada.add_passkey()
    address = f"/settings/administration/users/{ada.user.pk}/mfa/passkeys/{theirs.pk}/rename/"

    assert administrator.client.post(address, {"name": "Mine"}).status_code == 404


@pytest.mark.row("V30")
def test_a_new_user_name_keeps_every_factor(kim_in):
    kim_in.set_up_app()
    kim_in.user.username = "kim.hansen"
    kim_in.user.save()
    kim_in.client.post("/logout/")

    assert kim_in.use_passkey().status_code == 200
    kim_in.client.post("/logout/")
    kim_in.enter_password()
    assert kim_in.enter_code().headers["Location"] == "/"
