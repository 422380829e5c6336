"""The security headers of every answer: pages, errors, redirects, static files, and what the server itself refuses.

The outermost middleware sets whatever is still missing. A page's content security policy comes from Django
(SECURE_CSP, with its nonce); anything else gets one under which it can do nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

NOT_NEEDED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
    "xr-spatial-tracking",
)
POLICY = "Content-Security-Policy"
EVERYWHERE = {
    "Permissions-Policy": ", ".join(
        [
            "publickey-credentials-get=(self)",
            "publickey-credentials-create=(self)",
            *(f"{feature}=()" for feature in NOT_NEEDED),
        ]
    ),
    POLICY: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Where "report-to" in a page's policy leads.
    "Reporting-Endpoints": 'csp="/csp-report/"',
    # Static files bring their own. Nothing else is kept by anybody (RFC 9111 section 5.2.2.5, ASVS 14.3.2).
    "Cache-Control": "no-store",
}


class HeadersMiddleware:
    """Set what the answer does not say itself. It stands first, so that no answer passes it by."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # Django's debug pages, which bring styles of their own, are to be read.
        self.headers = {name: value for name, value in EVERYWHERE.items() if not (settings.DEBUG and name == POLICY)}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        return response


def without_django() -> list[tuple[str, str]]:
    """The same for an answer that Django does not give (m2v.gateway)."""
    headers = list(EVERYWHERE.items())
    if settings.SECURE_HSTS_SECONDS:
        headers.append(("Strict-Transport-Security", _over_tls_alone()))
    return headers


def _over_tls_alone() -> str:
    """What Django's SecurityMiddleware says, word for word: browsers go by the last that they were told."""
    told = [f"max-age={settings.SECURE_HSTS_SECONDS}"]
    if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        told.append("includeSubDomains")
    if settings.SECURE_HSTS_PRELOAD:
        told.append("preload")
    return "; ".join(told)
