"""`make lighthouse`: Lighthouse's figures for login, list of people and window, on a phone and at a desk, held to 95 of 100.

It serves the demo's people on a port of its own. Lighthouse comes from npm, by the lock beside this file, into the
virtual environment; where there is no Node.js, npm, Chromium or way to npm's registry, it says so and measures nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.server.site import Site

HERE = Path(__file__).parent
MODULES = Path(sys.prefix) / "lighthouse"
LEAST = 95
TRIES = 3  # a machine with other work is slower than the page: the best counts
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
SCREENS = {"phone": [], "desk": ["--preset=desktop"]}  # a phone is Lighthouse's own choice
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
UNREACHABLE = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E403|E5\d\d)\b")
PETRA = """
from django.conf import settings; from django.test import Client; from accounts.models import User
from accounts.sealing import Purpose, unseal; from tests.people import Person
user = User.objects.get(username="petra.vogt")
app = user.authenticator_apps.get()
petra = Person(user, Client(SERVER_NAME="localhost", SERVER_PORT="{port}"), app_key=unseal(app.key, user.pk, Purpose.APP))
petra.enter_password("{password}"); petra.enter_code()
print(petra.client.cookies[settings.SESSION_COOKIE_NAME].value, User.objects.get(username="kim.hansen").pk)
"""


class NotMeasured(Exception):
    """Something is not on this machine, or is not reached."""


def chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise NotMeasured("there is no Chromium on the PATH")
    return found


def lighthouse() -> Path:
    """The program, brought where it is not there as the lock has it."""
    for name in ("node", "npm"):
        if not shutil.which(name):
            raise NotMeasured(f"there is no {name} on the PATH")
    lock, brought = HERE / "package-lock.json", MODULES / "package-lock.json"
    if not brought.exists() or brought.read_bytes() != lock.read_bytes():
        MODULES.mkdir(exist_ok=True)
        shutil.copy(HERE / "package.json", MODULES)
        shutil.copy(lock, MODULES)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=MODULES, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if done.returncode:
            brought.unlink()
            if UNREACHABLE.search(done.stderr):
                raise NotMeasured("npm does not reach its registry")
            sys.exit(f"npm did not bring Lighthouse:\n{done.stderr}")
    return MODULES / "node_modules" / ".bin" / "lighthouse"


def pages(site: Site) -> dict[str, tuple[str, dict[str, str]]]:
    """Each page's address, and what is sent with each request for it."""
    said = site.manage("create_demo")
    [password] = re.findall(r"petra\.vogt\s+(\S+)", said)
    signed_in = PETRA.format(port=site.port, password=password)
    key, kim = site.manage("shell", "--no-imports", "-c", signed_in).split()
    users = f"http://localhost:{site.port}/settings/administration/users/"
    session = {"Cookie": f"session={key}"}
    return {
        "login": (f"http://localhost:{site.port}/login/", {}),
        "list": (users, session),
        "window": (f"{users}{kim}/mfa/", session),
    }


def measured(address: str, sent: dict[str, str], screen: list[str]) -> dict[str, object]:
    """Lighthouse's report of one page on one screen."""
    flags = "--headless=new --disable-gpu" + (" --no-sandbox" if os.geteuid() == 0 else "")
    done = subprocess.run(
        [lighthouse(), address, *screen, "--quiet", "--disable-full-page-screenshot", "--output=json", "--no-enable-error-reporting",
         f"--only-categories={','.join(CATEGORIES)}", f"--extra-headers={json.dumps(sent)}", f"--chrome-flags={flags}"],
        env=os.environ | {"CHROME_PATH": chromium()}, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"Lighthouse failed at {address}:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def figures(report: dict, address: str) -> dict[str, int]:
    """What it gives each category, of 100. It has seen the page that was meant, and not the login before it."""
    if report["finalDisplayedUrl"] != address:
        sys.exit(f"{address} led to {report['finalDisplayedUrl']}.")
    return {name: round(100 * (report["categories"][name]["score"] or 0)) for name in CATEGORIES}


def lost(report: dict) -> list[str]:
    """What the page lost points at."""
    weighs = [each["id"] for name in CATEGORIES for each in report["categories"][name]["auditRefs"] if each["weight"]]
    audits = [report["audits"][each] for each in weighs]
    return [
        f"{each['id']}: {each['title']} {each.get('displayValue', '')}" for each in audits if (each["score"] or 0) < 1
    ]


def judge(page: str, address: str, sent: dict[str, str], screen: str) -> bool:
    """Measure a page until it is good enough, TRIES times at most; say its best figures."""
    best = dict.fromkeys(CATEGORIES, 0)
    for _ in range(TRIES):
        report = measured(address, sent, SCREENS[screen])
        best = {name: max(best[name], figure) for name, figure in figures(report, address).items()}
        if good := min(best.values()) >= LEAST:
            break
    print(f"{page:7} {screen:6}", *(f"{name} {figure:3}" for name, figure in best.items()), flush=True)
    for each in [] if good else lost(report):
        print(f"  {each}")
    return good


def held(pages: dict[str, tuple[str, dict[str, str]]]) -> int:
    """1 where a figure of one of these pages is below LEAST."""
    good = [judge(page, *where, screen) for page, where in pages.items() for screen in SCREENS]
    print(f"Lighthouse: {sum(good)} of {len(good)} have {LEAST} or more in each category.")
    return int(not all(good))


def main() -> int:
    """The same of those of a site of its own; 0 where nothing can be measured."""
    try:
        chromium(), lighthouse()
    except NotMeasured as missing:
        print(f"Lighthouse: NOT MEASURED, {missing}.")
        return 0
    with TemporaryDirectory() as folder:
        site = Site(Path(folder))
        site.manage("upgrade")
        seen = pages(site)
        with site.served():
            return held(seen)


if __name__ == "__main__":
    sys.exit(main())
