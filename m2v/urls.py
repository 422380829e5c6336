"""Every address of the site."""

from django.urls import include, path

import companies.urls
import reporting.urls
from accounts.guards import SETTINGS
from m2v import views
from m2v.reports import csp_report
from mfa.window.urls import own_window_urls

settings_app = [*companies.urls.urlpatterns, *reporting.urls.urlpatterns]

urlpatterns = [
    path("", views.home, name="home"),
    path("portal/", views.portal, name="portal"),
    path("m2s/", views.m2s, name="m2s"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("settings/", include((settings_app, SETTINGS))),
    path("", include("m2v.user_settings.urls")),
    path("", include("mfa.urls")),
    path("user-settings/mfa/", include((own_window_urls(views.behind_own_window), "own_mfa"))),
    path("", include("accounts.urls")),
    path("", include("notices.urls")),
    path("csp-report/", csp_report, name="csp_report"),
]

handler400 = "m2v.errors.bad_request"
handler403 = "m2v.errors.permission_denied"
handler404 = "m2v.errors.not_found"
handler500 = "m2v.errors.server_error"
