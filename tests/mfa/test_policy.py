"""Which steps are left: the table of DESIGN.md section 2, and what must hold for everybody, whatever happened."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mfa.policy import FIRST_FACTORS, Method, Standing, Step, may_enrol, passkey_will_do, pending_steps

PASSWORD = frozenset({Method.PASSWORD})
PASSKEY = frozenset({Method.PASSKEY})
WITH_CODE = PASSWORD | {Method.TOTP}
WITH_RECOVERY = PASSWORD | {Method.RECOVERY}
WITH_BOTH = PASSWORD | PASSKEY
WITH_PASS = PASSWORD | {Method.ACCESS_PASS}

NOTHING = Standing()
ASKED = Standing(two_factor_required=True)
SET_UP = Standing(two_factor_required=True, has_app=True)
KEPT = Standing(has_app=True)
HAS_PASSKEY = Standing(has_passkey=True)
ASKED_WITH_PASSKEY = Standing(two_factor_required=True, has_passkey=True)
REQUESTED = Standing(passkey_requested=True)
ONE_MORE_REQUESTED = Standing(passkey_requested=True, has_passkey=True)
NEEDS_PASS = Standing(two_factor_required=True, pass_demanded=True)
ADMINISTERS = Standing(must_have_factor=True)  # the rule for those who administer: an app, or a passkey that is used

TABLE = [
    # 2FA off
    ("nothing demanded, nothing held", NOTHING, PASSWORD, ()),
    # Row 3: on and not set up
    ("asked to set up, after the password", ASKED, PASSWORD, (Step.SET_UP_TWO_FACTOR,)),
    # On and set up
    ("the app's code is asked for", SET_UP, PASSWORD, (Step.CHALLENGE,)),
    ("password and code are enough", SET_UP, WITH_CODE, ()),
    ("a recovery code takes the app's place", SET_UP, WITH_RECOVERY, ()),
    # Rows 4 and 5: off again
    ("what is set up is asked for whoever demands it", KEPT, PASSWORD, (Step.CHALLENGE,)),
    ("off, a passkey at hand: the password is enough", HAS_PASSKEY, PASSWORD, ()),
    ("off, a passkey at hand: the passkey is enough", HAS_PASSKEY, PASSKEY, ()),
    # Row 6: a passkey is requested
    ("a passkey is asked for", REQUESTED, PASSWORD, (Step.SET_UP_PASSKEY,)),
    ("not now", replace(REQUESTED, passkey_postponed=True), PASSWORD, ()),
    ("one more is asked for", ONE_MORE_REQUESTED, PASSKEY, (Step.SET_UP_PASSKEY,)),
    ("after the code", replace(SET_UP, passkey_requested=True), WITH_CODE, (Step.SET_UP_PASSKEY,)),
    (
        "code, then passkey",
        replace(SET_UP, passkey_requested=True),
        PASSWORD,
        (Step.CHALLENGE, Step.SET_UP_PASSKEY),
    ),
    (
        "both are asked for, 2FA first",
        replace(ASKED, passkey_requested=True),
        PASSWORD,
        (Step.SET_UP_TWO_FACTOR, Step.SET_UP_PASSKEY),
    ),
    (
        "not now is no way around 2FA",
        replace(ASKED, passkey_requested=True, passkey_postponed=True),
        PASSWORD,
        (Step.SET_UP_TWO_FACTOR,),
    ),
    # A passkey is two factors at once, and a pending set-up is still asked for
    ("a passkey instead of password and code", replace(SET_UP, has_passkey=True), PASSKEY, ()),
    ("a passkey instead of the code", replace(SET_UP, has_passkey=True), WITH_BOTH, ()),
    ("signed in by passkey, set-up pending", ASKED_WITH_PASSKEY, PASSKEY, (Step.SET_UP_TWO_FACTOR,)),
    # Before a new factor is added, an existing one is proved
    (
        "the passkey first, then the set-up",
        ASKED_WITH_PASSKEY,
        PASSWORD,
        (Step.CHALLENGE, Step.SET_UP_TWO_FACTOR),
    ),
    ("the passkey was used", ASKED_WITH_PASSKEY, WITH_BOTH, (Step.SET_UP_TWO_FACTOR,)),
    # What was proved once and is not held any more proves nothing
    ("a passkey that is gone is no second factor", SET_UP, WITH_BOTH, (Step.CHALLENGE,)),
    ("a code of an app that is gone", ASKED_WITH_PASSKEY, WITH_CODE, (Step.CHALLENGE, Step.SET_UP_TWO_FACTOR)),
    # A password that was chosen beside an app does not get in without it
    ("a short password is enough beside the app", replace(SET_UP, password_is_short=True), WITH_CODE, ()),
    ("the app is gone: a longer password", replace(NOTHING, password_is_short=True), PASSWORD, (Step.CHOOSE_PASSWORD,)),
    ("a passkey alone used no password", replace(HAS_PASSKEY, password_is_short=True), PASSKEY, ()),
    (
        "an app that took a hundred wrong codes is there still",
        replace(SET_UP, password_is_short=True, app_disabled=True),
        WITH_RECOVERY,
        (Step.SET_UP_TWO_FACTOR,),
    ),
    (
        "the app is gone and asked for again: the password first",
        replace(ASKED, password_is_short=True),
        PASSWORD,
        (Step.CHOOSE_PASSWORD, Step.SET_UP_TWO_FACTOR),
    ),
    (
        "whoever knows the password alone chooses no other beside a passkey that is asked for",
        replace(ASKED_WITH_PASSKEY, password_is_short=True),
        PASSWORD,
        (Step.CHALLENGE, Step.CHOOSE_PASSWORD, Step.SET_UP_TWO_FACTOR),
    ),
    (
        "password and passkey: the password alone let nobody in",
        replace(ASKED_WITH_PASSKEY, password_is_short=True),
        WITH_BOTH,
        (Step.SET_UP_TWO_FACTOR,),
    ),
    # Recovery codes are saved before going on
    ("codes to save", replace(SET_UP, codes_unsaved=True), WITH_CODE, (Step.SAVE_RECOVERY_CODES,)),
    (
        "codes to save, then the passkey",
        replace(SET_UP, codes_unsaved=True, passkey_requested=True),
        WITH_CODE,
        (Step.SAVE_RECOVERY_CODES, Step.SET_UP_PASSKEY),
    ),
    # An access pass stands for the missing factor, and opens the set-up alone
    ("a pass in the app's place: the app anew", SET_UP, WITH_PASS, (Step.SET_UP_TWO_FACTOR,)),
    ("the same where nobody demands it any more", KEPT, WITH_PASS, (Step.SET_UP_TWO_FACTOR,)),
    ("a pass in the passkey's place", ASKED_WITH_PASSKEY, WITH_PASS, (Step.SET_UP_TWO_FACTOR,)),
    ("a pass in the place of an app that is disabled", replace(SET_UP, app_disabled=True), WITH_PASS, (Step.SET_UP_TWO_FACTOR,)),
    ("a pass, and the code of the new app", SET_UP, WITH_PASS | {Method.TOTP}, ()),
    ("a pass, and the codes of the new app to save", replace(SET_UP, codes_unsaved=True), WITH_PASS | {Method.TOTP}, (Step.SAVE_RECOVERY_CODES,)),
    ("a pass where nothing is asked for opens nothing more", NOTHING, WITH_PASS, ()),
    ("a pass where nothing but the password is asked for", HAS_PASSKEY, WITH_PASS, ()),
    ("a pass demanded: the password alone sets nothing up", NEEDS_PASS, PASSWORD, (Step.CHALLENGE, Step.SET_UP_TWO_FACTOR)),
    ("a pass demanded and given: the set-up", NEEDS_PASS, WITH_PASS, (Step.SET_UP_TWO_FACTOR,)),
    ("a pass demanded, and set up since", replace(NEEDS_PASS, has_app=True), WITH_CODE, ()),
    ("a pass demanded where nothing is required: the password is enough", Standing(pass_demanded=True), PASSWORD, ()),
    ("a pass demanded beside a passkey: either opens the set-up", replace(NEEDS_PASS, has_passkey=True), WITH_BOTH, (Step.SET_UP_TWO_FACTOR,)),
    (
        "a short password and a pass: a longer one, then the app",
        replace(NEEDS_PASS, password_is_short=True),
        WITH_PASS,
        (Step.CHOOSE_PASSWORD, Step.SET_UP_TWO_FACTOR),
    ),
    # The rule for those who administer
    ("whoever administers and holds nothing is asked to set up", ADMINISTERS, PASSWORD, (Step.SET_UP_TWO_FACTOR,)),
    ("whoever administers with an app owes no more than others", replace(ADMINISTERS, has_app=True), WITH_CODE, ()),
    ("the app's code is asked for as before", replace(ADMINISTERS, has_app=True), PASSWORD, (Step.CHALLENGE,)),
    ("whoever administers and signs in by passkey has done it", replace(ADMINISTERS, has_passkey=True), PASSKEY, ()),
    ("a passkey that is held and not used is asked for", replace(ADMINISTERS, has_passkey=True), PASSWORD, (Step.CHALLENGE,)),
    ("password and passkey: no app is asked for", replace(ADMINISTERS, has_passkey=True), WITH_BOTH, ()),
    ("a passkey that is gone is none", ADMINISTERS, PASSKEY, (Step.SET_UP_TWO_FACTOR,)),
    ("the passkey is lost: a pass opens the set-up", replace(ADMINISTERS, has_passkey=True), WITH_PASS, (Step.SET_UP_TWO_FACTOR,)),
    ("another method is a factor as well", replace(ADMINISTERS, others=frozenset({"card"})), PASSWORD | {"card"}, ()),
    ("a locked app is set up anew", replace(ADMINISTERS, has_app=True, app_disabled=True), WITH_RECOVERY, (Step.SET_UP_TWO_FACTOR,)),
    ("the rule beside one's own: the app, passkey or not", replace(ADMINISTERS, two_factor_required=True, has_passkey=True), PASSKEY, (Step.SET_UP_TWO_FACTOR,)),
    ("a pass is demanded of those who administer too", replace(ADMINISTERS, pass_demanded=True), PASSWORD, (Step.CHALLENGE, Step.SET_UP_TWO_FACTOR)),
    (
        "a pass lets nobody add a passkey before the app",
        replace(SET_UP, passkey_requested=True),
        WITH_PASS,
        (Step.SET_UP_TWO_FACTOR, Step.SET_UP_PASSKEY),
    ),
]  # fmt: skip

CARD = "card"  # a method beside the three, as a folder below mfa/methods would add it
held = {field.name: st.booleans() for field in fields(Standing)} | {
    "others": st.sampled_from([frozenset(), frozenset({CARD})])
}
standings = st.builds(Standing, **held)
logins = st.frozensets(st.sampled_from([*Method, CARD])).filter(lambda proofs: proofs & FIRST_FACTORS)


@pytest.mark.parametrize(
    ("standing", "proofs", "steps"), [row[1:] for row in TABLE], ids=[row[0].replace(" ", "_") for row in TABLE]
)
def test_the_steps_left(standing, proofs, steps):
    assert pending_steps(standing, proofs) == steps


@pytest.mark.parametrize(
    "proofs",
    [frozenset(), {Method.TOTP}, {Method.RECOVERY}, {Method.TOTP, Method.RECOVERY}, {Method.ACCESS_PASS}],
)
@pytest.mark.parametrize("standing", [NOTHING, SET_UP, NEEDS_PASS])
def test_a_code_alone_names_nobody(standing, proofs):
    with pytest.raises(ValueError, match="first factor"):
        pending_steps(standing, proofs)


@pytest.mark.parametrize("step", Step)
def test_every_step_has_its_page(step):
    assert reverse(step).startswith("/login/")


def test_a_standing_cannot_be_changed_on_the_way():
    with pytest.raises(FrozenInstanceError):
        NOTHING.has_app = True


@given(standings, logins)
def test_the_steps_come_in_one_order_and_each_once(standing, proofs):
    steps = pending_steps(standing, proofs)

    assert list(steps) == [step for step in Step if step in steps]


@given(standings, logins)
def test_nobody_is_asked_to_set_up_before_a_factor_they_hold_is_proved(standing, proofs):
    steps = pending_steps(standing, proofs)

    if standing.accepted and not proofs & (standing.accepted | {Method.ACCESS_PASS}):
        assert steps[:1] != (Step.SET_UP_TWO_FACTOR,)
        assert Step.SET_UP_TWO_FACTOR not in steps or steps[0] is Step.CHALLENGE


@given(standings, logins)
def test_whoever_gets_in_has_done_all_that_is_demanded(standing, proofs):
    if pending_steps(standing, proofs) == ():
        if standing.two_factor_required:
            assert standing.has_app
        if standing.has_app:
            assert not standing.app_disabled
            held = (
                {Method.TOTP, Method.RECOVERY} | ({Method.PASSKEY} if standing.has_passkey else set()) | standing.others
            )
            assert proofs & held
        assert not standing.codes_unsaved
        assert standing.has_app or not standing.password_is_short or Method.PASSKEY in proofs
        assert standing.passkey_postponed or not standing.passkey_requested


@given(standings, logins)
def test_nobody_administers_on_a_password_alone(standing, proofs):
    """Where the site demands a factor, whoever gets in holds one, and has used it now."""
    standing = replace(standing, must_have_factor=True)
    if pending_steps(standing, proofs) == ():
        assert standing.has_app or standing.has_passkey or standing.others
        assert proofs & standing.accepted


@given(standings, logins)
def test_the_rule_for_those_who_administer_asks_those_who_hold_a_factor_for_that_alone(standing, proofs):
    with_rule = pending_steps(replace(standing, must_have_factor=True), proofs)
    without = pending_steps(replace(standing, must_have_factor=False), proofs)

    more = set(with_rule) - set(without)
    assert more <= ({Step.CHALLENGE} if standing.accepted else {Step.CHALLENGE, Step.SET_UP_TWO_FACTOR}) or (
        Method.ACCESS_PASS in proofs and more == {Step.SET_UP_TWO_FACTOR}
    )
    if standing.accepted and proofs & standing.accepted:
        assert with_rule == without


@given(standings, logins)
def test_whoever_owes_nothing_gets_in(standing, proofs):
    owes = (
        (standing.must_have_factor and not proofs & standing.accepted)
        or (standing.two_factor_required and not standing.has_app)
        or (standing.has_app and standing.app_disabled)
        or ((standing.has_app or standing.others) and not proofs & standing.accepted)  # a pass makes it no less
        or standing.codes_unsaved
        or (standing.passkey_requested and not standing.passkey_postponed)
        or (standing.password_is_short and not standing.has_app and Method.PASSKEY not in proofs)
    )
    if not owes:
        assert pending_steps(standing, proofs) == ()


@given(standings, logins, st.sampled_from(Method))
def test_proving_more_never_adds_a_step(standing, proofs, more):
    """But for a pass, which puts the set-up in the challenge's place."""
    before, after = set(pending_steps(standing, proofs)), set(pending_steps(standing, proofs | {more}))

    if more is Method.ACCESS_PASS and Step.CHALLENGE in before:
        assert after == before - {Step.CHALLENGE} | {Step.SET_UP_TWO_FACTOR}
    else:
        assert after <= before


