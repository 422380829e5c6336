"""A real Chromium against the real site. Whatever a page complains about fails the test that opened it."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.catalogue import Stage
from tests.browser.effort import EFFORT
from tests.browser.pages import Desk
from tests.browser.words import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, ConsoleMessage, Response, WebError

    from tests.people import Person

EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of (400|401|403|404|405|409|410|429) "
)
SECONDS = 15

expect.set_options(timeout=SECONDS * 1000)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the acts of administrators cost: a test in a process of its own prints nothing that anybody sees."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    told = [said for each in reports if each.when == "call" for name, said in each.user_properties if name == EFFORT]
    if told:
        terminalreporter.section("effort")
        for said in sorted(told):
            terminalreporter.line(str(said))


@pytest.fixture(scope="session", autouse=True)
def beside_playwright() -> Iterator[None]:
    """Playwright keeps a loop running in this thread, which is no reason not to ask the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "yes")
        yield


@pytest.fixture(scope="session")
def base_url(live_server) -> str:
    return str(live_server.url)


@pytest.fixture(autouse=True)
def site(live_server, settings) -> str:
    """The address that passkeys, links and forms belong to is the live server's."""
    settings.BASE_URL = settings.PASSKEY_ORIGIN = live_server.url
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    settings.ALLOWED_HOSTS = ["localhost"]
    return str(live_server.url)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args, browser_type) -> dict[str, Any]:
    """The Chromium on the PATH, else Playwright's own."""
    arguments = ["--disable-gpu", "--disable-background-networking"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    launch = browser_type_launch_args | {"args": arguments}
    found = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found:
        return launch | {"executable_path": found}
    if not Path(browser_type.executable_path).exists():
        pytest.fail(
            "The browser tests need Chromium, and there is none. Install it (Debian: apt-get install chromium), "
            "or let Playwright: .venv/bin/playwright install --with-deps chromium",
            pytrace=False,
        )
    return launch


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args) -> dict[str, Any]:
    return browser_context_args | {"timezone_id": "UTC"}


@pytest.fixture
def troubles() -> Iterator[list[str]]:
    """What the pages of this test complained about: errors, violations of the CSP, answers of 5xx. There is none."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def new_context(new_context, site, troubles) -> Iterator[Callable[..., BrowserContext]]:
    """A browser of its own (cookies, passkeys), watched."""
    made: list[BrowserContext] = []

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.match(message.text):
            troubles.append(f"{message.text} ({message.page.url if message.page else '?'})")

    def page_error(error: WebError) -> None:
        troubles.append(f"{error.error} ({error.page.url if error.page else '?'})")

    def response(answer: Response) -> None:
        if answer.status >= 500:
            troubles.append(f"{answer.status} {answer.request.method} {answer.url}")

    def make(**options: Any) -> BrowserContext:
        context: BrowserContext = new_context(**{"locale": "en-GB"} | options)
        context.set_default_timeout(SECONDS * 1000)
        context.on("console", console)
        context.on("weberror", page_error)
        context.on("response", response)
        made.append(context)
        return context

    yield make
    # What a test's routes are still at is not the next test's trouble.
    for context in made:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.unroute_all(behavior="ignoreErrors")


@pytest.fixture
def at(new_context, site) -> Callable[..., Desk]:
    """`at(kim)` is Kim at a browser of their own, on no page yet."""

    def sit_down(person: Person | None = None, **options: Any) -> Desk:
        language = options.get("locale", SOURCE).partition("-")[0]
        return Desk(new_context(**options).new_page(), person, language)

    return sit_down


@pytest.fixture
def plain(at) -> Callable[..., Desk]:
    """`plain(kim)` is Kim at a browser without JavaScript."""
    return partial(at, java_script_enabled=False)


@pytest.fixture
def petra(administrator, kim, at) -> Desk:
    """The administrator, on the list of users, Kim among them."""
    return on_users(at(administrator))


@pytest.fixture
def plain_petra(administrator, kim, plain) -> Desk:
    """The administrator without JavaScript, on the list of users, Kim among them."""
    return on_users(plain(administrator))


def on_users(desk: Desk) -> Desk:
    desk.bring_session()
    desk.open("/settings/administration/users/")
    return desk


@pytest.fixture
def stage(at) -> Stage:
    """The demo's people, each with a browser to themselves when asked for."""
    return Stage(at)
