"""The house of DESIGN.md section 4 and the rules of STYLE.md, walked instead of listed."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import grimp
import pytest
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.staticfiles import finders

from tests.companies import read
from tests.people import browser
from tests.rooms import ROOMS

ROOT = Path(__file__).resolve().parent.parent
TABLES = ["mfa", "audit", "accounts", "companies"]  # foreign keys go rightwards only
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_OURS = {".git", ".venv", "var", "node_modules", "__pycache__", "htmlcov", "screenshots"}

MODULE_LINES, FUNCTION_LINES = 350, 45

MODULES = sorted(
    path for app in ROOMS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.relative_to(ROOT).parts
)
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())
PAGES = [path for path in TEMPLATES if path.suffix == ".html" and path.parent.name != "mail"]
SCRIPTS = sorted((ROOT / "m2v" / "static").rglob("*.js"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def name(path):
    return path.relative_to(ROOT).as_posix()


def tree_of(path):
    return ast.parse(path.read_text(), str(path))


def functions_of(path):
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def repository():
    """Every text file of the repository."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(part in NOT_OURS or part.endswith("_cache") for part in parts):
            yield path


def normal(package):
    """A package's name as lock files write it (PEP 503), without extras and range."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~;\s]", package)[0]).lower()


# --- The rooms ---


def graph():
    """Every import of ours, for types too, by module; migrations apart, which import what there was."""
    built = grimp.build_graph(*ROOMS, cache_dir=None)
    modules = [module for module in built.modules if ".migrations" not in module]
    return {module: built.find_modules_directly_imported_by(module) & set(modules) for module in modules}


def test_no_file_is_in_a_circle():
    waiting = graph()
    while free := {module for module, imported in waiting.items() if not imported & waiting.keys()}:
        waiting = {module: imported for module, imported in waiting.items() if module not in free}

    tied = {module: sorted(imported & waiting.keys()) for module, imported in waiting.items()}
    assert tied == {}, "these import each other, or what does"


def test_no_room_holds_more_than_a_third_of_the_lines():
    lines = {
        room: sum(len(path.read_text().splitlines()) for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)
        for room in ROOMS
    }  # fmt: skip

    assert max(lines.values()) <= sum(lines.values()) / 3, lines


# --- Imports and tables ---


def test_imports_go_rightwards_only_and_third_parties_stay_in_their_module():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_are_those_of_the_design():
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["type"] == "layers")
    homes = {contract["protected_modules"][0]: set(contract["allowed_importers"]) for contract in contracts
             if contract["type"] == "protected"}  # fmt: skip

    assert layers["layers"] == list(reversed(ROOMS))
    assert {module.rpartition(".")[0] for module in homes["webauthn"]} == {"mfa.methods.passkeys"}
    assert homes["django_otp"] == {"mfa.methods.totp.codes", "mfa.models"}
    assert len(homes["qrcode"]) == 1


def test_foreign_keys_go_from_mfa_to_accounts_to_companies():
    for model in (model for app in TABLES for model in apps.get_app_config(app).get_models()):
        for field in model._meta.get_fields():
            if not (field.is_relation and field.concrete):
                continue
            target = field.related_model._meta.app_label
            assert target in TABLES, f"{field} points to {target}"
            assert TABLES.index(model._meta.app_label) <= TABLES.index(target), f"{field} points to {target}"


def test_every_table_is_in_one_of_these():
    assert not list(apps.get_app_config("m2v").get_models())
    ours = {model._meta.app_label for model in apps.get_models() if model.__module__.split(".")[0] in ROOMS}
    assert ours == set(TABLES)


def test_the_company_of_a_user_is_declared_by_name():
    declared = [
        node.args[0].value
        for node in ast.walk(tree_of(ROOT / "accounts" / "models.py"))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "models.ForeignKey"
        and isinstance(node.args[0], ast.Constant)
    ]  # fmt: skip

    assert "companies.Company" in declared


def test_migrations_go_the_same_way():
    for app in TABLES:
        for path in (ROOT / app / "migrations").glob("0*.py"):
            for target in re.findall(r"^\s+\('(\w+)', '\w+'\),$", path.read_text(), re.MULTILINE):
                if target in TABLES:
                    assert TABLES.index(app) <= TABLES.index(target), f"{name(path)} depends on {target}"


def test_the_policy_imports_nothing_of_ours_and_nothing_of_django():
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree_of(ROOT / "mfa" / "policy.py"))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert imported <= {"__future__", "dataclasses", "enum", "typing", "collections.abc"}


def test_only_the_settings_read_the_environment():
    readers = {
        name(path) for path in MODULES if re.search(r"os\.(environ|getenv)|environ\.Env|\benv\.\w+\(", path.read_text())
    }

    # environment.py parses the values that settings.py hands to it; PostgreSQL's programs get what this one was given; the
    # others name the settings to Django; one tells the processes that it starts where prometheus-client counts.
    parsing = {
        "m2v/settings.py",
        "m2v/environment.py",
        "m2v/mail_settings.py",
        "m2v/backups/postgresql.py",
        "m2v/metrics/listener.py",
    }
    assert readers <= parsing | {"m2v/wsgi.py", "m2v/asgi.py", "m2v/program.py"}
    assert "os.environ" not in (ROOT / "m2v" / "environment.py").read_text()
    for entry in ("wsgi", "asgi", "program"):
        used = re.findall(r"os\.environ\.?(\w*)", (ROOT / "m2v" / f"{entry}.py").read_text())
        others = ["", "", "setdefault", ""]  # how its memory is taken is asked of the C library; the shell's language
        assert used == (others if entry == "program" else ["setdefault"])


# --- Django's public parts only ---

PRIVATE = re.compile(r"_[a-z](?:\w*[^\W_])?")
PUBLIC_PRIVATE = {"_meta", "_state", "_replace", "_exit"}  # documented by Django and by Python, underscore and all


def stored_on_self(tree):
    """The underscore names that methods give their object."""
    return {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name) and node.value.id == "self" and PRIVATE.fullmatch(node.attr)
    }  # fmt: skip


def private_names_of_others(path):
    """The underscore names that a module uses and does not define itself."""
    tree = tree_of(path)
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and PRIVATE.fullmatch(node.attr)}
    return used - stored_on_self(tree) - {function.name for function in functions_of(path)} - PUBLIC_PRIVATE


def replaced_names(kind):
    """The underscore names that a class of ours takes from a class of Django's."""
    bases = [base for base in kind.__mro__ if base.__module__.startswith("django.")]
    theirs = {key for base in bases for key in vars(base)}
    sources = "".join(inspect.getsource(sys.modules[base.__module__]) for base in bases)
    stored = stored_on_self(ast.parse(textwrap.dedent(inspect.getsource(kind)))) if bases else set()
    own = {key for key in vars(kind) if PRIVATE.fullmatch(key)} - PUBLIC_PRIVATE
    return own & theirs | {key for key in stored if re.search(rf"\.{key}\b", sources)}


