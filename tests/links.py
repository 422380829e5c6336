"""The links in mails, as people follow them."""

import re

from tests.people import browser

NEW = "four words in line"
CHANGE = "/user-settings/password/"
SITE = "http://localhost:8000"
LINK = re.compile(rf"{SITE}/(?:password-reset|invitation)/[\w-]+/[\w-]+/")


def chosen(password=NEW, again=None):
    return {"new_password1": password, "new_password2": password if again is None else again}


def link_in(mail):
    """The path of the one link in a mail."""
    found = set(LINK.findall(mail.body))
    assert len(found) == 1
    return found.pop().removeprefix(SITE)


def ask(email):
    return browser().post("/password-reset/", {"email": email})


def form_of(client, path):
    """The address of the form behind a link; None where the link is dead."""
    answer = client.get(path)
    return answer.headers["Location"] if answer.status_code == 302 else None


def choose(path, password=NEW, client=None):
    """Open a link in a fresh browser and choose a password; what the form answers, None where the link is dead."""
    client = client or browser()
    form = form_of(client, path)
    return client.post(form, chosen(password)) if form else None


def signs_in(username, password):
    return browser().post("/login/", {"username": username, "password": password}).status_code == 302
