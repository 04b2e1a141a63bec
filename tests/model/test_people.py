from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.errors import Invalid
from wsi_lab.model.emails import checked_email
from wsi_lab.model.people import (
    ALL_CAPABILITIES,
    READING_DOOR,
    THE_LAB,
    Action,
    Actor,
    Capability,
    Resource,
    Right,
    Token,
    User,
    capabilities_of_words,
    may,
    rights_of_words,
)

NOW = datetime(2026, 7, 1, tzinfo=UTC)
STUDIES = {1: "one", 2: "two", 3: "1"}

users = st.builds(User, st.just(1), st.just("a@lab"), st.just("a"), st.booleans(), st.just(NOW))
rights = st.dictionaries(st.sampled_from(list(STUDIES)), st.frozensets(st.sampled_from(Right)))
limits = st.frozensets(st.sampled_from(["1", "2", "3", "one", "two"]), max_size=3)
capabilities = st.one_of(
    st.just(ALL_CAPABILITIES), st.frozensets(st.sampled_from(Capability), max_size=12)
)
tokens = st.builds(
    Token,
    id=st.just(1),
    user_id=st.just(1),
    name=st.just("t"),
    capabilities=capabilities,
    read_studies=limits,
    modify_studies=limits,
    folders=st.frozensets(st.sampled_from(["in"])),
    created_on=st.just(NOW),
    expires_on=st.none(),
)
actors = st.builds(Actor, users, rights, st.one_of(st.none(), tokens))
resources = st.sampled_from([THE_LAB, *(Resource(*study) for study in STUDIES.items())])


def narrower_limit(draw: st.DrawFn, limit: frozenset[str]) -> frozenset[str]:
    """Return a limit that leaves less: an empty one is none at all."""
    if limit:
        return draw(st.frozensets(st.sampled_from(sorted(limit)), min_size=1))
    return draw(limits)


@st.composite
def an_actor_and_a_narrower_one(draw: st.DrawFn) -> tuple[Actor, Actor]:
    wide = draw(actors)
    token = wide.token or draw(st.one_of(st.none(), tokens))
    if token is not None and wide.token is not None:
        token = replace(
            token,
            capabilities=frozenset(c for c in token.capabilities if draw(st.booleans())),
            read_studies=narrower_limit(draw, token.read_studies),
            modify_studies=narrower_limit(draw, token.modify_studies),
            folders=narrower_limit(draw, token.folders),
        )
    narrow = Actor(
        replace(wide.user, is_admin=wide.user.is_admin and draw(st.booleans())),
        {
            study: frozenset(right for right in held if draw(st.booleans()))
            for study, held in wide.rights.items()
        },
        token,
    )
    return wide, narrow


@given(an_actor_and_a_narrower_one(), st.sampled_from(Action), resources)
def test_restriction_never_widens(
    pair: tuple[Actor, Actor], action: Action, resource: Resource
) -> None:
    wide, narrow = pair
    if may(narrow, action, resource).allowed:
        assert may(wide, action, resource).allowed


@given(actors, st.sampled_from(Action), resources)
def test_every_decision_has_a_reason_and_what_is_allowed_is_visible(
    actor: Actor, action: Action, resource: Resource
) -> None:
    decision = may(actor, action, resource)
    assert decision.reason.endswith(".") or decision.reason.endswith("it.")
    assert decision.visible or not decision.allowed


@given(tokens.map(lambda token: replace(token, capabilities=frozenset())), users)
def test_token_without_capabilities_may_nothing(token: Token, user: User) -> None:
    actor = Actor(user, {1: frozenset(Right)}, token)
    assert not any(may(actor, action, Resource(1, "one")).allowed for action in Action)
    assert not any(may(actor, action).allowed for action in Action)


@given(users, tokens, st.sampled_from([Action.LAB_ADMIN, Action.TOKEN_MANAGE]))
def test_only_a_token_without_any_limit_can_make_others(
    user: User, token: Token, action: Action
) -> None:
    if may(Actor(user, {}, token), action).allowed:
        assert token.capabilities == ALL_CAPABILITIES
        assert not token.read_studies | token.modify_studies | token.folders


