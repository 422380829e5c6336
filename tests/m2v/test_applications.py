"""What a server loads, and the names of static files."""

from __future__ import annotations

from io import BytesIO, StringIO

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.management import call_command
from django.test import override_settings

from m2v import __version__
from m2v.asgi import application as asgi
from m2v.wsgi import application as wsgi


@pytest.mark.django_db
def test_the_wsgi_application_answers():
    answered = []
    environment = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/login/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "localhost:8000",
        "wsgi.input": BytesIO(),
        "wsgi.url_scheme": "http",
    }
    body = b"".join(wsgi(environment, lambda status, headers: answered.append(status)))

    assert answered == ["200 OK"]
    assert b"Sign in to m2v" in body


@pytest.mark.django_db
def test_the_asgi_application_answers():
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/login/",
        "query_string": b"",
        "headers": [(b"host", b"localhost:8000")],
        "server": ("localhost", 8000),
    }

    async def visit():
        visitor = ApplicationCommunicator(asgi, scope)
        await visitor.send_input({"type": "http.request"})
        answer = await visitor.receive_output(timeout=10)
        await visitor.wait(timeout=10)
        return answer

    assert async_to_sync(visit)()["status"] == 200


def test_static_files_get_names_with_their_hash(tmp_path, settings):
    static = {"staticfiles": {"BACKEND": "m2v.storage.StaticStorage"}}
    with override_settings(STATIC_ROOT=tmp_path / "static", STORAGES=settings.STORAGES | static):
        call_command("collectstatic", verbosity=0, interactive=False)

    names = [path.name for path in (tmp_path / "static" / "m2v").iterdir()]
    assert any(name.startswith("passkeys.") and name.endswith(".js.gz") for name in names)
    assert (tmp_path / "static" / f"staticfiles-{__version__}.json").exists()


def test_the_base_url_is_printed_for_make():
    out = StringIO()
    call_command("base_url", stdout=out)

    assert out.getvalue() == "http://localhost:8000\n"
