"""Our own addresses, and Django's list of the same people: what a project has that writes no list of its own."""

from django.contrib import admin
from django.urls import include, path

from accounts.models import User
from mfa.models import AuthenticatorApp


class SetUp(admin.SimpleListFilter):
    """Django's filter for what ours call "Set up"."""

    title = parameter_name = "set_up"

    def lookups(self, request, model_admin):
        return [("yes", "yes"), ("no", "no")]

    def queryset(self, request, queryset):
        apps = AuthenticatorApp.objects.filter(confirmed=True).values("user")
        return queryset.filter(pk__in=apps) if self.value() == "yes" else queryset


class People(admin.ModelAdmin):
    list_display = ("get_full_name", "username", "company", "role", "two_factor_enabled", "last_sign_in_at")
    list_filter = (SetUp, "role", "is_active")
    list_select_related = ("company",)
    list_per_page = 25
    ordering = ("search_text",)
    search_fields = ("search_text", "company__name_plain")

    def has_module_permission(self, request):
        return True

    def has_view_permission(self, request, obj=None):
        return True

    has_change_permission = has_delete_permission = has_view_permission

    def has_add_permission(self, request):
        return True


class Site(admin.AdminSite):
    def has_permission(self, request):
        return True


site = Site(name="admin")
site.register(User, People)
urlpatterns = [path("django-admin/", site.urls), path("", include("m2v.urls"))]