def test_no_module_uses_an_underscore_name_that_it_does_not_define():
    """Django's may change with any release. (granian's one: pyproject.toml says why.)"""
    used = {name(path): names for path in MODULES if (names := private_names_of_others(path))}

    assert used == {"m2v/server.py": {"_respawn_workers"}}


def test_no_class_replaces_an_underscore_name_of_djangos():
    replaced = {}
    for path in MODULES:
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
        own = [kind for kind in kinds if kind.__module__ == module.__name__]
        replaced |= {f"{name(path)}: {kind.__name__}": names for kind in own if (names := replaced_names(kind))}

    assert replaced == {}


class Bent(AbstractBaseUser):
    class Meta:
        abstract = True

    def _get_session_auth_hash(self, secret=None):
        return ""

    def forget(self):
        self._password = None
        self._own = None


def test_a_name_that_is_taken_from_django_is_found():
    assert replaced_names(Bent) == {"_get_session_auth_hash", "_password"}


def test_djangos_sql_compiler_is_left_alone():
    users = {name(path) for path in MODULES if re.search(r"django\.db\.models\.sql", path.read_text())}

    assert users == set()


# --- Sizes and shapes ---


def test_no_module_is_longer_than_a_person_reads():
    lengths = {name(path): len(path.read_text().splitlines()) for path in MODULES}

    assert {module: lines for module, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_a_person_reads():
    lengths = {
        f"{name(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in functions_of(path)
    }

    assert len(lengths) > 200
    assert {function: lines for function, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_every_module_says_what_it_is_for():
    full = [path for path in MODULES if path.read_text().strip()]

    assert [name(path) for path in full if not ast.get_docstring(tree_of(path))] == []


def test_nothing_is_imported_inside_a_function_without_a_reason():
    found = {
        (path, node.lineno)
        for path in MODULES
        for function in functions_of(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    lines = {f"{name(path)}:{at}": path.read_text().splitlines()[at - 1] for path, at in found}

    assert {place for place, line in lines.items() if not re.search(r"# noqa: PLC0415  # \w+", line)} == set()


def test_a_check_that_is_switched_off_says_why():
    silent = re.compile(r"# noqa(?!: [A-Z0-9, ]+  # \w)|# pragma: no cover|# type: ignore(?!\[[a-z, -]+\]  # \w)")

    assert [name(path) for path in MODULES if silent.search(path.read_text())] == []


def test_there_are_no_signals_of_ours_and_no_settings_asked_for_by_name():
    for path in MODULES:
        text = path.read_text()
        assert not re.search(r"\bSignal\(|@receiver|getattr\(settings", text), name(path)


def test_what_is_said_to_people_is_translated():
    """No bare string is handed to `messages` or to a form's errors."""
    said = {"success", "info", "warning", "error", "add_error", "ValidationError"}
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] not in said:
                continue
            if ast.unparse(node.func).rpartition(".")[2] == "ValidationError":
                words = node.args[:1]
            elif ast.unparse(node.func).startswith("messages.") or ast.unparse(node.func).endswith("add_error"):
                words = node.args[1:2]
            else:
                continue
            for word in words:
                assert not isinstance(word, ast.Constant | ast.JoinedStr), f"{name(path)}:{node.lineno}"


# --- Packages ---


@pytest.mark.parametrize("path", LOCKS, ids=name)
def test_a_lock_file_names_no_place_to_download_from(path):
    for line in path.read_text().splitlines():
        assert "://" not in line, line
        assert not line.strip().startswith("--") or line.strip().startswith("--hash=sha256:"), line


@pytest.mark.row("ASVS-15.1.2")
@pytest.mark.parametrize("path", LOCKS, ids=name)
def test_a_lock_file_pins_each_package_with_its_hashes(path):
    packages = re.split(r"\n(?=[a-z0-9])", path.read_text().strip(), flags=re.IGNORECASE)

    assert len(packages) > {"metrics.txt": 0, "build.txt": 4}.get(path.name, 10)
    for package in packages:
        assert re.match(r"[\w.\[\],-]+==[\w.+!-]+( ; [^\\]+)? \\\n", package), package[:80]
        assert "--hash=sha256:" in package, package[:80]


def pins(file):
    return {
        normal(pin)
        for pin in re.findall(r"^([\w.\[\],-]+)==", (ROOT / "requirements" / file).read_text(), re.MULTILINE)
    }


@pytest.mark.row("ASVS-15.1.2")
def test_every_dependency_is_pinned():
    run, dev = PYPROJECT["project"]["dependencies"], PYPROJECT["dependency-groups"]["dev"]

    assert {normal(package) for package in run} <= pins("main.txt")
    assert {normal(package) for package in dev} <= pins("main.txt") | pins("dev.txt")
    [extra] = PYPROJECT["project"]["optional-dependencies"]["metrics"]
    assert PYPROJECT["dependency-groups"]["metrics"] == [extra]
    assert {normal(extra)} == pins("metrics.txt")


def test_the_lock_files_agree():
    pin = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.+!-]+)", re.MULTILINE)
    pinned = {found for path in LOCKS for found in pin.findall(path.read_text())}

    assert len(pinned) == len({package for package, _version in pinned})


def test_the_release_is_the_one_of_the_package():
    version = PYPROJECT["project"]["version"]

    assert version == "5.5.0"
    assert f'__version__ = "{version}"' in (ROOT / "m2v" / "__init__.py").read_text()


def test_no_package_index_is_named_anywhere():
    hosts = [b"py" + b"pi.org", b"py" + b"thonhosted.org", b"npm" + b"js.", b"un" + b"pkg.com", b"js" + b"delivr"]
    options = re.compile(rb"(?<!no-emit-)\b(?:extra-)?index-url\b|(?<!no-emit-)\b(?:find-links|trusted-host)\b")
    for path in repository():
        content = path.read_bytes()
        assert not [host for host in hosts if host in content], name(path)
        if path != Path(__file__):
            assert not options.search(content), name(path)


# --- Templates ---

TAG = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
COMMENT = re.compile(r"{% comment %}.*?{% endcomment %}|{#.*?#}|<!--.*?-->", re.DOTALL)
TRANSLATED = re.compile(r"{% blocktranslate\b.*?{% endblocktranslate %}", re.DOTALL)
SPOKEN = re.compile(
    r'\b(?:aria-label|placeholder|title|alt|data-(?:copy|cancelled|registered|offline|failed))="([^"]*)"'
)
CLASSES = re.compile(r"{% block (?:width|narrow) %}.*?{% endblock.*?%}")  # names of CSS classes
OUR_NAMES = {"m2v", "m2s"}


def text_of(path):
    return COMMENT.sub("", path.read_text())


def test_no_template_has_an_inline_style_script_or_handler():
    for path in PAGES:
        text = text_of(path)
        assert not re.search(r"\sstyle\s*=|<style\b", text), name(path)
        assert not re.search(r"<[^>]*\son[a-z]+\s*=", TAG.sub("", text), re.IGNORECASE), name(path)
        assert not re.search(r"hx-on|javascript:", text, re.IGNORECASE), name(path)
        for attributes, body in re.findall(r"<script\b(.*?)>(.*?)</script>", text, re.DOTALL):
            assert "src=" in attributes, name(path)
            assert body.strip() == "", name(path)


def untranslated(text):
    """The words that a template says outside of translate and blocktranslate, in its text and its spoken attributes."""
    text = CLASSES.sub("", TRANSLATED.sub("", text))
    spoken = [TAG.sub("", value) for value in SPOKEN.findall(text)]
    shown = re.sub(r"<[^>]*>|&\w+;", " ", TAG.sub("", text), flags=re.DOTALL)
    return set(re.findall(r"[^\W\d_]\w*", " ".join([shown, *spoken]))) - OUR_NAMES


def test_what_a_template_says_is_translated():
    assert {name(path): words for path in TEMPLATES if (words := untranslated(text_of(path)))} == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<p>Hello {{ name }}</p>", {"Hello"}),
        ('<p aria-label="Close">{% translate "Open" %}</p>', {"Close"}),
        ('<p class="wide">m2v 5 – {% blocktranslate %}Hello{% endblocktranslate %}</p>', set()),
    ],
)
def test_a_word_that_is_not_translated_is_found(text, words):
    assert untranslated(text) == words


