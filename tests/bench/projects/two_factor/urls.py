from django.urls import include, path
from django_otp.decorators import otp_required
from two_factor.urls import urlpatterns as two_factor

from tests.bench.projects.landing import page

urlpatterns = [path("", include(two_factor)), path("portal/", otp_required(page))]
