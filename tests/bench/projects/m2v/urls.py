"""The site's addresses, and the page that every project here has."""

from django.urls import path

from m2v.urls import handler400, handler403, handler404, handler500
from m2v.urls import urlpatterns as ours
from tests.bench.projects.landing import page

__all__ = ["handler400", "handler403", "handler404", "handler500"]

urlpatterns = [path("bench/", page), *ours]
