"""The link that is mailed to a new e-mail address, opened by whoever reads the mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import signing

from accounts.addresses import SALT
from accounts.models import PendingAddress
from tests.people import browser

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.models import User


def link_of(user: User) -> str:
    """The path of the link to the address that waits for `user`."""
    return f"/address/{signing.dumps(str(PendingAddress.objects.get(user=user).pk), salt=SALT)}/"


def confirm_address(user: User) -> HttpResponse:
    """Confirm the address that waits for `user`, in another browser."""
    answer: HttpResponse = browser().post(link_of(user))
    return answer