@given(standings, logins)
def test_a_pass_lets_nobody_in_who_is_not_in_without_it(standing, proofs):
    without = pending_steps(standing, proofs - {Method.ACCESS_PASS})

    assert bool(pending_steps(standing, proofs | {Method.ACCESS_PASS})) is bool(without)


@given(standings)
def test_a_password_alone_sets_nothing_up_where_a_pass_is_demanded(standing):
    steps = pending_steps(replace(standing, two_factor_required=True, pass_demanded=True), PASSWORD)

    assert steps[0] is Step.CHALLENGE


@given(
    standings,
    logins,
    st.sampled_from(["two_factor_required", "passkey_requested", "codes_unsaved", "pass_demanded", "must_have_factor"]),
)
def test_demanding_more_never_takes_a_step_away(standing, proofs, demand):
    less, more = replace(standing, **{demand: False}), replace(standing, **{demand: True})

    assert set(pending_steps(less, proofs)) <= set(pending_steps(more, proofs))


@given(standings)
def test_a_password_alone_never_passes_an_authenticator_app(standing):
    assert pending_steps(replace(standing, has_app=True), PASSWORD)[0] is Step.CHALLENGE


@given(standings, logins)
def test_not_now_puts_off_the_passkey_and_nothing_else(standing, proofs):
    asked = pending_steps(replace(standing, passkey_postponed=False), proofs)
    postponed = pending_steps(replace(standing, passkey_postponed=True), proofs)

    assert postponed == tuple(step for step in asked if step is not Step.SET_UP_PASSKEY)


