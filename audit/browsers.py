"""Names of browsers and systems, from their User-Agent.

A label for people to recognise, never a fact to decide by: anyone can send
any User-Agent.
"""

from django.utils.translation import gettext as _

# The first that occurs wins: most browsers also claim to be the ones below them.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "HeadlessChrome": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS X": "Mac",
    "Linux": "Linux",
}
PHONES = {"iPhone", "iPad", "Android"}


def system_name(agent: str) -> str:
    """The system `agent` names, or ""."""
    return next((name for mark, name in SYSTEMS.items() if mark in agent), "")


def browser_name(agent: str) -> str:
    """ "Chrome on Windows" from a User-Agent header, as far as it can be told."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), _("Unknown browser"))
    system = system_name(agent)
    return _("{browser} on {system}").format(browser=browser, system=system) if system else browser
