"""A lock is a state of the person. Whoever said "This wasn't me" and was not invited since is locked from now on."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def lock_who_reported(apps, schema_editor):
    """Until now their password was void, and a passkey signed in still."""
    user, event = apps.get_model("accounts", "User"), apps.get_model("accounts", "AuditEvent")
    reported = event.objects.filter(action="reported_not_me").values_list("subject", flat=True)
    for person in user.objects.filter(pk__in=reported, password__startswith="!"):
        lines = event.objects.filter(subject=person, action__in=("reported_not_me", "user_invited"))
        last = lines.order_by("-pk").first()
        if last.action == "reported_not_me":
            user.objects.filter(pk=person.pk).update(locked_at=last.at, session_epoch=person.session_epoch + 1)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_audit_as_written'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='locked_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='locked_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='action',
            field=models.CharField(choices=[('proved', '{subject} passed a step of the login with {method}'), ('signed_in', '{subject} signed in with {method}'), ('refused', 'A sign-in as {subject} with {method} was refused'), ('signed_out', '{subject} signed out'), ('confirmed', '{subject} confirmed who they are with {method}'), ('passkey_postponed', '{subject} chose “Not now” when asked for a passkey'), ('access_refused', '{actor} was refused a page that is not theirs'), ('form_refused', 'A form of {actor} was refused: it came from another page or session'), ('fields_ignored', '{actor} sent fields with a form that are not theirs to set: they were ignored'), ('step_skipped', '{subject} was refused a page before the login was finished'), ('two_factor_enabled', '{actor} switched two-factor authentication on for {subject}'), ('two_factor_disabled', '{actor} switched two-factor authentication off for {subject}'), ('app_set_up', '{subject} set up an authenticator app'), ('recovery_codes_made', '{subject} made new recovery codes'), ('app_disabled', 'The authenticator app of {subject} was disabled after 100 wrong codes'), ('recovery_codes_disabled', 'The recovery codes of {subject} became void after 100 wrong ones'), ('recovery_code_used', '{subject} used a recovery code'), ('passkey_requested', '{actor} asked {subject} for a passkey'), ('passkey_request_deleted', '{actor} deleted the passkey request for {subject}'), ('passkey_created', '{subject} created the passkey “{name}”'), ('passkey_refused', 'A new passkey of {subject} was refused'), ('passkey_renamed', '{subject} renamed the passkey “{before}” to “{name}”'), ('passkey_deleted', '{actor} deleted the passkey “{name}” of {subject}'), ('passkey_suspended', 'The passkey “{name}” of {subject} was suspended: it may have been copied'), ('user_created', '{actor} created the user {subject}'), ('user_changed', '{actor} changed the profile of {subject}'), ('user_deactivated', '{actor} deactivated {subject}'), ('user_activated', '{actor} activated {subject} again'), ('user_unlocked', '{actor} lifted the wait after wrong passwords and codes for {subject}'), ('user_invited', '{actor} invited {subject}'), ('invitation_withdrawn', '{actor} withdrew the invitation of {subject}'), ('password_reset_requested', 'A link to reset the password of {subject} was asked for'), ('password_changed', '{subject} chose a new password'), ('reported_not_me', '{subject} said “This wasn’t me” of “{name}”: the account was locked and all sessions ended'), ('user_locked', '{actor} locked the account of {subject}: all sessions were ended'), ('user_let_in', '{actor} let {subject} in again after a lock: “{reason}”'), ('sessions_ended', '{actor} ended all sessions of {subject}'), ('session_ended', '{subject} signed out {name}'), ('other_sessions_ended', '{subject} signed out everywhere else'), ('company_created', '{actor} created the company {company}'), ('company_changed', '{actor} changed the company {company}'), ('company_two_factor_enabled', '{actor} switched two-factor authentication on for {company}'), ('company_two_factor_disabled', '{actor} switched two-factor authentication off for {company}'), ('company_sessions_ended', '{actor} ended all sessions of the users of {company}')], max_length=40),
        ),
        migrations.RunPython(lock_who_reported, migrations.RunPython.noop, elidable=True),
    ]
