"""Administration → User: what is kept of a person, as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.guards import settings_app
from accounts.permissions import Permission
from companies.views.users import find_person
from mfa.step_up import confirmation_required
from reporting.person_file import take_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SignedInRequest


@settings_app(Permission.PERSON_FILE)
@confirmation_required
@require_POST
def user_file(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """All that is kept of a person, to hand it to them."""
    person = find_person(request, user_id)
    return as_answer(take_out(person, actor=request.user), person)


def as_answer(parts: Iterator[str], person: User) -> HttpResponse:
    """`parts` of the file of `person`, to be kept."""
    name = f"m2v-{person.pk}-{timezone.localdate()}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    content = (part.encode() for part in parts)
    return StreamingHttpResponse(content, headers=headers, content_type="application/json")  # type: ignore[return-value]  # it is none, but goes where they go
