"""What `make run` starts, on a port and a database of its own."""

from __future__ import annotations

import pytest

from tests.server.site import Site


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Database, keys and static files, made once; each server is started anew on them."""
    folder = tmp_path_factory.mktemp("served")
    Site(folder).prepare()
    return folder


@pytest.fixture
def site(folder):
    with Site(folder).served() as site:
        yield site
