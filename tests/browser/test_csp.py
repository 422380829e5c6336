"""The content security policy holds: nothing of ours breaks it, nothing that is smuggled in runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from accounts.models import User

if TYPE_CHECKING:
    from playwright.sync_api import Response

USERS = "/settings/administration/users/"
SMUGGLED = [
    "<img src=x onerror=\"document.title='smuggled'\">",
    "<script>document.title='smuggled'</script>",
    "<svg onload=\"document.title='smuggled'\">",
    "<style>body { display: none }</style>",
    "<form action='https://example.com/'><input name=password></form>",
]


@pytest.fixture
def petra(administrator, kim, at):
    desk = at(administrator)
    desk.bring_session()
    desk.open(USERS)
    return desk


def policy_of(answer) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";")]
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("path", ["/login/", USERS, "/nothing/", "/user-settings/mfa/"])
def test_nothing_is_allowed_but_what_is_named(path, petra):
    policy = policy_of(petra.page.goto(path))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in " ".join(policy.values())
    assert re.fullmatch(r"'self'( 'nonce-[^' ]+')?", policy["script-src"])
    assert policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"


def test_the_nonce_is_another_one_each_time(petra):
    nonces = {policy_of(petra.page.goto("/user-settings/"))["script-src"] for _time in range(3)}
    assert len(nonces) == 3


@pytest.mark.row("ASVS-1.2.1-1.2.4")
@pytest.mark.parametrize("text", SMUGGLED)
def test_markup_in_a_name_stays_text(text, petra, kim):
    User.objects.filter(pk=kim.user.pk).update(first_name=text, last_name="Hansen")
    petra.open(USERS)
    petra.button("Actions for kim").click()
    petra.link("Multi-factor authentication").click()
    expect(petra.window).to_be_visible()
    petra.switch.click()
    expect(petra.page.get_by_role("dialog", name="Switch on")).to_contain_text(text)
    petra.confirm()
    expect(petra.window.get_by_role("status")).to_contain_text(text)
    assert petra.page.title() != "smuggled"
    assert not petra.page.locator("img[src=x]").count()


@pytest.mark.parametrize(
    "act",
    [
        "document.body.insertAdjacentHTML('beforeend', '<b>text</b>')",
        "document.body.innerHTML = '<b>text</b>'",
        "eval('1')",
        "new Function('return 1')()",
        "trustedTypes.createPolicy('other', { createHTML: (html) => html })",
        "trustedTypes.createPolicy('m2v', { createHTML: (html) => html })",
    ],
)
def test_a_script_cannot_turn_text_into_markup_or_code(act, petra, troubles):
    # From a timer: what Playwright evaluates itself is exempt.
    tried = "new Promise((done) => setTimeout(() => { try { %s; done('done'); } catch (error) { done(error.name); } }))"
    assert petra.page.evaluate(tried % act) in {"TypeError", "EvalError"}
    assert "The action has been blocked" in troubles.pop()


def test_an_inline_script_and_an_inline_style_are_not_obeyed(petra, troubles):
    """As if one had got into a page on its way."""

    def smuggle(route) -> None:
        answer = route.fetch()
        body = answer.text().replace(
            "</body>", "<p id=p style='color: red'>x</p><script>document.title = 'smuggled'</script></body>"
        )
        route.fulfill(response=answer, body=body)

    petra.page.route("**/user-settings/", smuggle)
    petra.open("/user-settings/")
    assert petra.page.title() == "User settings · m2v"
    assert petra.page.locator("#p").evaluate("p => getComputedStyle(p).color") != "rgb(255, 0, 0)"
    assert len([each for each in troubles if "Content Security Policy" in each]) >= 2
    troubles.clear()


@pytest.mark.row("ASVS-3.4.6")
def test_the_site_opens_in_no_frame(petra, troubles, site):
    def framing(route) -> None:
        route.fulfill(body=f"<iframe src='{site}/login/'></iframe>", content_type="text/html")

    petra.page.route("**/framing/", framing)
    petra.open("/framing/")
    frame = petra.page.frames[-1]
    frame.wait_for_load_state()
    assert "Sign in" not in frame.content()
    troubles.clear()


def test_everything_the_login_loads_is_ours_and_small(at, site):
    desk = at(None)
    answers: list[Response] = []
    desk.page.on("response", lambda answer: answers.append(answer))
    desk.page.goto("/login/", wait_until="networkidle")
    assert answers
    assert all(answer.url.startswith(site) for answer in answers)
    assert sum(len(answer.body()) for answer in answers) < 60_000


def test_what_htmx_swaps_in_runs_no_script(petra, kim):
    """The window's answer is bent to hold one: it is swapped in as inert markup."""

    def smuggle(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "<script>document.title = 'smuggled'</script>")

    petra.page.route("**/mfa/", smuggle)
    petra.button("Actions for kim").click()
    petra.link("Multi-factor authentication").click()
    expect(petra.window).to_be_visible()
    assert petra.page.title() != "smuggled"
