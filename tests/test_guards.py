"""A guard stands on its view: every view carries one, or the mark that says that anybody may open it, wherever it is routed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, path

from m2v.urls import urlpatterns as site
from mfa.step_up import ALWAYS, TO_POST
from tests.accounts.walk import Page, pages
from tests.people import browser

if TYPE_CHECKING:
    from collections.abc import Iterator

# For every signed-in person, without being asked again who they are: it changes nothing, or has its own way to ask.
FOR_ALL = {"home", "portal", "m2s", "session", "confirm", "confirm_continue", "own_mfa:window"}
LOOKING = {
    "settings:home",
    "settings:users",
    "settings:companies",
    "settings:company_names",
    "settings:company",
    "settings:activity",
    "settings:past_day",
    "settings:user_mfa:window",
}


def entries(resolver: URLResolver, names: str = "", route: str = "") -> Iterator[tuple[str, str, URLPattern]]:
    """Every pattern of the site: the view's full name, its whole route, and the pattern."""
    for entry in resolver.url_patterns:
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from entries(entry, f"{names}{entry.namespace}:" if entry.namespace else names, here)
        else:
            yield f"{names}{entry.name}", here, entry


SITE = URLResolver(get_resolver().pattern, site)
# Every view once more, under other addresses and in no namespace, as somebody may include it tomorrow.
urlpatterns = [
    *site,
    *(path(f"again/{route}", entry.callback, entry.default_args) for _name, route, entry in entries(SITE)),
]


def again(page: Page) -> str:
    return "/again" + page.path()


def unguarded() -> set[str]:
    return {
        page.name
        for page in pages()
        if not page.public and getattr(page.view, "confirmation", None) not in {ALWAYS, TO_POST}
    }


def test_every_view_asks_who_it_is_or_is_in_this_list():
    assert unguarded() == FOR_ALL | LOOKING


def test_every_view_of_the_settings_app_says_so_itself():
    marked = {page.name for page in pages() if hasattr(page.view, "permissions")}
    in_settings = {page.name for page in pages() if page.name.startswith("settings:")}
    own = {page.name for page in pages() if page.name.startswith("own_mfa:")}  # the same views, about oneself

    assert in_settings <= marked <= in_settings | own


def test_asking_who_it_is_only_to_post_is_for_a_page_that_shows_something_to_its_owner():
    assert {page.name for page in pages() if getattr(page.view, "confirmation", None) == TO_POST} == {"user_settings"}


@pytest.mark.urls(__name__)
def test_a_member_gets_into_nothing_of_the_settings_app_that_is_routed_a_second_time(make_person):
    member = make_person("mia")
    member.sign_in()
    answers = {
        (page.name, method): member.client.generic(method, again(page)).status_code
        for page in pages()
        if page.name.startswith("settings:") and not page.pattern.startswith("again/")
        for method in ("GET", "POST")
    }

    assert len(answers) > 50
    assert {name for name, status in answers.items() if status != 403} == set()


@pytest.mark.urls(__name__)
def test_a_stranger_gets_into_nothing_that_is_routed_a_second_time(db):
    client = browser()
    guarded = [page for page in pages() if not page.public and not page.pattern.startswith("again/")]

    assert {client.get(again(page)).headers["Location"].partition("?")[0] for page in guarded} == {"/login/"}


@pytest.mark.urls(__name__)
def test_what_changes_how_people_get_in_asks_who_it_is_where_it_is_routed_a_second_time(time_machine, administrator):
    time_machine.move_to(administrator.user.created_at.timestamp() + 15 * 60 + 60)
    asked: dict[str, Any] = {
        page.name: administrator.client.post(again(page)).headers.get("Location", "")
        for page in pages()
        if getattr(page.view, "confirmation", None) and not page.pattern.startswith("again/")
    }

    assert len(asked) > 30
    assert {name for name, there in asked.items() if not there.startswith("/confirm/")} == set()
