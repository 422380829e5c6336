"""`make lighthouse` is red below 95, says so where it cannot measure, and takes what its lock names."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from tests.lighthouse import __main__ as figures

LOCK = json.loads((figures.HERE / "package-lock.json").read_text())
PAGES = {"login": ("http://localhost/login/", {}), "window": ("http://localhost/mfa/", {"Cookie": "session=key"})}
# Says of each page what Lighthouse would: full marks, but for the window at a desk in one category.
PROGRAM = """#!{python}
import json, sys
address, desk = sys.argv[1], "--preset=desktop" in sys.argv
score = {score} if address.endswith("/mfa/") and desk else 1
with open("{said}", "a") as said:
    print(address, desk, file=said)
print(json.dumps({{
    "finalDisplayedUrl": address.replace("/mfa/", "{leads_to}"),
    "categories": {{
        name: {{"score": score if name == "seo" else 1, "auditRefs": [{{"id": "description", "weight": name == "seo"}}]}}
        for name in {categories}
    }},
    "audits": {{"description": {{"id": "description", "title": "It is not described.", "score": score}}}},
}}))
"""


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Where Lighthouse is brought to, with nothing in it."""
    monkeypatch.setattr(figures, "MODULES", tmp_path / "lighthouse")
    return tmp_path / "lighthouse"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """`programs(name=script)` are the only ones on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(**scripts):
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)

    return put


@pytest.fixture
def brought(modules, tmp_path):
    """`brought(score)` is a Lighthouse in its place that gives one page this score for SEO; gives what it was asked."""

    def bring(score, leads_to="/mfa/"):
        (modules / "node_modules" / ".bin").mkdir(parents=True)
        shutil.copy(figures.HERE / "package-lock.json", modules)
        program = modules / "node_modules" / ".bin" / "lighthouse"
        said = tmp_path / "said"
        program.write_text(
            PROGRAM.format(
                python=sys.executable, score=score, said=said, leads_to=leads_to, categories=figures.CATEGORIES
            )
        )
        program.chmod(0o755)
        return said

    return bring


needed = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="there is no Node.js on the PATH"
)


@needed
@pytest.mark.parametrize(("score", "code", "tries"), [(0.94, 1, 3), (0.95, 0, 1)])
def test_one_figure_below_95_is_a_failure_after_three_tries_that_says_what_was_lost(
    brought, score, code, tries, capsys
):
    said = brought(score)

    assert figures.held(PAGES) == code
    asked = said.read_text().splitlines()
    assert len(asked) == 3 + tries
    assert sum(line.endswith("/mfa/ True") for line in asked) == tries
    printed = capsys.readouterr().out
    assert f"window  desk   performance 100 accessibility 100 best-practices 100 seo  {round(100 * score)}\n" in printed
    assert ("It is not described." in printed) == bool(code)
    assert printed.endswith(f"Lighthouse: {4 - code} of 4 have 95 or more in each category.\n")


@needed
def test_a_page_that_leads_elsewhere_is_not_measured_in_its_place(brought):
    brought(1, leads_to="/login/")

    with pytest.raises(SystemExit, match="led to"):
        figures.held(PAGES)


@pytest.mark.parametrize("there", [[], ["chromium"], ["chromium", "node"]])
def test_what_is_not_on_the_machine_is_said_and_no_failure(modules, programs, there, capsys):
    programs(**dict.fromkeys(there, "exit 1"))
    assert figures.main() == 0

    lacks = ["Chromium", "node", "npm"][len(there)]
    assert capsys.readouterr().out == f"Lighthouse: NOT MEASURED, there is no {lacks} on the PATH.\n"


def test_a_registry_that_is_not_reached_is_said_and_no_failure(modules, programs, capsys):
    programs(chromium="exit 1", node="exit 1", npm="echo 'npm error code ENOTFOUND' >&2; exit 1")

    assert figures.main() == 0
    assert capsys.readouterr().out == "Lighthouse: NOT MEASURED, npm does not reach its registry.\n"


def test_a_package_that_is_not_the_locked_one_is_a_failure(modules, programs):
    programs(chromium="exit 1", node="exit 1", npm="echo 'npm error code EINTEGRITY' >&2; exit 1")

    for _ in range(2):
        with pytest.raises(SystemExit, match="EINTEGRITY"):
            figures.main()


def test_each_package_is_pinned_by_its_digest_and_by_no_address():
    package = json.loads((figures.HERE / "package.json").read_text())
    _own, *packages = LOCK["packages"].items()

    assert package["dependencies"] == {"lighthouse": LOCK["packages"]["node_modules/lighthouse"]["version"]}
    assert len(packages) > 50
    assert [name for name, said in packages if not said["integrity"].startswith("sha512-") or "resolved" in said] == []
