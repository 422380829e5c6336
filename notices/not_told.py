"""Actions that nobody is told of by mail, and why; every other one has its row in `notices.table`."""

from __future__ import annotations

from audit.vocabulary import Action

_NOTHING_CHANGED = "Nothing changed; it is on record for whoever looks."
_ONES_OWN = "The person did it just now, in a session that was proved, and sees the outcome."
_RIGHTS_STAY = "It changes nothing about how anybody gets in."
_MAIL_OF_ITS_OWN = "The mail with the link goes out by itself."
NOT_TOLD: dict[Action, str] = {
    Action.PROVED: "Half of a sign-in: the whole of it is told where the browser is new.",
    Action.SIGNED_OUT: _ONES_OWN,
    Action.CONFIRMED: _NOTHING_CHANGED,
    Action.PASSKEY_POSTPONED: _NOTHING_CHANGED,
    Action.ACCESS_REFUSED: _NOTHING_CHANGED,
    Action.FORM_REFUSED: _NOTHING_CHANGED,
    Action.FIELDS_IGNORED: _NOTHING_CHANGED,
    Action.STEP_SKIPPED: _NOTHING_CHANGED,
    Action.PASSKEY_REFUSED: _NOTHING_CHANGED,
    Action.PASSKEY_RENAMED: _RIGHTS_STAY,
    Action.PASSKEY_REQUEST_DELETED: "It asks less of the person, and nothing that they have goes.",
    Action.ADDRESS_WITHDRAWN: "The address never counted; the one in use was told when it was entered.",
    Action.USER_CREATED: "The invitation is the first mail.",
    Action.USER_INVITED: _MAIL_OF_ITS_OWN,
    Action.INVITATION_WITHDRAWN: "Nobody was in yet: the link says that it is no longer good.",
    Action.ACCESS_PASS_WITHDRAWN: "It opens less: the person was told when it was made.",
    Action.COMPANY_PASS_DEMANDED: "Whoever set 2FA up goes on as before; the others are told what to ask for at their next login.",
    Action.COMPANY_PASS_NOT_DEMANDED: "The others are asked for less.",
    Action.PASSWORD_RESET_REQUESTED: _MAIL_OF_ITS_OWN,
    Action.USER_LET_IN: _MAIL_OF_ITS_OWN,
    Action.USER_DEACTIVATED: "Whoever may not come in is owed no mail; the sign-in page says whom to ask.",
    Action.USER_ACTIVATED: "Nothing that they set up has changed.",
    Action.USER_ERASED: "Their address is erased with the rest: whoever erased it tells them.",
    Action.USER_UNLOCKED: "It opens nothing: the password is asked for as before.",
    Action.BUDGET_CLEARED: "It opens nothing; all administrators are told of it as of all that is done on the server.",
    Action.SESSIONS_ENDED: "The next page asks to sign in.",
    Action.OTHER_SESSIONS_ENDED: _ONES_OWN,
    Action.COMPANY_CREATED: _RIGHTS_STAY,
    Action.COMPANY_CHANGED: _RIGHTS_STAY,
    Action.COMPANY_TWO_FACTOR_DISABLED: "Whoever set 2FA up keeps it; the others are asked for less.",
    Action.COMPANY_SESSIONS_ENDED: "The next page asks to sign in.",
    Action.LIST_EXPORTED: _NOTHING_CHANGED,
    Action.USERS_IMPORTED: "The invitations are the first mails.",
    Action.MANY_ACTED_ON: "Each person is told by the line that is about them.",
    Action.WORK_GIVEN_UP: "Its page says so to whoever began it, and the log, doctor and the metrics to whoever runs the server.",
    Action.ACTIVITY_EXPORTED: _NOTHING_CHANGED,
    Action.AUDIT_EXPORTED: _NOTHING_CHANGED,
    Action.PERSON_EXPORTED: "It is for them, and the file says that it was taken out; administrators are told what is done on the server.",
}
