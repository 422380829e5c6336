"""What the documents say is there: files, names, links, commands, settings and figures."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands

from tests.rooms import ROOMS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))

FILE = re.compile(rf"`((?:tests|docs|templates|requirements|stubs|{'|'.join(ROOMS)})/[^\s`*<>…:]*)(?:::(\w+))?`")
DOTTED = re.compile(rf"`((?:{'|'.join(ROOMS)})\.[A-Za-z_.]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)\s]*)\)")
COMMAND = re.compile(r"manage\.py (\w+)")
LOGGER = re.compile(r'getLogger\((?:"([\w.]+)"|__name__)\)')


def name(path):
    return path.relative_to(ROOT).as_posix()


def loggers():
    """The names that lines of the log have."""
    for app in ROOMS:
        for path in (ROOT / app).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield from (found or module for found in LOGGER.findall(path.read_text()))


def is_there(dotted):
    """Does `dotted` name a module, something in one, a model or its field, or a logger?"""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        if found is not None:
            return True
        break
    return dotted in set(loggers()) or is_model(*parts[:2], *parts[2:3])


def is_model(app, model="", field=""):
    fields = {found._meta.object_name: {one.name for one in found._meta.get_fields()} for found in apps.get_models()
              if found._meta.app_label == app}  # fmt: skip
    return model in fields and (not field or field in fields[model])


def anchors(document):
    """The names under which the headings of a document are linked to."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- Files, names, links, commands ---


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_a_document_names_is_there(document):
    named = FILE.findall(document.read_text())

    assert [path for path, _test in named if not (ROOT / path).exists()] == []
    assert [test for path, test in named if test and f"def {test}(" not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_dotted_name_of_ours_in_a_document_is_there(document):
    assert {dotted for dotted in DOTTED.findall(document.read_text()) if not is_there(dotted)} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_of_a_document_leads_somewhere(document):
    for link in LINK.findall(document.read_text()):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_a_document_names_is_there(document):
    assert set(COMMAND.findall(document.read_text())) <= set(get_commands())


def test_what_is_not_there_is_found():
    assert FILE.findall("`accounts/nowhere.py`, `tests/run.py::test_x`") == [
        ("accounts/nowhere.py", ""),
        ("tests/run.py", "test_x"),
    ]
    there = ("mfa.policy", "mfa.policy.pending_steps", "accounts.User.password", "m2v.audit", "accounts.User")
    gone = ("mfa.nowhere", "mfa.policy.nothing", "accounts.User.shoe_size", "accounts.Nobody", "audit.nowhere.thing")
    assert [dotted for dotted in there if not is_there(dotted)] == []
    assert [dotted for dotted in gone if is_there(dotted)] == []
    assert "decisions" in anchors(ROOT / "docs" / "decisions" / "README.md")


# --- Settings, targets and commands ---


def read_variables():
    """The variables of the environment that the settings and the Makefile read."""
    read_here = re.findall(r"\benv\.\w+\(\s*\"([A-Z_]+)\"", (ROOT / "m2v" / "settings.py").read_text())
    in_make = re.findall(r"^export (\w+) \?=", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return {*read_here, *in_make}


def test_the_readme_lists_every_variable_that_is_read():
    text = README.read_text()

    assert len(read_variables()) > 10
    assert {variable for variable in read_variables() if f"`{variable}`" not in text} == set()


def test_the_readme_lists_no_variable_that_nobody_reads():
    rows = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \|", README.read_text(), re.MULTILINE)
    listed = {variable for row in rows for variable in re.findall(r"[A-Z_]+", row)}
    sources = (ROOT / "m2v" / "settings.py").read_text() + (ROOT / "Makefile").read_text()

    assert listed
    assert {variable for variable in listed if variable not in sources} == set()


def test_the_settings_that_are_explained_are_those_of_the_readme():
    section = (ROOT / "docs" / "operations.md").read_text().split("## Settings, in full\n")[1].split("\n## ")[0]
    explained = {variable for line in section.splitlines() for variable in re.findall(r"\*\*`([A-Z_]+)`\*\*", line)}

    assert len(explained) > 6
    assert explained <= read_variables()


def test_every_make_target_is_listed():
    [phony] = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = README.read_text() + CONTRIBUTING.read_text()

    assert {target for target in phony.split() if f"`make {target}`" not in text} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_target_that_is_promised_is_there(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"run", "test", "check", "fix", "bench", "screenshots"} <= targets
    assert set(re.findall(r"`(?:[A-Z_]+=\d+ )?make ([a-z-]+)", document.read_text())) <= targets


def test_every_command_of_ours_is_explained():
    ours = {command for command, app in get_commands().items() if app in ROOMS}
    text = "".join((ROOT / "docs" / document).read_text() for document in ("operations.md", "secrets.md"))

    assert {"serve", "tidy", "audit_verify", "rotate_mfa_keys"} <= ours
    assert {command for command in ours if f"manage.py {command}" not in text} == set()


def test_what_is_looked_at_before_a_commit_is_what_make_check_runs():
    hooks = re.findall(r"entry: (\S+)", (ROOT / ".pre-commit-config.yaml").read_text())
    [recipe] = re.findall(r"^check: .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert len(hooks) >= 4
    assert {hook for hook in hooks if f"$(BIN)/{hook.removeprefix('.venv/bin/')}" not in recipe} == set()


# --- Decisions ---


def test_every_decision_is_listed_once_and_says_why_and_what_follows():
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        number, _, title = path.read_text().partition("\n")[0].removeprefix("# ").partition(". ")
        assert path.name.startswith(f"{number}-")
        assert index.count(f"- [{number}]({path.name}) {title}\n") == 1
        assert re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE) == ["Context", "Decision", "Consequence"]


def test_the_readme_is_read_in_a_few_minutes():
    assert len(README.read_text().split()) < 1100
