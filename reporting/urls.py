"""Addresses of the Settings app that look back. Each view carries its guard (accounts.guards)."""

from django.urls import path

from reporting.views import activity, past_day, person

urlpatterns = [
    path("administration/activity/", activity.activity, name="activity"),
    path("administration/activity/export/", activity.activity_export, name="activity_export"),
    path("administration/activity/day/", past_day.past_day, name="past_day"),
    path("administration/activity/day/export/", past_day.past_day_export, name="past_day_export"),
    path("administration/users/<uuid:user_id>/file/", person.user_file, name="user_file"),
]
