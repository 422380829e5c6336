"""Addresses of one's own settings."""

from django.urls import path

from m2v.user_settings import views

urlpatterns = [
    path("user-settings/", views.user_settings, name="user_settings"),
    path("user-settings/address/withdraw/", views.withdraw_address, name="address_withdraw"),
    path("user-settings/data/", views.own_file, name="own_file"),
    path("user-settings/password/", views.password, name="password"),
    path("user-settings/sessions/<uuid:place_id>/end/", views.session_end, name="session_end"),
    path("user-settings/sessions/end-others/", views.sessions_end_others, name="sessions_end_others"),
    path("session/", views.session, name="session"),
]
