"""What assistive technology is told: names, roles, states and what is said aloud, as the browser hands them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.pages import Desk

USERS = "/settings/administration/users/"


def is_told(place: Locator, tree: str) -> None:
    expect(place).to_match_aria_snapshot(tree)


@pytest.fixture
def petra(administrator, kim, at) -> Desk:
    """The administrator, on the list of users: herself, and Kim with an app and a passkey."""
    kim.set_up_app()
    kim.add_passkey()
    desk = at(administrator)
    desk.bring_session()
    desk.open(USERS)
    return desk


@pytest.mark.row("WCAG-3.3.2, 4.1.2", "WCAG-4.1.3")
def test_the_login(kim, at):
    desk = at(kim)
    desk.open("/login/")
    expect(desk.page).to_have_title("Sign in · m2v")
    is_told(
        desk.page.get_by_role("main"),
        """
        - main:
          - heading "Sign in to m2v" [level=1]
          - text: User name
          - textbox "User name"
          - text: Password
          - textbox "Password"
          - button "Show password"
          - link "Forgot your password?"
          - button "Sign in"
          - paragraph: or
          - button "Sign in with a passkey"
        """,
    )
    is_told(desk.page.get_by_role("contentinfo"), '- contentinfo:\n  - link "Accessibility"')

    desk.enter_password("not this one")
    is_told(
        desk.page.get_by_role("main"),
        """
        - heading "Sign in to m2v" [level=1]
        - alert:
          - paragraph:
            - strong: User name or password is not right.
            - text: Check both and try again.
        - text: User name
        - textbox "User name": kim
        """,
    )


@pytest.mark.row("WCAG-3.3.2, 4.1.2", "WCAG-4.1.3")
def test_the_code(kim, at):
    kim.set_up_app()
    desk = at(kim)
    desk.sign_in()
    desk.is_on("/login/challenge/")
    expect(desk.page).to_have_title("Two-factor authentication · m2v")
    desk.enter_code("000000" if kim.code() != "000000" else "111111")
    is_told(
        desk.page.locator("body"),
        """
        - main:
          - heading "Enter your code" [level=1]
          - paragraph: Open your authenticator app and enter the six-digit code for m2v.
          - text: Code
          - textbox "Code" [invalid]
          - alert:
            - paragraph: /^This code is not right\\./
          - button "Verify"
          - paragraph: or
          - link "Use a recovery code"
          - paragraph
        - contentinfo:
          - text: Signing in as
          - strong: kim
          - text: ·
          - button "Not you? Start again"
        """,
    )


@pytest.mark.row("WCAG-3.3.2, 4.1.2", "WCAG-4.1.3")
def test_the_list(petra):
    expect(petra.page).to_have_title("User · m2v")
    is_told(
        petra.page.locator("body"),
        """
        - link "To the content"
        - banner:
          - link "m2v, to your home page"
          - navigation "Apps":
            - button "Settings, change app"
          - button "User menu"
        - navigation "Settings":
          - list:
            - listitem:
              - link "Overview"
          - heading "Administration" [level=2]
          - list "Administration":
            - listitem:
              - link "User"
            - listitem:
              - link "Company"
            - listitem:
              - link "Activity"
        - main:
          - heading "User" [level=1]
          - button "Export"
          - link "Paste names"
          - link "Import"
          - link "New user"
          - search:
            - text: Search users
            - searchbox "Search users"
            - button "Search"
            - text: Company
            - combobox "Company"
            - text: Role
            - combobox "Role"
            - text: Sort by
            - combobox "Sort by"
          - status
          - navigation "Filter":
            - link "All 2"
            - link "Set up 1"
          - table "Users":
            - rowgroup:
              - row:
                - columnheader "Select all on this page Sort by User":
                  - checkbox "Select all on this page"
                  - link "Sort by User"
                - columnheader "Sort by Company"
                - columnheader "Two-factor authentication"
                - columnheader "Passkeys"
                - columnheader "Sort by Last login"
                - columnheader "Actions"
            - rowgroup:
              - row:
                - cell "Select kim Kim Hansen kim":
                  - checkbox "Select kim"
                  - link "Kim Hansen"
                - cell "Acme Machines Member"
                - cell "Set up"
                - cell "1 passkey"
                - cell "Never"
                - cell "Actions for kim":
                  - button "Actions for kim"
          - navigation "Pages": 1–2 of 2
        """,
    )


@pytest.mark.row("WCAG-3.3.2, 4.1.2", "WCAG-4.1.3")
def test_the_window_and_its_confirmation(petra):
    petra.button("Actions for kim").click()
    petra.link("Multi-factor authentication").click()
    is_told(
        petra.window,
        """
        - dialog "Multi-factor authentication":
          - banner:
            - heading "Multi-factor authentication" [level=2]
            - paragraph: Kim Hansen, Acme Machines
            - button "Close"
          - region "Two-factor authentication (2FA)":
            - heading "Two-factor authentication (2FA)" [level=3]
            - text: Two-factor authentication Switched on for Kim
            - switch "Two-factor authentication" [checked]
            - term: State
            - definition: Set up
            - term: With
            - definition: /^Authenticator app since today, 10 of 10 recovery codes left$/
            - term: Why
            - definition: /^Switched on by Kim Hansen/
            - term: Next login
            - definition: Password and code, or a passkey
          - region "Passkey authentication":
            - heading "Passkey authentication" [level=3]
            - paragraph
            - button "Request new passkey"
            - button "Delete current passkey request" [disabled]
            - list "Passkeys of Kim Hansen":
              - listitem:
                - paragraph
                - paragraph
                - button /^Delete passkey /
          - group: Latest activity
        """,
    )

    petra.switch.click()
    is_told(
        petra.dialog,
        """
        - dialog "Switch off two-factor authentication for Kim Hansen?":
          - heading "Switch off two-factor authentication for Kim Hansen?" [level=2]
          - list:
            - listitem: Kim’s authenticator app and 10 recovery codes are removed. This cannot be undone.
          - contentinfo:
            - button "Cancel"
            - button "Confirm"
        """,
    )

    petra.confirm()
    is_told(
        petra.window,
        """
        - banner
        - status:
          - paragraph: /Kim/
        - region "Two-factor authentication (2FA)":
          - switch "Two-factor authentication"
        """,
    )
    expect(petra.switch).not_to_be_checked()


@pytest.mark.row("WCAG-3.3.2, 4.1.2", "WCAG-4.1.3")
def test_many_at_once(petra, administrator, make_user):
    make_user("lee")
    petra.page.reload()
    petra.labelled("Select lee").check()
    is_told(
        petra.role("region", "With the selected users"),
        """
        - region "With the selected users":
          - status: 1 selected
          - checkbox "All 3 found"
          - button "Require 2FA"
        """,
    )

    petra.button("Require 2FA").click()
    expect(petra.page).to_have_title("Require two-factor authentication · m2v")
    is_told(
        petra.page.get_by_role("main"),
        """
        - link "User"
        - heading "Require two-factor authentication" [level=1]
        - form "Changes 1 user":
          - heading "Changes 1 user" [level=2]
          - paragraph: Nothing is done yet.
          - list
          - link "Cancel"
          - 'button "Require 2FA: 1 user"'
        """,
    )

    petra.button("Require 2FA: 1 user").click()
    is_told(
        petra.page.get_by_role("main"),
        """
        - heading "Require two-factor authentication" [level=1]
        - status: Done
        - region "Done":
          - heading "Done" [level=2]
        """,
    )
