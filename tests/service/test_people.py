from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, NotIdentified
from wsi_lab.model.people import ALL_CAPABILITIES, Actor, Capability, Right
from wsi_lab.model.study import Study
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.store.db import FOREIGN_COMMIT_SECONDS

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_owner_is_made_once_as_a_site_administrator(lab: Lab, entries) -> None:
    first = lab.people.owner("cli", name="anna maria")
    again = lab.people.owner("v1", name="anna maria")
    assert first.user.email == "anna_maria@localhost"
    assert first.user.is_admin
    assert again.user == first.user
    assert (first.door, again.door) == ("cli", "v1")
    assert [(e.verb, e.kind, e.user_id) for e in entries()] == [("create", "user", first.user.id)]


def test_owner_is_called_by_their_login(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    assert lab.people.owner().user.email == "anna@localhost"


def test_user_who_turns_out_to_be_the_owner_becomes_an_administrator(
    lab: Lab, owner: Actor, entries
) -> None:
    before = lab.people.add(owner, "Anna@lab")
    after = lab.people.owner(name="anna@lab").user
    assert (after.id, after.email, after.is_admin) == (before.id, "Anna@lab", True)
    assert entries()[-1].verb == "change"


def test_users_are_added_and_listed(lab: Lab, owner: Actor) -> None:
    added = lab.people.add(owner, " Reader@lab ", is_admin=False)
    assert (added.email, added.name, added.created_on) == ("Reader@lab", "Reader", NOON)
    assert lab.people.list(owner) == [owner.user, added]
    assert lab.people.me(owner) == owner.user
    with pytest.raises(Conflict):
        lab.people.add(owner, "READER@LAB")


@pytest.mark.parametrize(
    "email", ["", "reader", "a b@c", "a@b@c", "@lab", "a@", "a\n@b", "\ud800@b"]
)
def test_what_is_no_email_is_refused(lab: Lab, owner: Actor, email: str) -> None:
    with pytest.raises(Invalid):
        lab.people.add(owner, email)


def test_token_stands_for_its_user(lab: Lab, owner: Actor) -> None:
    lab.people.add(owner, "reader@lab")
    token, text = lab.people.create_token(
        owner,
        name="script",
        email="READER@lab",
        capabilities=["pixels", Capability.SCORES],
        read_studies=["a", " ", "b"],
        folders=["in"],
    )
    assert len(text) == 47
    assert text.startswith("wsi_")
    actor = lab.people.actor_for_token(text, door="slidescore")
    assert (actor.user.email, actor.door, actor.token) == ("reader@lab", "slidescore", token)
    assert token.capabilities == {Capability.PIXELS, Capability.SCORES}
    assert (token.read_studies, token.folders) == ({"a", "b"}, {"in"})
    assert lab.people.list_tokens(owner, email="reader@lab") == [token]
    assert lab.people.list_tokens(owner) == []
    assert lab.people.list_tokens(owner, everybody=True) == [token]


def test_text_of_a_token_is_nowhere_on_disk(
    lab: Lab, owner: Actor, settings: LabSettings, tmp_path: Path
) -> None:
    texts = [
        lab.people.create_token(owner, name="CANARY", capabilities=["all"])[1],
        lab.people.process_token(owner, name="CANARY"),
    ]
    lab.backup(tmp_path / "home" / "backup")
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        for text in texts:
            assert text.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize("text", ["", "wsi_", "wsi_" + "A" * 43, "Bearer x", "ü\ud800", "x" * 9999])
def test_unknown_token_is_nobody(lab: Lab, text: str) -> None:
    with pytest.raises(NotIdentified):
        lab.people.actor_for_token(text, door="v1")


def test_expired_token_is_nobody_and_stays_so_when_the_clock_is_set_back(
    lab: Lab, owner: Actor, clock
) -> None:
    _, text = lab.people.create_token(
        owner, name="t", capabilities=["all"], expires_on=NOON + timedelta(hours=1)
    )
    clock.pass_(minutes=59)
    actor = lab.people.actor_for_token(text, door="v1")
    assert lab.people.me(actor) == owner.user
    clock.pass_(minutes=1)
    for _ in range(2):
        with pytest.raises(NotIdentified):
            lab.people.actor_for_token(text, door="v1")
        with pytest.raises(NotIdentified):
            lab.people.me(actor)
        clock.pass_(days=-3650)


@pytest.mark.parametrize(
    "expires_on",
    [NOON, NOON - timedelta(days=1), datetime(2027, 1, 1)],  # noqa: DTZ001 (the case)
)
def test_token_must_end_in_the_future(lab: Lab, owner: Actor, expires_on: datetime) -> None:
    with pytest.raises(Invalid):
        lab.people.create_token(owner, name="t", capabilities=["all"], expires_on=expires_on)


def test_revoked_token_is_nobody_at_once_and_in_another_process_after_a_millisecond(
    lab: Lab, owner: Actor, settings: LabSettings, clock
) -> None:
    token, text = lab.people.create_token(owner, name="t", capabilities=["all"])
    with Lab.open(settings, clock=clock) as other:
        actor = other.people.actor_for_token(text, door="v1")
        lab.people.actor_for_token(text, door="v1")
        lab.people.revoke_token(owner, token.id)
        until = time.monotonic() + FOREIGN_COMMIT_SECONDS
        with pytest.raises(NotIdentified):
            lab.people.actor_for_token(text, door="v1")
        while time.monotonic() < until:
            pass
        with pytest.raises(NotIdentified):
            other.people.actor_for_token(text, door="v1")
        with pytest.raises(NotIdentified):
            other.studies.list(actor)
    assert lab.people.list_tokens(owner) == []
    with pytest.raises(NotFound):
        lab.people.revoke_token(owner, token.id)


@pytest.mark.parametrize("token_id", [0, -1, 999, 1 << 70])
def test_token_that_is_not_there_cannot_be_revoked(lab: Lab, owner: Actor, token_id: int) -> None:
    with pytest.raises(NotFound):
        lab.people.revoke_token(owner, token_id)


def test_rights_that_are_given_or_taken_hold_at_once(
    lab: Lab, owner: Actor, study: Study, as_user: Callable[..., Actor]
) -> None:
    lab.people.add(owner, "reader@lab")
    _, text = lab.people.create_token(owner, name="t", email="reader@lab", capabilities=["all"])
    stale = lab.people.actor_for_token(text, door="v1")
    assert stale.rights == {}
    lab.studies.set_member(owner, study.id, "reader@lab", ["score"])
    fresh = lab.people.actor_for_token(text, door="v1")
    assert fresh.rights == {study.id: {Right.VIEW, Right.SCORE}}
    # The actor of an earlier request gets what holds now, too.
    assert lab.studies.get(stale, study.id) == study
    lab.studies.remove_member(owner, study.id, "reader@lab")
    with pytest.raises(NotFound):
        lab.studies.get(fresh, study.id)


@pytest.mark.parametrize(
    "limits",
    [
        {"capabilities": ["pixels"]},
        {"capabilities": sorted(ALL_CAPABILITIES - {Capability.PATHS})},
        {"capabilities": ["all"], "read_studies": ["a"]},
        {"capabilities": ["all"], "modify_studies": ["a"]},
        {"capabilities": ["all"], "folders": ["a"]},
    ],
)
def test_limited_token_of_an_administrator_cannot_make_itself_another(
    lab: Lab, owner: Actor, as_user: Callable[..., Actor], limits: dict
) -> None:
    limited = as_user("admin@lab", is_admin=True, **limits)
    with pytest.raises(NotAllowed):
        lab.people.create_token(limited, name="t", capabilities=["all"])
    with pytest.raises(NotAllowed):
        lab.people.create_token(limited, name="t", email="owner@localhost", capabilities=["all"])
    with pytest.raises(NotAllowed):
        lab.people.add(limited, "friend@lab", is_admin=True)
    with pytest.raises(NotAllowed):
        lab.people.list_tokens(limited)
    with pytest.raises(NotAllowed):
        lab.people.process_token(limited, name="t")


def test_token_that_expires_cannot_make_one_that_outlives_it(
    lab: Lab, as_user: Callable[..., Actor]
) -> None:
    soon = NOON + timedelta(hours=1)
    actor = as_user("a@lab", expires_on=soon)
    for expires_on in (None, soon + timedelta(seconds=1)):
        with pytest.raises(Invalid, match="outlives"):
            lab.people.create_token(actor, name="t", capabilities=["all"], expires_on=expires_on)
    made, _ = lab.people.create_token(actor, name="t", capabilities=[], expires_on=soon)
    assert made.expires_on == soon


def test_any_token_may_end_itself_and_no_other(lab: Lab, as_user: Callable[..., Actor]) -> None:
    actor, other = (as_user("a@lab", capabilities=["pixels"]) for _ in range(2))
    assert actor.token is not None
    assert other.token is not None
    with pytest.raises(NotAllowed):
        lab.people.revoke_token(actor, other.token.id)
    lab.people.revoke_token(actor, actor.token.id)
    with pytest.raises(NotIdentified):
        lab.people.me(actor)
    assert lab.people.me(other) == other.user


def test_tokens_of_others_are_for_administrators(
    lab: Lab, owner: Actor, as_user: Callable[..., Actor]
) -> None:
    reader = as_user("reader@lab")
    mine, _ = lab.people.create_token(reader, name="mine", capabilities=["all"])
    theirs, _ = lab.people.create_token(owner, name="theirs", capabilities=["all"])
    with pytest.raises(NotAllowed):
        lab.people.list_tokens(reader, everybody=True)
    with pytest.raises(NotAllowed):
        lab.people.list_tokens(reader, email="owner@localhost")
    with pytest.raises(NotFound):
        lab.people.revoke_token(reader, theirs.id)
    assert mine in lab.people.list_tokens(reader, email="READER@lab")
    lab.people.revoke_token(owner, mine.id)


def test_token_for_a_user_who_is_not_there_is_refused(lab: Lab, owner: Actor) -> None:
    with pytest.raises(NotFound, match="add them first"):
        lab.people.create_token(owner, name="t", email="x@lab", capabilities=["all"])


def test_what_is_no_capability_is_named(lab: Lab, owner: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        lab.people.create_token(owner, name="t", capabilities=["pixels", "fly", "sing"])
    assert refused.value.problems == ("'fly' is not a capability", "'sing' is not a capability")


def test_process_token_stands_for_its_maker_in_this_process_only(
    lab: Lab, owner: Actor, settings: LabSettings, clock
) -> None:
    text = lab.people.process_token(owner, name="kernels")
    actor = lab.people.actor_for_token(text, door="v1")
    assert (actor.user, actor.token) == (owner.user, None)
    with Lab.open(settings, clock=clock) as other, pytest.raises(NotIdentified):
        other.people.actor_for_token(text, door="v1")


def test_actor_whom_the_lab_does_not_know_is_nobody(lab: Lab, owner: Actor) -> None:
    stranger = Actor(type(owner.user)(99, "x@lab", "x", is_admin=True, created_on=NOON))
    with pytest.raises(NotIdentified):
        lab.people.list(stranger)


def test_many_tokens_do_not_grow_the_memory_for_ever(
    lab: Lab, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsi_lab.service.people.MOST_KNOWN", 10)
    _, text = lab.people.create_token(owner, name="t", capabilities=["all"])
    for number in range(50):
        lab.people.actor_for_token(text, door=str(number))
    assert len(lab.people._known) <= 10


@pytest.mark.parametrize("limit", ["read_studies", "modify_studies", "folders"])
def test_blank_limits_do_not_make_an_unlimited_token(lab: Lab, owner: Actor, limit: str) -> None:
    for blanks in ([""], [" ", "\t"]):
        with pytest.raises(Invalid, match="limits"):
            lab.people.create_token(owner, name="t", capabilities=["all"], **{limit: blanks})
    assert lab.people.list_tokens(owner) == []
