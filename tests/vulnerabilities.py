"""What is known to be vulnerable of the versions that requirements/ pins, asked of OSV (https://google.github.io/osv.dev/api/).

`make check` asks it where it can be reached, and says so where it cannot: nobody's work stands still for that.
`make audit`, before a release, fails then (`--must-answer`). A vulnerability that is found fails both.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.request import Request, urlopen

from tests import sbom

OSV_URL = "https://api.osv.dev"
SECONDS = 10  # for each answer
# By its number in OSV: why it does not touch us, until there is a version without it.
ACCEPTED: dict[str, str] = {}
type Pin = tuple[str, str]


class NotReached(Exception):
    """The service gave no answer, or none that can be read."""


@dataclass(frozen=True)
class Osv:
    """The service at this address."""

    url: str = OSV_URL
    seconds: float = SECONDS

    def _answer(self, path: str, question: object = None) -> Any:
        asked = json.dumps(question).encode() if question else None
        request = Request(self.url + path, data=asked, headers={"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=self.seconds) as answer:
                return json.load(answer)
        except (OSError, HTTPException, ValueError) as trouble:
            raise NotReached(f"{self.url}: {trouble}") from trouble

    def numbers(self, pins: list[Pin]) -> dict[Pin, list[str]]:
        """The vulnerabilities of each of `pins` that has one, by their numbers. All are asked for at once."""
        questions = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in pins]
        try:
            results = self._answer("/v1/querybatch", {"queries": questions})["results"]
            found = {
                pin: [each["id"] for each in result["vulns"]]
                for pin, result in zip(pins, results, strict=True)
                if result
            }
        except (TypeError, KeyError, ValueError) as trouble:
            raise NotReached(f"{self.url}: its answer cannot be read") from trouble
        return found

    def summary(self, number: str) -> str | None:
        """What this one is, as far as is said; None where it was withdrawn."""
        try:
            said = self._answer(f"/v1/vulns/{number}")
            return None if said.get("withdrawn") else str(said.get("summary") or "")
        except (NotReached, AttributeError):
            return ""


def findings(pins: list[Pin], osv: Osv) -> list[str]:
    """A line for each vulnerability of `pins` that counts."""
    return [
        f"{name} {version}: {number} {summary}".rstrip()
        for (name, version), numbers in osv.numbers(pins).items()
        for number in numbers
        if number not in ACCEPTED and (summary := osv.summary(number)) is not None
    ]


def main(*arguments: str) -> int:
    """Say what was found; 1 where that is a failure."""
    pins = sorted({(each.name, str(each.specifier).removeprefix("==")) for each in sbom.pins(*sbom.ALL_LOCKS)})
    try:
        found = findings(pins, Osv(os.environ.get("OSV_URL", OSV_URL)))
    except NotReached as trouble:
        print(f"Known vulnerabilities: NOT CHECKED, the service was not reached ({trouble})")
        return int("--must-answer" in arguments)
    print(f"Known vulnerabilities: {len(found)} in {len(pins)} locked versions", *found, sep="\n  ")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
