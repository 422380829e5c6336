"""Addresses of the Settings app. Each view carries its guard (accounts.guards)."""

from django.urls import URLPattern, URLResolver, include, path

from companies.views import (
    bulk,
    companies,
    company_pass,
    company_switch,
    erasing,
    exports,
    imports,
    invitations,
    locking,
    lost_phone,
    password_reset,
    reminders,
    site_rule,
    users,
)
from mfa.window.urls import window_urls

urlpatterns: list[URLPattern | URLResolver] = [
    path("", companies.overview, name="home"),
    path("administration/rule/on/", site_rule.rule_on, name="rule_on"),
    path("administration/rule/off/", site_rule.rule_off, name="rule_off"),
    path("administration/users/", users.user_list, name="users"),
    path("administration/users/export/", exports.user_export, name="user_export"),
    path("administration/users/import/", imports.user_import, name="user_import"),
    path("administration/users/import/<uuid:import_id>/", imports.user_import_file, name="user_import_file"),
    path("administration/users/import/<uuid:import_id>/errors/", imports.user_import_errors, name="user_import_errors"),
    path("administration/users/bulk/", bulk.bulk_choose, name="bulk"),
    path("administration/users/bulk/names/", bulk.bulk_names, name="bulk_names"),
    path("administration/users/bulk/<uuid:run_id>/", bulk.bulk_run, name="bulk_run"),
    path("administration/users/bulk/<uuid:run_id>/stop/", bulk.bulk_stop, name="bulk_stop"),
    path("administration/users/bulk/<uuid:run_id>/skipped/", bulk.bulk_skipped, name="bulk_skipped"),
    path("administration/users/new/", users.user_new, name="user_new"),
    path("administration/users/<uuid:user_id>/", users.user_edit, name="user"),
    path("administration/users/<uuid:user_id>/deactivate/", users.user_deactivate, name="user_deactivate"),
    path("administration/users/<uuid:user_id>/activate/", users.user_activate, name="user_activate"),
    path("administration/users/<uuid:user_id>/erase/", erasing.user_erase, name="user_erase"),
    path("administration/users/<uuid:user_id>/lock/", locking.user_lock, name="user_lock"),
    path("administration/users/<uuid:user_id>/let-in/", locking.user_let_in, name="user_let_in"),
    path("administration/users/<uuid:user_id>/sign-out/", users.user_sign_out, name="user_sign_out"),
    path(
        "administration/users/<uuid:user_id>/sessions/<uuid:place_id>/end/",
        users.user_session_end,
        name="user_session_end",
    ),
    path(
        "administration/users/<uuid:user_id>/password-reset/",
        password_reset.user_password_reset,
        name="user_password_reset",
    ),
    path("administration/users/<uuid:user_id>/remind/", reminders.user_remind, name="user_remind"),
    path("administration/users/<uuid:user_id>/lost-phone/", lost_phone.user_lost_phone, name="user_lost_phone"),
    path("administration/users/<uuid:user_id>/access-pass/", lost_phone.user_access_pass, name="user_access_pass"),
    path(
        "administration/users/<uuid:user_id>/access-pass/withdraw/",
        lost_phone.user_pass_withdraw,
        name="user_pass_withdraw",
    ),
    path("administration/users/<uuid:user_id>/unlock/", users.user_unlock, name="user_unlock"),
    path("administration/users/<uuid:user_id>/address/withdraw/", users.address_withdraw, name="address_withdraw"),
    path("administration/users/<uuid:user_id>/invite/", invitations.user_invite, name="user_invite"),
    path("administration/users/<uuid:user_id>/invite/withdraw/", invitations.user_withdraw, name="user_withdraw"),
    path("administration/users/<uuid:user_id>/mfa/", include((window_urls(users.page_behind), "user_mfa"))),
    path("administration/companies/", companies.company_list, name="companies"),
    path("administration/companies/names/", companies.company_names, name="company_names"),
    path("administration/companies/export/", exports.company_export, name="company_export"),
    path("administration/companies/new/", companies.company_new, name="company_new"),
    path("administration/companies/<uuid:company_id>/", companies.company, name="company"),
    path("administration/companies/<uuid:company_id>/edit/", companies.company_edit, name="company_edit"),
    path("administration/companies/<uuid:company_id>/two-factor/on/", company_switch.two_factor_on, name="company_on"),
    path(
        "administration/companies/<uuid:company_id>/two-factor/off/", company_switch.two_factor_off, name="company_off"
    ),
    path(
        "administration/companies/<uuid:company_id>/access-pass/on/",
        company_pass.company_pass_on,
        name="company_pass_on",
    ),
    path(
        "administration/companies/<uuid:company_id>/access-pass/off/",
        company_pass.company_pass_off,
        name="company_pass_off",
    ),
    path(
        "administration/companies/<uuid:company_id>/sign-out/", company_switch.company_sign_out, name="company_sign_out"
    ),
]
