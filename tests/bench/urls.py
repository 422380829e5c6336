"""The site's addresses, and a page that does no work of its own."""

from django.http import HttpResponse
from django.urls import path

from m2v.urls import handler400, handler403, handler404, handler500
from m2v.urls import urlpatterns as ours

__all__ = ["handler400", "handler403", "handler404", "handler500"]


def page(request):
    """Greets: the session and the person are looked up, nothing else."""
    return HttpResponse(f"<h1>{request.user.username}</h1>")


urlpatterns = [path("bench/", page), *ours]
