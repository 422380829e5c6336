"""One's own window goes back to where it was opened: after every act, and when one thinks better of it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from mfa.urls import urlpatterns
from mfa.window.urls import own_window_urls
from tests.companies import press, read
from tests.mfa.pages import OWN, SetupPage, codes_on
from tests.people import PASSWORD

PLACES = {"/user-settings/": "", "/portal/": "?from=portal", "/m2s/": "?from=m2s"}
PAGES = [each.name for each in urlpatterns if str(each.pattern).startswith("user-settings/mfa/")]
ACTS = [f"own_mfa:{each.name}" for each in own_window_urls(None) if each.name != "window"]
QUARTER = 15 * 60


@pytest.fixture
def inside(kim):
    kim.sign_in()
    return kim


@pytest.fixture(params=PLACES)
def opened_at(request):
    return request.param


class Visit:
    """Somebody in their own window, opened from `place`."""

    def __init__(self, person, place):
        self.person, self.client, self.place = person, person.client, place
        links = read(self.client.get(place)).links
        names = ("Multi-factor authentication", "Two-factor authentication")
        self.window = next(links[name] for name in names if name in links)
        self.shown = None
        self.follow(self.window)
        self.is_back()

    def follow(self, address):
        self.shown = self.client.get(address, follow=True)

    def press(self, name, /, **fields):
        self.shown = press(self.client, self.shown, name, **fields)

    def rename(self, name):
        """ "Save" of the window: the page behind may have one too."""
        form = read(self.shown, self.shown.status_code).one("form", id="rename")
        sent = {field.attrs["name"]: field.attrs.get("value", "") for field in form.all("input")}
        self.shown = self.client.post(form.attrs["action"], sent | {"name": name}, follow=True)

    def link(self, name):
        self.follow(read(self.shown).links[name])

    def is_back(self, says=""):
        """In the window, over the page that it was opened from."""
        address = self.shown.request["PATH_INFO"]
        if query := self.shown.request["QUERY_STRING"]:
            address += f"?{query}"
        assert address == self.window
        page = read(self.shown)
        assert page.dialog.attrs["data-close"] == self.place
        assert page.dialog.one("form", action=self.place)
        assert says in page.dialog.words

    def code_of_the_app_on_the_page(self):
        self.person.app_key = SetupPage.read(self.shown).key
        return self.person.code()


def test_the_authenticator_app(inside, opened_at):
    visit = Visit(inside, opened_at)

    visit.press("Set up now")
    visit.link("Cancel")
    visit.is_back("Not switched on for you")

    visit.press("Set up now")
    visit.press("New key")
    visit.press("Turn on two-factor authentication", code="12345")
    assert visit.shown.status_code == 400
    assert read(visit.shown, 400).links["Cancel"] == visit.window
    visit.press("Turn on two-factor authentication", code=visit.code_of_the_app_on_the_page())
    assert codes_on(visit.shown)
    visit.press("Continue", saved="on")
    visit.is_back("Set up")

    visit.press("Set up the app again")
    visit.link("Cancel")
    visit.is_back()
    visit.press("Set up the app again")
    visit.press("Use this app from now on", code=visit.code_of_the_app_on_the_page())
    visit.press("Continue", saved="on")
    visit.is_back()

    visit.follow(reverse("own_recovery_codes") + PLACES[opened_at])
    visit.is_back()


def test_new_recovery_codes(inside, opened_at):
    inside.set_up_app()
    inside.client.post("/logout/")
    inside.sign_in()
    visit = Visit(inside, opened_at)

    visit.press("New recovery codes")
    visit.press("Cancel")
    visit.is_back()

    visit.press("New recovery codes")
    visit.press("Confirm")
    visit.link("Keep the earlier codes")
    visit.is_back()

    visit.press("New recovery codes")
    visit.press("Confirm")
    visit.press("Continue")
    assert read(visit.shown, 400).links["Keep the earlier codes"] == visit.window
    visit.press("Continue", saved="on")
    visit.is_back("Your new recovery codes are in use.")


def test_the_switch(inside, opened_at):
    visit = Visit(inside, opened_at)

    visit.press("Two-factor authentication")
    visit.press("Cancel")
    visit.is_back()
    visit.press("Two-factor authentication")
    visit.press("Confirm")
    visit.is_back("You will be asked")
    visit.press("Two-factor authentication")
    visit.press("Cancel")
    visit.is_back()
    visit.press("Two-factor authentication")
    visit.press("Confirm")
    visit.is_back("You will no longer be asked")

    visit.follow(reverse("own_mfa:new_codes") + PLACES[opened_at])
    visit.is_back("Set up your authenticator app first.")


def test_passkeys(inside, opened_at):
    visit = Visit(inside, opened_at)

    visit.press("Create a passkey")
    visit.link("Not now")
    visit.is_back()

    visit.press("Create a passkey")
    box = read(visit.shown).one("div", **{"data-passkey": "create"})
    options = inside.json("/passkeys/registration/options/", {}).json()
    credential = inside.authenticator.create(options)
    answer = inside.json("/passkeys/registration/", {"credential": credential, "next": box.attrs["data-next"]})
    visit.follow(answer.json()["next"])
    visit.is_back("is ready")
    name = inside.user.passkeys.get().name
    inside.use_passkey()  # which is what confirms from now on

    visit.link(f"Rename passkey {name}")
    visit.press("Cancel")
    visit.is_back()
    visit.link(f"Rename passkey {name}")
    visit.rename("")
    assert visit.shown.status_code == 400
    visit.rename("Blue key")
    visit.is_back("The passkey is now called “Blue key”.")

    visit.press("Delete passkey Blue key")
    visit.press("Cancel")
    visit.is_back()
    visit.press("Delete passkey Blue key")
    visit.press("Confirm")
    visit.is_back("The passkey “Blue key” is deleted.")

    visit.press("Request new passkey")
    visit.is_back("You will be asked to create a passkey")
    visit.press("Request new passkey")
    visit.is_back("A request is open already.")
    visit.press("Delete current passkey request")
    visit.is_back("The request is deleted.")


@pytest.mark.parametrize("bent", ["//evil.example/", "https://evil.example/", 7, None])
def test_a_new_passkey_leads_to_no_page_elsewhere(inside, bent):
    options = inside.json("/passkeys/registration/options/", {}).json()
    credential = inside.authenticator.create(options)

    answer = inside.json("/passkeys/registration/", {"credential": credential, "next": bent})

    assert answer.json()["next"] == OWN


@pytest.mark.parametrize("name", [*PAGES, *ACTS])
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_is_asked_to_confirm_on_the_way_goes_on_or_cancels_to_the_same_window(method, name, kim, clock, opened_at):
    kim.sign_in()
    passkey = kim.add_passkey() if "passkey_delete" in name or "passkey_rename" in name else None
    if passkey:
        kim.use_passkey()
    clock.shift(QUARTER)
    path = reverse(name, args=[passkey.pk] if passkey else []) + PLACES[opened_at]
    on_that_page = {"Referer": f"http://localhost:8000{path}"}  # its proof grew old while it was open

    asked = getattr(kim.client, method)(path, headers=on_that_page)

    query = parse_qs(urlsplit(asked.headers["Location"]).query)
    assert query["cancel"] == [OWN + PLACES[opened_at]]
    page = read(kim.client.get(asked.headers["Location"]))
    assert page.links["Cancel"] == OWN + PLACES[opened_at]
    if method == "get":
        assert query["next"] == [path]
    elif not passkey:
        sent = kim.client.post(asked.headers["Location"], {"password": PASSWORD, "next": query["next"][0]})
        going_on = read(kim.client.get(sent.headers["Location"]))
        assert going_on.button("Go on").parent.attrs["action"] == path
        assert going_on.links["Cancel"] == OWN + PLACES[opened_at]


def test_a_proof_that_grew_old_before_the_passkey_was_made_is_renewed_on_the_way(clock, inside):
    page = "/user-settings/mfa/passkeys/new/?from=m2s"
    clock.shift(QUARTER)

    refused = inside.client.post(
        "/passkeys/registration/options/",
        {},
        content_type="application/json",
        headers={"Referer": f"http://localhost:8000{page}"},
    )

    assert (refused.status_code, refused.json()["next"]) == (403, page)
    asked = inside.client.get(page)
    assert parse_qs(urlsplit(asked.headers["Location"]).query) == {"next": [page], "cancel": [f"{OWN}?from=m2s"]}


@pytest.mark.parametrize(("place", "app"), [("portal", "Portal"), ("m2s", "m2s")])
def test_the_page_behind_the_window_is_in_its_own_app(place, app, administrator):
    page = read(administrator.client.get(f"{OWN}?from={place}"))

    assert page.one("nav", **{"aria-label": "Apps"}).button(f"{app}, change app")


def test_the_passkey_that_the_m2s_app_offers_comes_back_to_it(inside):
    page = read(inside.client.get("/m2s/"))

    created = read(inside.client.get(page.links["Create a passkey"]))

    assert created.one("div", **{"data-passkey": "create"}).attrs["data-next"] == f"{OWN}?from=m2s"
