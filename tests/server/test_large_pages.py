"""The server begins with large pages for the memory of a hash, unless its operator says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from m2v import program


def test_every_process_of_the_server_began_with_them(site):
    assert site.workers()
    for pid in (site.process.pid, *site.workers()):
        assert b"GLIBC_TUNABLES=glibc.malloc.hugetlb=1" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


@pytest.mark.parametrize("said", ["", "glibc.malloc.hugetlb=0", "glibc.malloc.check=3"])
def test_what_the_operator_says_stays(said, monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", said)
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("it began anew"))

    program.begin_with_large_pages()


def test_it_begins_anew_once_as_it_was_called(monkeypatch):
    begun = []
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    monkeypatch.setattr(os, "execve", lambda *began: begun.append(began))

    program.begin_with_large_pages()

    [[program_file, arguments, variables]] = begun
    assert program_file == program.sys.executable
    assert arguments == program.sys.orig_argv
    assert variables == dict(os.environ) | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
