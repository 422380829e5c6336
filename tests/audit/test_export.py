"""`manage.py audit_export` and docs/check_audit.py, which proves it in a process of its own, without the product."""

import ast
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from audit.sealing import keys
from audit.sealing.checkpoints import seal_lines
from audit.sealing.proof import verify
from audit.vocabulary import Action
from tests.audit import CHECKER


def test_the_checker_is_short_and_needs_cryptography_alone():
    text = CHECKER.read_text()
    tree = ast.walk(ast.parse(text))
    names = {node.module if isinstance(node, ast.ImportFrom) else alias.name for node in tree
             if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}  # fmt: skip

    assert len(text.splitlines()) <= 120
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"cryptography"}


@pytest.fixture
def export(kim, tmp_path):
    """An export of three sealed lines and one that is under no checkpoint yet."""
    for _ in range(3):
        AuditEvent.objects.create(action=Action.SIGNED_IN, subject=kim.user, browser="Ünïcode “x”\n")
    assert seal_lines() == 3
    AuditEvent.objects.create(action=Action.SIGNED_OUT)
    call_command("audit_export", str(tmp_path / "export"))
    return tmp_path / "export"


def test_a_file_that_cannot_be_written_is_a_sentence(db, tmp_path):
    with pytest.raises(CommandError, match="This cannot be written"):
        call_command("audit_export", str(tmp_path / "none" / "export"))


def proved(*arguments):
    done = subprocess.run([sys.executable, "-I", CHECKER, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_an_export_is_proved_with_the_public_key_alone(export):
    newest = verify().newest

    code, said = proved(export, keys.public_key(), "--checkpoint", newest)

    assert (code, said.startswith(f"All is as it was sealed. Lines: 3, the newest checkpoint: {newest}.")) == (
        0,
        True,
    )
    assert said.endswith("under none yet: 1.\n")
    in_the_other_alphabet = keys.public_key().replace("+", "-").replace("/", "_")
    assert proved("--checkpoint", newest, "--", export, in_the_other_alphabet) == (code, said)


def test_what_is_no_export_or_of_another_key_is_not_proved(export, tmp_path):
    assert proved(export, "A" * 43 + "=")[0] == 1
    assert proved(export, keys.public_key(), "--checkpoint", "2:" + "0" * 64)[0] == 1
    (tmp_path / "empty").touch()
    assert "no export" in proved(tmp_path / "empty", keys.public_key())[1]
    export.write_bytes(export.read_bytes().replace(b"signed_in", b"signed_up", 1))
    code, said = proved(export, keys.public_key())
    assert (code, "is not as it was" in said) == (1, True)
