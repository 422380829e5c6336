"""The page behind every login."""

from django.http import HttpRequest, HttpResponse


def page(request: HttpRequest) -> HttpResponse:
    """Greets: the session and the person are looked up, nothing else."""
    return HttpResponse(f"<h1>{request.user.get_username()}</h1>")
