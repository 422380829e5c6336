"""Static files of two releases live side by side: each finds its own, and those that came after it started."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory

from m2v.static_files import StaticFilesMiddleware
from m2v.storage import StaticStorage

pytestmark = pytest.mark.django_db  # an answer that is closed puts its connection away


@pytest.fixture
def release(settings, tmp_path, monkeypatch):
    """Collects the files of a release, all into one folder; the name of its style sheet there."""
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "m2v.storage.StaticStorage"}}
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.WHITENOISE_AUTOREFRESH = False

    def collect(version, style):
        source = tmp_path / version
        source.mkdir()
        (source / "look.css").write_text(style)
        settings.STATICFILES_DIRS = [source]
        monkeypatch.setattr(StaticStorage, "manifest_name", f"staticfiles-{version}.json")
        call_command("collectstatic", interactive=False, verbosity=0)
        return StaticStorage().url("look.css")

    return collect


@pytest.fixture
def process():
    """A process that has just started: what it answers to an address."""

    def started():
        middleware = StaticFilesMiddleware(lambda request: HttpResponse(status=404))

        def ask(url):
            answer = middleware(RequestFactory().get(url))
            body = b"".join(answer)
            answer.close()
            return answer.status_code, body

        return ask

    return started


def test_an_old_process_serves_the_files_of_the_next_release_and_a_new_one_those_of_the_last(release, process):
    first = release("1.0", "a { color: red }")
    old = process()
    second = release("2.0", "a { color: blue }")
    new = process()

    assert first != second
    for ask in (old, new):
        assert ask(first) == (200, b"a { color: red }")
        assert ask(second) == (200, b"a { color: blue }")


def test_each_release_keeps_its_own_list_of_names(release, monkeypatch):
    first = release("1.0", "a { color: red }")
    release("2.0", "a { color: blue }")

    monkeypatch.setattr(StaticStorage, "manifest_name", "staticfiles-1.0.json")
    assert StaticStorage().url("look.css") == first


@pytest.mark.parametrize(
    "url",
    [
        "/static/../secret.0123456789ab.css",
        "/static/..%2fsecret.0123456789ab.css",
        "/static//secret.0123456789ab.css",
        "/static/leads-out.0123456789ab.css",
        "/static/folder.0123456789ab.css",
        "/static/without-a-hash.css",
        "/static/nul\x00.0123456789ab.css",
        "/elsewhere/there.0123456789ab.css",
    ],
)
def test_nothing_else_is_served_that_came_later(release, process, tmp_path, url):
    release("1.0", "a { color: red }")
    ask = process()
    (tmp_path / "secret.0123456789ab.css").write_text("secret")
    static = tmp_path / "static"
    (static / "leads-out.0123456789ab.css").symlink_to(tmp_path / "secret.0123456789ab.css")
    (static / "folder.0123456789ab.css").mkdir()
    (static / "without-a-hash.css").write_text("later")
    (static / "there.0123456789ab.css").write_text("there")

    assert ask("/static/there.0123456789ab.css") == (200, b"there")
    assert ask(url) == (404, b"")
