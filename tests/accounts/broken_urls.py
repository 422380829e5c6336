"""The site with one more page, which fails: for the page that people see then."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from m2v import urls
from m2v.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

SECRET = "what no page says"


@login_not_required
def fail(request):
    raise RuntimeError(SECRET)


urlpatterns = [*urls.urlpatterns, path("fail/", fail)]