def uses_of(path):
    """The modules and templates that name a template."""
    key = re.escape(path.relative_to(ROOT / "templates").as_posix())
    named = re.compile(rf"[\"',]{key}[\"',#]")
    return [other for other in [*MODULES, *TEMPLATES] if other != path and named.search(other.read_text())]


def test_every_template_is_used():
    assert [name(path) for path in TEMPLATES if not uses_of(path)] == []


def test_no_template_marks_anything_as_safe_but_translated_text():
    for path in PAGES:
        text = text_of(path)
        for variable in re.findall(r"{{\s*(\w+)[^}]*\|safe", text):
            assert f"asvar {variable} " in text, name(path)
        assert "autoescape off" not in text, name(path)


def test_ready_made_html_is_made_in_one_place():
    makers = {name(path) for path in MODULES if re.search(r"mark_safe|SafeString|format_html", path.read_text())}

    assert makers <= {"mfa/methods/totp/qr.py", "m2v/forms.py", "companies/views/user_rows.py", "accounts/linked.py"}


# --- Scripts and weight ---


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_writes_no_html_and_runs_no_text(path):
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment"

    assert not re.search(forbidden, path.read_text())


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_says_nothing_in_a_language(path):
    """What people read comes from the page, translated, in data attributes."""
    assert not re.search(r"textContent = [\"'`]\s*[A-Za-z]|alert\(|confirm\(", path.read_text())