@pytest.mark.parametrize("action", list(Action))
def test_stranger_does_not_see_a_study_and_may_do_nothing_to_it(action: Action) -> None:
    stranger = Actor(User(1, "a@lab", "a", is_admin=False, created_on=NOW), {2: frozenset(Right)})
    decision = may(stranger, action, Resource(1, "one"))
    if action not in {Action.LAB_VIEW, Action.TOKEN_MANAGE}:
        assert not decision.allowed
    if action.startswith(("slide", "case", "answer", "results")):
        assert not decision.visible


def test_limit_is_by_name_or_by_id() -> None:
    admin = User(1, "a@lab", "a", is_admin=True, created_on=NOW)
    token = Token(
        id=1,
        user_id=1,
        name="t",
        capabilities=ALL_CAPABILITIES,
        read_studies=frozenset({"one", "2"}),
        modify_studies=frozenset({"2"}),
        folders=frozenset(),
        created_on=NOW,
        expires_on=None,
    )
    actor = Actor(admin, {}, token)
    assert may(actor, Action.STUDY_VIEW, Resource(1, "one")).allowed
    assert may(actor, Action.STUDY_VIEW, Resource(2, "two")).allowed
    assert not may(actor, Action.STUDY_VIEW, Resource(3, "three")).visible
    assert not may(actor, Action.STUDY_EDIT, Resource(1, "one")).allowed
    assert may(actor, Action.STUDY_EDIT, Resource(1, "one")).visible
    assert may(actor, Action.STUDY_EDIT, Resource(2, "two")).allowed
    assert not may(actor, Action.STUDY_CREATE).allowed


def a_token(**given: Any) -> Token:
    """Return a token for everything, but for what is given."""
    values: dict[str, Any] = {
        "id": 1,
        "user_id": 1,
        "name": "t",
        "capabilities": ALL_CAPABILITIES,
        "read_studies": frozenset(),
        "modify_studies": frozenset(),
        "folders": frozenset(),
        "created_on": NOW,
        "expires_on": None,
    }
    return Token(**(values | given))


ADMIN = User(1, "a@lab", "a", is_admin=True, created_on=NOW)


def test_editing_needs_no_capability_but_some() -> None:
    token = a_token(capabilities=frozenset({Capability.PIXELS}))
    assert may(Actor(ADMIN, {}, token), Action.STUDY_EDIT, Resource(1, "one")).allowed
    nothing = a_token(capabilities=frozenset())
    assert not may(Actor(ADMIN, {}, nothing), Action.STUDY_EDIT, Resource(1, "one")).allowed
    limited = a_token(modify_studies=frozenset({"two"}))
    assert not may(Actor(ADMIN, {}, limited), Action.STUDY_EDIT, Resource(1, "one")).allowed


@pytest.mark.parametrize(
    ("capability", "created_with", "allowed"),
    [
        (Capability.RESULTS, None, True),
        (Capability.RESULTS, 2, True),
        (Capability.OWN_RESULTS, 1, True),
        (Capability.OWN_RESULTS, 2, False),
        (Capability.OWN_RESULTS, None, False),
        (Capability.SCORES, 1, False),
    ],
)
def test_token_sees_the_results_of_studies_that_were_made_with_it(
    capability: Capability, created_with: int | None, *, allowed: bool
) -> None:
    actor = Actor(ADMIN, {}, a_token(capabilities=frozenset({capability})))
    resource = Resource(1, "one", created_with=created_with)
    assert may(actor, Action.RESULTS_VIEW, resource).allowed is allowed


def test_capability_for_own_studies_makes_nobody_a_member() -> None:
    reader = User(1, "a@lab", "a", is_admin=False, created_on=NOW)
    token = a_token(capabilities=frozenset({Capability.OWN_RESULTS}))
    viewer = Actor(reader, {1: frozenset({Right.VIEW})}, token)
    assert not may(viewer, Action.RESULTS_VIEW, Resource(1, "one", created_with=1)).allowed