@pytest.mark.parametrize(
    ("standing", "proofs", "may"),
    [
        (NOTHING, PASSWORD, True),
        (ASKED, PASSWORD, True),
        (KEPT, PASSWORD, False),
        (KEPT, WITH_CODE, True),
        (KEPT, WITH_RECOVERY, True),
        (KEPT, WITH_BOTH, False),
        (HAS_PASSKEY, PASSWORD, False),
        (HAS_PASSKEY, WITH_CODE, False),
        (HAS_PASSKEY, PASSKEY, True),
        (replace(KEPT, has_passkey=True), PASSKEY, True),
        (replace(KEPT, has_passkey=True), WITH_CODE, True),
        (KEPT, WITH_PASS, False),
        (NEEDS_PASS, PASSWORD, False),
        (NEEDS_PASS, WITH_PASS, False),
        (Standing(pass_demanded=True), PASSWORD, True),
    ],
)
def test_only_a_factor_that_is_held_and_proved_lets_another_be_added(standing, proofs, may):
    assert may_enrol(standing, proofs) is may


@given(standings, logins)
def test_only_people_without_any_factor_enrol_on_the_password_alone(standing, proofs):
    if may_enrol(standing, PASSWORD):
        assert not standing.has_app
        assert not standing.has_passkey
    if standing.accepted or not standing.challenged:  # else an access pass comes first, and then an app
        assert may_enrol(standing, proofs | standing.accepted)


