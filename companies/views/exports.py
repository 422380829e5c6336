"""Lists as files: what a list finds, line by line, however much it is. Who took it out is in the audit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.guards import settings_app
from accounts.permissions import Permission
from audit.recording import record
from audit.vocabulary import Action
from companies import exports
from companies.listing.people import UserList
from companies.models import Company
from mfa.step_up import confirmation_required

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest

KEPT_WORDS = 200  # of what was asked for, in the audit


@settings_app(Permission.EXPORT)
@confirmation_required
@require_POST
def user_export(request: SignedInRequest) -> HttpResponse:
    """The people whom the list of users finds, as it is filtered."""
    found = UserList(request.user, request.GET)
    rows = map(partial(exports.row_for, request.user), exports.with_these_ids(found.ids()))
    return as_file(request, "User", exports.headings_for(request.user), rows, company=found.company)


@settings_app(Permission.EXPORT)
@confirmation_required
@require_POST
def company_export(request: SignedInRequest) -> HttpResponse:
    """The companies that the list of companies finds."""
    companies = Company.objects.managed_by(request.user).search(request.GET.get("q", "")[:KEPT_WORDS].strip())
    rows = map(exports.company_row, exports.each_company(companies, request.user))
    return as_file(request, "Company", exports.OF_A_COMPANY, rows)


def as_file(
    request: SignedInRequest,
    name: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str | int]],
    *,
    company: Company | None = None,
) -> HttpResponse:
    """The rows under their headings, which are read while they are sent. The line of the audit is written before."""
    asked = {key: value[:KEPT_WORDS] for key, value in request.GET.items() if value and key in exports.FILTERS}
    theirs = None if request.user.serves_site else request.user.company
    record(Action.LIST_EXPORTED, actor=request.user, company=company or theirs, name=name, filters=asked)
    return sent_as_file(f"{name.lower()}-{timezone.localdate()}", exports.headings_in_words(headings), rows)


def sent_as_file(name: str, headings: Sequence[str], rows: Iterable[Sequence[str | int]]) -> HttpResponse:
    """The file `name`, whose rows are read while it is sent. Write the line of the audit before."""
    lines = exports.as_csv(headings, rows, begin=exports.BOM, separator=exports.readers_separator())
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse(lines, headers=headers, content_type="text/csv; charset=utf-8")  # type: ignore[return-value]  # to the types, no HttpResponse
