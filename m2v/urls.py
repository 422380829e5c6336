"""Every address of the site."""

from django.urls import include, path

from accounts import session_views
from accounts import views as accounts
from m2v import views
from m2v.reports import csp_report
from mfa.urls import own_window_urls
from mfa.views.confirm import recently_proved, recently_proved_to_post

urlpatterns = [
    path("", views.home, name="home"),
    path("portal/", views.portal, name="portal"),
    path("m2s/", views.m2s, name="m2s"),
    path("settings/", include("companies.urls")),
    path("user-settings/", recently_proved_to_post(accounts.user_settings), name="user_settings"),
    path("user-settings/address/withdraw/", recently_proved(accounts.withdraw_address), name="address_withdraw"),
    path("user-settings/password/", recently_proved(accounts.password), name="password"),
    path("user-settings/sessions/<uuid:place_id>/end/", recently_proved(session_views.end), name="session_end"),
    path("user-settings/sessions/end-others/", recently_proved(session_views.end_others), name="sessions_end_others"),
    path("session/", session_views.session, name="session"),
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