class Acts(RuleBasedStateMachine):
    """One person, an administrator, and a login that goes on while the rules change under it.

    The pages do what the product's do: each opens only when its step is the
    next one. What is demanded is kept here a second time, in DESIGN's words.
    """

    own_switch = company_switch = site_rule = app = requested = demands_pass = False
    passkeys = 0
    open_pass = asked_for_pass = False  # the second stays until something is set up

    @initialize(first=st.sampled_from([PASSWORD, PASSKEY]))
    def come(self, first: frozenset[Method]) -> None:
        self.begin(first)

    def begin(self, first: frozenset[Method]) -> None:
        if first is PASSKEY and not self.passkeys:
            first = PASSWORD
        self.proofs, self.postponed, self.unsaved, self.is_in = set(first), False, False, False

    def standing(self) -> Standing:
        return Standing(
            two_factor_required=self.own_switch or self.company_switch,
            has_app=self.app,
            has_passkey=self.passkeys > 0,
            passkey_requested=self.requested,
            passkey_postponed=self.postponed,
            codes_unsaved=self.unsaved,
            pass_demanded=self.demands_pass or self.asked_for_pass,
            must_have_factor=self.site_rule,
        )

    def next_step(self) -> Step | None:
        return (pending_steps(self.standing(), self.proofs) or (None,))[0]

    # --- The administrator's acts, at any time ---

    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        self.own_switch = on
        if not on:
            self.app = False

    @rule(on=st.booleans())
    def switch_company(self, on: bool) -> None:
        if self.company_switch and not on and not self.app:
            self.own_switch = False
        self.company_switch = on

    @rule(on=st.booleans())
    def switch_site_rule(self, on: bool) -> None:
        self.site_rule = on

    @rule(requested=st.booleans())
    def request_passkey(self, requested: bool) -> None:
        self.requested = requested

    @precondition(lambda self: self.passkeys)
    @rule()
    def delete_passkey(self) -> None:
        self.passkeys -= 1

    @rule(on=st.booleans())
    def demand_pass(self, on: bool) -> None:
        self.demands_pass = on

    @rule(given=st.booleans())
    def give_or_withdraw_pass(self, given: bool) -> None:
        self.open_pass, self.asked_for_pass = given, self.asked_for_pass or given
        self.proofs.discard(Method.ACCESS_PASS)  # what was opened by an earlier one ends

    @rule()
    def lose_phone(self) -> None:
        self.app = False

    # --- What the person does ---

    @precondition(lambda self: self.open_pass and not self.is_in and self.next_step() is Step.CHALLENGE)
    @rule()
    def enter_pass(self) -> None:
        self.open_pass = False
        self.proofs.add(Method.ACCESS_PASS)

    @rule(first=st.sampled_from([PASSWORD, PASSKEY]))
    def sign_in(self, first: frozenset[Method]) -> None:
        self.begin(first)

    @precondition(lambda self: self.app and not self.is_in and self.next_step() is Step.CHALLENGE)
    @rule(method=st.sampled_from([Method.TOTP, Method.RECOVERY]))
    def enter_code(self, method: Method) -> None:
        self.proofs.add(method)

    @precondition(lambda self: self.passkeys and not self.is_in)
    @rule()
    def use_passkey(self) -> None:
        self.proofs.add(Method.PASSKEY)

    @precondition(lambda self: not self.is_in and self.next_step() is Step.SET_UP_TWO_FACTOR)
    @rule()
    def set_up_app(self) -> None:
        by_pass = Method.ACCESS_PASS in self.proofs
        assert by_pass or not self.app
        assert by_pass or not self.passkeys or Method.PASSKEY in self.proofs, (
            "a stolen password chose the second factor"
        )
        assert by_pass or self.passkeys or not (self.demands_pass or self.asked_for_pass), (
            "a first password chose it, where a pass is demanded"
        )
        self.app = self.own_switch = self.unsaved = True
        self.open_pass = self.asked_for_pass = False
        self.proofs.add(Method.TOTP)

    @precondition(lambda self: not self.is_in and self.next_step() is Step.SAVE_RECOVERY_CODES)
    @rule()
    def save_codes(self) -> None:
        self.unsaved = False

    @precondition(lambda self: not self.is_in and self.next_step() is Step.SET_UP_PASSKEY)
    @rule()
    def not_now(self) -> None:
        self.postponed = True

    @precondition(lambda self: not self.is_in and self.next_step() is Step.SET_UP_PASSKEY)
    @rule()
    def create_passkey(self) -> None:
        if may_enrol(self.standing(), self.proofs):
            self.passkeys += 1
            self.requested = False

    @precondition(lambda self: not self.is_in)
    @rule()
    def open_the_portal(self) -> None:
        self.is_in = self.next_step() is None
        if self.is_in:
            assert self.app or not (self.own_switch or self.company_switch)
            assert not self.site_rule or self.app or (self.passkeys and Method.PASSKEY in self.proofs)
            assert not self.app or self.proofs & self.standing().accepted
            assert self.postponed or not self.requested
            assert not self.unsaved

    @invariant()
    def there_is_always_a_next_step_that_can_be_taken(self) -> None:
        """V37: no rule locks anybody out who can still do something about it."""
        if self.next_step() is Step.CHALLENGE:
            assert self.app or self.passkeys or self.demands_pass or self.asked_for_pass