def loaded_by(html):
    """The static files that a page loads, and what they load."""
    waiting = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="/static/([^"]+)"', html)
    loaded = {}
    while waiting:
        file = waiting.pop()
        if file in loaded:
            continue
        found = finders.find(file)
        assert found, file
        loaded[file] = Path(found).read_bytes()
        if file.endswith((".js", ".css")):
            nested = re.findall(rb"(?:from |import |url\(|@import )[\"']?(\./[^\"')]+)", loaded[file])
            waiting += [f"{file.rpartition('/')[0]}/{inner.decode()[2:]}" for inner in nested]
    return loaded


def test_everything_that_the_login_loads_is_under_60_kilobytes():
    answer = browser().get("/login/")
    files = loaded_by(answer.content.decode())

    assert {file.rpartition(".")[2] for file in files} == {"css", "js", "svg"}
    assert len(answer.content) + sum(len(content) for content in files.values()) < 60_000


def test_no_page_loads_anything_from_elsewhere():
    page = read(browser().get("/login/"))
    addresses = [found.attrs.get("src") or found.attrs.get("href", "") for found in page.walk() if found.name != "a"]

    assert all(address.startswith("/") for address in addresses if address)
    for path in [*SCRIPTS, *(ROOT / "m2v" / "static").rglob("*.css")]:
        assert not re.search(r"https?://(?!www\.w3\.org/)|url\(//", path.read_text()), name(path)


