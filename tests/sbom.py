"""The list of components for a release: what its locks in requirements/ pin, with licences, as CycloneDX (`make sbom`).

Licences are those that the installed packages state, so it is written where the locked packages are installed; what
is pinned for other kinds of machines only is left out. Under the same SOURCE_DATE_EPOCH it is the same each time.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from datetime import UTC, datetime
from importlib.metadata import metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = (ROOT / "requirements" / "main.txt", ROOT / "requirements" / "metrics.txt")
ALL_LOCKS = (*LOCKS, ROOT / "requirements" / "dev.txt")
# Whose package states none, or one that is not SPDX's: as the licence beside it reads.
STATED = {
    "pyasn1-modules": "BSD-2-Clause",
    "pyopenssl": "Apache-2.0",
    "pyrage": "MIT",
    "qrcode": "BSD-3-Clause",
    "sqlparse": "BSD-3-Clause",
}
PIN = re.compile(r"^([\w.\[\],-]+==[^\\\n]+)", re.MULTILINE)
VIA = re.compile(r"^    # +(?:via +)?([\w.-]+)(?: \((.+)\))?$", re.MULTILINE)


def pins(*locks: Path) -> list[Requirement]:
    """Each package that these pin, or all that serve, for any machine."""
    return [Requirement(pin) for lock in locks or LOCKS for pin in PIN.findall(lock.read_text())]


def pinned(*locks: Path) -> list[tuple[str, str]]:
    """Name and version of each, for a machine like this one."""
    return [
        (each.name, str(each.specifier).removeprefix("=="))
        for each in pins(*locks)
        if each.marker is None or each.marker.evaluate()
    ]


def needed_by(*locks: Path) -> dict[str, set[str]]:
    """Each package that these pin, or all of them, for any machine, with those that bring it along: none, where we do."""
    found: dict[str, set[str]] = {}
    for lock in locks or LOCKS:
        _before, *parts = PIN.split(lock.read_text())
        for pin, rest in zip(parts[::2], parts[1::2], strict=True):
            found[Requirement(pin).name] = {name for name, ours in VIA.findall(rest) if name != "via" and not ours}
    return found


def licence(name: str) -> str:
    """The licence that a package states, in one of the three ways there are."""
    said = metadata(name)
    named = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if line.startswith("License :: ")]
    text = said.get("License-Expression") or said.get("License") or ""
    return STATED.get(name) or (text if text and "\n" not in text else " AND ".join(named))


def component(name: str, version: str, kind: ComponentType = ComponentType.LIBRARY, said: str = "") -> Component:
    address = PackageURL("pypi", name=name, version=version)
    stated = LicenseFactory().make_from_string(said or licence(name))
    return Component(
        name=name, version=version, type=kind, purl=address, bom_ref=address.to_string(), licenses=[stated]
    )


def components() -> Bom:
    """What a release is made of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    product = component(project["name"], project["version"], ComponentType.APPLICATION, project["license"])
    bom = Bom(
        components=[component(name, version) for name, version in pinned()],
        serial_number=uuid5(NAMESPACE_URL, "".join(lock.read_text() for lock in LOCKS) + project["version"]),
    )
    bom.metadata.component = product
    bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    there, brought = {each.name: each for each in bom.components}, needed_by()
    wanted = [*project["dependencies"], *project["optional-dependencies"]["metrics"]]
    chosen = {Requirement(each).name for each in wanted}
    bom.register_dependency(product, [there[name] for name in chosen if name in there])
    for name, each in there.items():
        bom.register_dependency(each, [there[other] for other in there if name in brought[other]])
    return bom


if __name__ == "__main__":
    sys.stdout.write(JsonV1Dot6(components()).output_as_string(indent=2) + "\n")