TestNoSequenceOfActsLetsAnybodyInWithAStepPending = Acts.TestCase
TestNoSequenceOfActsLetsAnybodyInWithAStepPending.settings = settings(
    max_examples=150, stateful_step_count=25, deadline=None, database=None
)


@pytest.mark.parametrize(
    ("standing", "proofs", "will_do"),
    [
        (ADMINISTERS, PASSWORD, True),
        (replace(ADMINISTERS, passkey_requested=True), PASSWORD, True),
        (replace(ADMINISTERS, two_factor_required=True), PASSWORD, False),
        (replace(ADMINISTERS, pass_demanded=True), WITH_PASS, False),
        (ADMINISTERS, WITH_PASS, False),
        (replace(ADMINISTERS, has_passkey=True), WITH_BOTH, False),
        (replace(ADMINISTERS, has_app=True, app_disabled=True), WITH_RECOVERY, False),
        (ASKED, PASSWORD, False),
        (NOTHING, PASSWORD, False),
    ],
)
def test_a_passkey_takes_the_place_of_an_app_where_the_rule_for_administrators_alone_asks(standing, proofs, will_do):
    assert passkey_will_do(standing, proofs) is will_do
    if will_do:
        assert pending_steps(standing, proofs)[0] is Step.SET_UP_TWO_FACTOR
        assert pending_steps(replace(standing, has_passkey=True), proofs)[0] is Step.CHALLENGE
        assert Step.SET_UP_TWO_FACTOR not in pending_steps(replace(standing, has_passkey=True), proofs | PASSKEY)
