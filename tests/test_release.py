"""What a release is made of: few packages, each with its licence."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import requires

from cyclonedx.output.json import JsonV1Dot6
from packaging.requirements import Requirement

from tests import sbom


def test_production_is_made_of_less_than_thirty_packages():
    main, metrics = sbom.LOCKS

    assert 20 < len(sbom.pinned(main)) < 30
    assert [name for name, _version in sbom.pinned(metrics)] == ["prometheus-client"]


def test_the_list_of_components_names_what_is_pinned_each_with_its_licence(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795000000")
    text, again = (JsonV1Dot6(sbom.components()).output_as_string() for _ in range(2))
    said = json.loads(text)

    assert text == again
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.6")
    assert said["metadata"]["component"]["name"] == "m2v-mfa"
    assert said["metadata"]["timestamp"].startswith("2026-11-")
    assert sorted((each["name"], each["version"]) for each in said["components"]) == sorted(sbom.pinned())
    for each in said["components"]:
        [stated] = each["licenses"]
        assert stated.get("expression") or stated["license"].get("id"), each["name"]  # of SPDX's


def test_the_list_says_what_needs_what():
    """As the locks do: the product itself what it chose, each package what it brings along."""
    said = json.loads(JsonV1Dot6(sbom.components()).output_as_string())
    names = {each["bom-ref"]: each["name"] for each in [said["metadata"]["component"], *said["components"]]}
    needs = {names[each["ref"]]: {names[ref] for ref in each.get("dependsOn", [])} for each in said["dependencies"]}
    project = tomllib.loads((sbom.ROOT / "pyproject.toml").read_text())["project"]
    chosen = [*project["dependencies"], *project["optional-dependencies"]["metrics"]]

    assert needs.keys() == set(names.values())
    assert needs["m2v-mfa"] == {Requirement(each).name for each in chosen}
    assert {"cbor2", "pyopenssl"} <= needs["webauthn"]
    assert needs["cbor2"] == set()
    reached = set(names.values()) - {"m2v-mfa"}
    assert reached == set().union(*needs.values()), "nothing is there for nothing"


def test_the_image_is_built_by_what_is_pinned():
    """Its builder, too: what pip would take for a build by itself is pinned nowhere."""
    build, dev = (dict(sbom.pinned(sbom.ROOT / "requirements" / f"{name}.txt")) for name in ("build", "dev"))
    [wanted] = tomllib.loads((sbom.ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    text = (sbom.ROOT / "contrib" / "container" / "Containerfile").read_text()
    installed = re.findall(r"pip install (.+?)(?: \\|)$", text, re.MULTILINE)

    assert Requirement(wanted).specifier.contains(build[Requirement(wanted).name])
    assert build.items() <= dev.items()
    assert "--require-hashes --requirement requirements/build.txt" in installed[0]
    assert [line for line in re.findall(r"pip wheel .+", text) if "--no-build-isolation" not in line] == []
    assert [line for line in installed if "--require-hashes" not in line and "--no-deps" not in line] == []


def test_the_lock_pins_what_its_packages_want_with_their_extras():
    """Else the pip of Python 3.12.1 takes `coverage[toml]` for a package that is not pinned."""
    pins = [pin for pin in sbom.pins(*sbom.ALL_LOCKS) if pin.marker is None or pin.marker.evaluate()]
    wanted = [Requirement(each) for pin in pins for each in requires(pin.name) or []]
    needed = {
        (each.name, extra)
        for each in wanted
        if not each.marker or each.marker.evaluate({"extra": ""})
        for extra in each.extras
    }

    assert ("coverage", "toml") in needed
    assert needed <= {(pin.name, extra) for pin in pins for extra in pin.extras}