def test_limits_of_a_token_hold_for_studies_that_there_are_not_yet() -> None:
    new = Resource(study_name="new")
    limited = a_token(modify_studies=frozenset({"new"}), read_studies=frozenset({"new"}))
    elsewhere = a_token(modify_studies=frozenset({"one"}))
    unread = a_token(read_studies=frozenset({"one"}))
    wanted = Action.STUDY_CREATE_BY_IMPORT
    assert may(Actor(ADMIN, {}, limited), wanted, new).allowed
    assert not may(Actor(ADMIN, {}, elsewhere), wanted, new).allowed
    assert not may(Actor(ADMIN, {}, unread), wanted, new).allowed
    editor = User(1, "a@lab", "a", is_admin=False, created_on=NOW)
    assert not may(Actor(editor, {1: frozenset(Right)}), wanted, new).allowed


def test_token_for_folders_adds_no_files_of_the_server() -> None:
    actor = Actor(ADMIN, {}, a_token(folders=frozenset({"in"})))
    assert not may(actor, Action.SLIDE_ADD, Resource(1, "one")).allowed
    assert may(actor, Action.FILE_UPLOAD, Resource(1, "one")).allowed
    assert may(actor, Action.SLIDE_ADD_UPLOADED, Resource(1, "one")).allowed


def test_words_of_rights_and_capabilities() -> None:
    assert rights_of_words(["read", " WRITE ", Right.API]) == {
        *(Right.VIEW, Right.SCORE, Right.EDIT, Right.API)
    }
    assert rights_of_words([]) == frozenset()
    assert capabilities_of_words(["all", "pixels"]) == ALL_CAPABILITIES
    with pytest.raises(Invalid) as refused:
        rights_of_words(["view", "fly", "sing"])
    assert len(refused.value.problems) == 2
    with pytest.raises(Invalid):
        capabilities_of_words(["view"])


@pytest.mark.parametrize(
    "email", ["a" * 251 + "@lab", "a@@b", "a b@c", "a@b\nc", "a@b\u202ec", "", "a\u200b@b"]
)
def test_email_of_another_shape_is_refused(email: str) -> None:
    with pytest.raises(Invalid):
        checked_email(email)


BLIND = Resource(1, "one", is_blind=True)
READER = User(1, "reader@lab", "Reader", is_admin=False, created_on=NOW)


def _allowed(rights: set[Right], door: str = "v1") -> set[Action]:
    actor = Actor(READER, {1: frozenset(rights)}, door=door)
    return {action for action in Action if may(actor, action, BLIND).allowed}


@pytest.mark.parametrize("more", [{Right.API}, {Right.API, Right.RESULTS}])
def test_reader_of_a_blind_study_enters_by_the_reading_page_only(more: set[Right]) -> None:
    rights = {Right.VIEW, Right.SCORE, *more}
    everywhere = {Action.LAB_VIEW, Action.TOKEN_MANAGE}
    known = {Action.STUDY_KNOW, Action.READING}
    opened = {Action.STUDY_VIEW, Action.SLIDE_VIEW, Action.ANSWER_SUBMIT}
    assert _allowed(rights) - everywhere == known
    assert _allowed(rights, READING_DOOR) - everywhere == known | opened
    refused = may(Actor(READER, {1: frozenset(rights)}), Action.SLIDE_VIEW, BLIND)
    assert "reading page" in refused.reason
    assert refused.visible


@pytest.mark.parametrize(
    "rights",
    [
        {Right.VIEW, Right.SCORE, Right.EDIT},
        {Right.VIEW, Right.SCORE, Right.ADMIN},
        {Right.VIEW, Right.SCORE, Right.PRIVATE},
        {Right.VIEW, Right.RESULTS},
    ],
    ids=["editor", "administrator", "sees patients", "sees results and reads nothing"],
)
def test_blind_study_is_blind_to_its_readers_only(rights: set[Right]) -> None:
    actor, open_study = Actor(READER, {1: frozenset(rights)}), Resource(1, "one")
    for action in Action:
        assert may(actor, action, BLIND) == may(actor, action, open_study)


def test_reading_door_gives_no_right_that_a_reader_lacks() -> None:
    assert Action.ANSWER_SUBMIT not in _allowed({Right.VIEW}, READING_DOOR)
    stranger = Actor(READER, {}, door=READING_DOOR)
    assert not may(stranger, Action.SLIDE_VIEW, BLIND).visible
