"""Where browsers report what the content security policy stopped (CSP Level 3, section 5; ASVS 3.4.7).

Anybody can send anything here, so reports are bounded in size and number, read as plain values, and written to the log
and nowhere else.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.throttle.bucket import Bucket

if TYPE_CHECKING:
    from django.http import HttpRequest

LONGEST = 16 * 1024
LONGEST_VALUE = 200
MOST_IN_ONE = 10
A_MINUTE = 30
# Each value has a name in reports of `report-uri`, and another in those of `report-to`.
VALUES = {
    "directive": ("effective-directive", "effectiveDirective"),
    "blocked": ("blocked-uri", "blockedURL"),
    "page": ("document-uri", "documentURL"),
    "source": ("source-file", "sourceFile"),
    "line": ("line-number", "lineNumber"),
}
ADDRESSES = {"blocked", "page", "source"}

log = logging.getLogger("m2v.csp")
reports = Bucket(A_MINUTE)


@csrf_exempt
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Take one delivery of reports."""
    body = request.read(LONGEST + 1)
    if len(body) > LONGEST:
        return JsonResponse({"error": "too_large"}, status=413)
    try:
        found = reported(json.loads(body))
    except (ValueError, RecursionError):
        return JsonResponse({"error": "not_json"}, status=400)
    for fields in found[:MOST_IN_ONE]:
        if not reports.take():
            break
        log.warning("violation", extra={"fields": fields})
    return HttpResponse(status=204)


def reported(sent: object) -> list[dict[str, object]]:
    """The violations in what was sent, each as short plain values; anything else is left out."""
    found = []
    for report in sent if isinstance(sent, list) else [sent]:
        body = report.get("csp-report", report.get("body")) if isinstance(report, dict) else None
        if isinstance(body, dict):
            found.append({name: _value(body, name) for name in VALUES})
    return found


def _value(body: dict[str, Any], name: str) -> object:
    value = next((body[key] for key in VALUES[name] if key in body), None)
    if isinstance(value, str) and name in ADDRESSES:
        value = _without_query(value)
    return value[:LONGEST_VALUE] if isinstance(value, str) else value if isinstance(value, int) else None


def _without_query(address: str) -> str:
    """`address` without what may be personal in it."""
    try:
        return urlsplit(address)._replace(query="", fragment="").geturl()
    except ValueError:
        return ""