def test_one_function_writes_files_for_spreadsheets_so_that_no_cell_of_any_is_a_formula():
    writes = re.compile(r"csv\.(?:writer|DictWriter)|from csv import")

    assert [name(path) for path in MODULES if writes.search(path.read_text())] == ["companies/exports.py"]


# --- Words ---

OUR_ROWS = sorted((ROOT / "tests" / "rows.txt").read_text().splitlines(), key=len, reverse=True)
OUR_PAGES = r"\b(?:DESIGN|HOUSE|STYLE|STANDARDS|BYPASSES|GROUND)(?:\.md|'s)?\b"
# `ASVS 6.5.1` and `WCAG 3.3.1` are published; `F5`, `WR-06`, `B-53` and `V15` are numbers of ours.
OUR_NUMBERS = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, OUR_ROWS))})\b|\b(?:W[AR]|CS|DJ|OTP|N|B|H)-[0-9]|\b[FV][0-9]{{1,2}}\b|{OUR_PAGES}"
)


def test_the_product_names_published_sources_not_our_own_numbers_of_rows():
    files = [*MODULES, *TEMPLATES, *SCRIPTS, *(ROOT / "m2v" / "static").rglob("*.css"), ROOT / "pyproject.toml"]
    found = {name(path): numbers for path in files if (numbers := set(OUR_NUMBERS.findall(path.read_text())))}

    assert len(OUR_ROWS) > 400
    assert found == {}


@pytest.mark.parametrize("ours", ["(B-53)", "WR-06..10", "see F5)", "V15", "N-4.6", "DESIGN: required", "CS-SESS-4"])
def test_a_number_of_ours_is_found(ours):
    assert OUR_NUMBERS.search(ours)
    assert not OUR_NUMBERS.search("RFC 6238 section 5.2, ASVS 6.5.1, NIST SP 800-63B-4, UTF-8, SHA-256, CSP Level 3")


DJANGO_S = {"urlpatterns", "app_name", "register", "Command", "application", "__all__", "log", "logger"}
# Constants and classes of several modules, and functions that others import by their bare name: one idea in all of them.
SAME_IDEA = {
    "A_MINUTE": "how many lines of the log a minute may bring",
    "APART": "how far the clocks of two servers may differ",
    "Company": "the model; and what a line of the audit needs to know of one",
    "FORM": "the name of the text form that the module writes",
    "KEY_BYTES": "how long the module's keys are",
    "LONGEST": "the longest text that the module takes",
    "NONCE_BYTES": "how long the module's nonces are",
    "SALT": "what the module's signed links and cookies are bound to",
    "SECONDS": "how long those are good",
    "SPACED": "seconds between two mails that say the same",
    "SWITCH": "the column of the 2FA switch, of a person and of a company",
    "_set_switch": "writes that column",
}


def named_in(path):
    """The names that a module defines at its top."""
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from (
                    part.id
                    for part in ast.walk(target)
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
                )


@cache
def imported_bare():
    """Names of ours that modules import to use without the name of their module."""
    return {
        (node.module, alias.name)
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOMS
        for alias in node.names
    }


def must_be_told_apart(key, module):
    """Is `key` of this module read where its module is not named?

    A view may be called as the act whose page it is, a method's folder has the names of its neighbours, a private verb
    is its module's own affair, and a public one is read as `module.verb`, unless somebody imports it bare.
    """
    if not key.islower():
        return not module.startswith("mfa.methods.")
    if re.search(r"views|templatetags|\.window\.|^mfa\.methods\.", module):
        return False
    return "_" in key[1:] if key.startswith("_") else (module, key) in imported_bare()


def test_one_name_means_one_thing():
    homes = {}
    for path in MODULES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for key in set(named_in(path)) - DJANGO_S - SAME_IDEA.keys():
            if must_be_told_apart(key, module):
                homes.setdefault(key, []).append(module)

    assert len(homes) > 400
    assert {key: modules for key, modules in homes.items() if len(modules) > 1} == {}
