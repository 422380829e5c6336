"""Administration → User → Import: a file is sent, what it would do is shown, and then it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.background import NO_LONGER_KEPT
from accounts.dates import moment
from accounts.guards import settings_app
from accounts.permissions import Permission
from accounts.roles import up_to
from companies import exports
from companies.importing import inviting, running
from companies.importing.checking import CheckedFile, Mistake
from companies.importing.models import Import
from companies.importing.reading import FILE_COLUMNS, HEADINGS, MOST_IN_A_FILE, NotRead, decoded, read
from mfa.step_up import confirmation_required

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.requests import SignedInRequest

MOST_SHOWN = 100  # mistakes on the page; the file has all
SHOWN_FIRST = 3
MOST_DONE = 3  # imports that are over


@settings_app(Permission.IMPORT)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_import(request: SignedInRequest) -> HttpResponse:
    """Choose a file. What is sent is read and kept; nobody is made of it yet."""
    trouble = ""
    if request.method == "POST":
        sent = request.FILES.get("file")
        try:
            if sent is None:
                raise NotRead(_("Choose a file first."))
            text, encoding = decoded(sent.read())
            table = read(text, encoding)
        except NotRead as why:
            trouble = str(why)
        else:
            kept = running.keep(request.user, sent.name or "", text, table)
            return redirect("settings:user_import_file", kept.pk)
    context = {
        "trouble": trouble,
        "most": MOST_IN_A_FILE,
        "headings": HEADINGS,
        "languages": [code for code, _name in settings.LANGUAGES],
        "roles": up_to(request.user.role),
        "unfinished": _unfinished(request),
        "done": _done(request),
        "uninvited": _uninvited(request),
    }
    page = "settings/administration/users/import.html"
    return render(request, page, context, status=400 if trouble else 200)


@settings_app(Permission.IMPORT)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_import_file(request: SignedInRequest, import_id: UUID) -> HttpResponse:
    """What would happen, then how far it is, then what came of it, and who is not invited yet."""
    kept = _find(request, import_id)
    if kept.ended_at is not None and request.method == "POST":
        return _invite(request, kept)
    if kept.begun_at is not None:
        return _go_on(request, kept) if request.method == "POST" else _progress(request, kept)
    checked = CheckedFile(read(kept.text, kept.encoding), request.user)
    refused = ""
    if request.method == "POST":
        if not checked.people:
            refused = _("There is nobody to import.")
        elif checked.mistakes and request.POST.get("part") != str(len(checked.people)):
            refused = _("There are lines with an error now. Look at them: nothing is imported yet.")
        else:
            invites, requires = ("on" in request.POST.getlist(name) for name in ("invite", "require"))
            running.begin(kept, actor=request.user, invites=invites, requires=requires)
            return HttpResponseRedirect(_address(kept))
    room = inviting.room(request.user)
    context = {
        "import": kept,
        "checked": checked,
        "room": room,
        "waits": max(0, checked.with_address - room.today),
        "again": moment(room.again),
        "refused": refused,
        "first": checked.people[:SHOWN_FIRST],
        "mistakes": checked.mistakes[:MOST_SHOWN],
        "invites": "invite" in request.POST if refused else True,
        "requires": "require" in request.POST,
    }
    page = "settings/administration/users/import-file.html"
    return render(request, page, context, status=409 if refused else 200)


@settings_app(Permission.IMPORT)
@confirmation_required
@require_safe
def user_import_errors(request: SignedInRequest, import_id: UUID) -> HttpResponse:
    """The lines that were left out, as a file to be mended and sent again; the last column says what is wrong."""
    kept = _find(request, import_id)
    if kept.begun_at is None:
        checked = CheckedFile(read(kept.text, kept.encoding), request.user)
        cells = {line.number: line.cells for line in checked.table.lines}
        mistakes = [(each, cells[each.line]) for each in checked.mistakes]
    else:
        mistakes = [(_mistake(each), each["cells"]) for each in kept.mistakes]
    lines: dict[int, tuple[dict[str, str], list[str]]] = {}
    for each, of_line in mistakes:
        said = f"{each.heading}: {each.what}" if each.heading else each.what
        lines.setdefault(each.line, (of_line, []))[1].append(said)
    rows: list[list[str | int]] = [
        [*(of_line.get(column, "") for column in FILE_COLUMNS), number, " ".join(said)]
        for number, (of_line, said) in sorted(lines.items())
    ]
    headings = [*(str(HEADINGS[column]) for column in FILE_COLUMNS), _("line"), _("what is wrong")]
    separator = exports.readers_separator()
    body = "".join(exports.as_csv(headings, rows, begin=exports.BOM, separator=separator))
    headers = {"Content-Disposition": 'attachment; filename="lines-with-errors.csv"'}
    return HttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)


def _go_on(request: SignedInRequest, kept: Import) -> HttpResponse:
    """Go on with what is left, or stop."""
    if "stop" in request.POST:
        running.stop(kept)
    else:
        running.go_on(kept, actor=request.user)
    return HttpResponseRedirect(_address(kept))


def _invite(request: SignedInRequest, kept: Import) -> HttpResponse:
    """Invite those who are left; those beyond the day's budget stay on the page."""
    inviting.begin_inviting(kept, actor=request.user)
    return HttpResponseRedirect(_address(kept))


def _progress(request: SignedInRequest, kept: Import) -> HttpResponse:
    room, waits = inviting.room(request.user), len(kept.uninvited)
    context: dict[str, Any] = {
        "import": kept,
        "runs": kept.runs or kept.invites_the_rest,
        "invites_now": min(room.today, waits),
        "waits": max(0, waits - room.today),
        "again": moment(room.again),
        "mistakes": [_mistake(each) for each in kept.mistakes[:MOST_SHOWN]],
        "wrong_lines": len({each["line"] for each in kept.mistakes}),
    }
    return render(request, "settings/administration/users/import-progress.html", context)


def _mistake(kept: dict[str, Any]) -> Mistake:
    return Mistake(kept["line"], kept["column"], kept["contents"], kept["what"])


def _unfinished(request: SignedInRequest) -> Import | None:
    """An import of theirs that began and is not over."""
    return Import.objects.filter(owner=request.user.pk, ended_at=None).exclude(begun_at=None).first()


def _done(request: SignedInRequest) -> list[Import]:
    """Imports of theirs that are over, and of whom nobody is left to be invited: kept for a day."""
    over = Import.objects.filter(owner=request.user.pk, ended_at__isnull=False, uninvited=[])
    return list(over.order_by("-ended_at").only("pk", "name", "made")[:MOST_DONE])


def _uninvited(request: SignedInRequest) -> list[Import]:
    """Imports of theirs that are over, and whose people are not all invited."""
    over = Import.objects.filter(owner=request.user.pk, ended_at__isnull=False)
    return list(over.exclude(uninvited=[]).order_by("created_at").only("pk", "name", "uninvited"))


def _find(request: SignedInRequest, import_id: UUID) -> Import:
    """Theirs: what one administrator sends is no other's to see."""
    kept = Import.objects.filter(pk=import_id, owner=request.user.pk).first()
    if kept is None:
        raise Http404(NO_LONGER_KEPT)
    return kept


def _address(kept: Import) -> str:
    return reverse("settings:user_import_file", args=[kept.pk])
