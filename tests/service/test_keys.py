"""Keys of other systems' clients: which door they open, and when they end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wsi_lab.errors import Invalid, NotAllowed, NotFound, NotIdentified
from wsi_lab.model.people import Actor, TokenPurpose
from wsi_lab.model.study import Study
from wsi_lab.service.keys import PHAS_KEYS_LAST, Keys, NewKey
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.store.backup import copy_database

Make = Callable[..., Actor]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def keys(lab: Lab) -> Keys:
    return lab.keys


@pytest.fixture
def reader(as_user: Make, study: Study) -> Actor:
    return as_user("reader@lab", rights="view", study=study)


def _actor(keys: Keys, made: NewKey, door: str = "tests") -> Actor:
    if made.private is None:
        return keys.actor_of_phas_key(made.text, door=door)
    return keys.actor_of_cytomine_key(made.text, door=door)[0]


@pytest.mark.parametrize("purpose", ["phas", TokenPurpose.CYTOMINE])
def test_key_stands_for_its_user_with_all_that_they_may(
    keys: Keys, owner: Actor, reader: Actor, purpose: Any
) -> None:
    made = keys.create(owner, purpose, email="READER@lab", name="laptop")
    actor = _actor(keys, made, "phas")
    assert (actor.user, actor.rights, actor.door) == (reader.user, reader.rights, "phas")
    assert actor.token == made.token
    assert made.token.is_unlimited
    assert (made.token.name, made.token.purpose) == ("laptop", purpose)
    for text in filter(None, made[1:]):
        assert str(uuid.UUID(text)) == text
        assert uuid.UUID(text).version == 4


def test_keys_open_one_door_only(lab: Lab, keys: Keys, owner: Actor) -> None:
    phas, cytomine = keys.create(owner, "phas"), keys.create(owner, "cytomine")
    _, bearer = lab.people.create_token(owner, name="t", capabilities=["all"])
    doors: dict[str, Callable[..., Any]] = {
        "phas": keys.actor_of_phas_key,
        "cytomine": keys.actor_of_cytomine_key,
        "bearer": lab.people.actor_for_token,
    }
    texts = {"phas": phas.text, "cytomine": cytomine.text, "bearer": bearer}
    # Twice, so that what is remembered of one is taken for no other.
    for _ in range(2):
        for name, text in texts.items():
            for door, enter in doors.items():
                if name == door:
                    enter(text, door="x")
                    continue
                with pytest.raises(NotIdentified):
                    enter(text, door="x")
    for enter in doors.values():
        with pytest.raises(NotIdentified):
            enter(cytomine.private, door="x")


def test_key_of_phas_lasts_a_year_and_is_kept_as_a_hash(
    lab: Lab, keys: Keys, owner: Actor, clock: Any
) -> None:
    made = keys.create(owner, "phas")
    assert made.token.expires_on == NOON + PHAS_KEYS_LAST == NOON + timedelta(days=365)
    kept = lab._database.read(lambda c: [tuple(row) for row in c.execute("SELECT * FROM tokens")])
    assert made.text not in str(kept)
    clock.pass_(days=364)
    _actor(keys, made)
    clock.pass_(days=1)
    with pytest.raises(NotIdentified):
        _actor(keys, made)


def test_keys_of_cytomine_are_derived_and_nothing_of_them_is_kept(
    lab: Lab, keys: Keys, owner: Actor, clock: Any, settings: LabSettings
) -> None:
    made = keys.create(owner, "cytomine")
    assert made.token.expires_on is None
    assert made.text != made.private
    kept = lab._database.read(lambda c: [tuple(row) for row in c.execute("SELECT * FROM tokens")])
    assert made.text not in str(kept)
    assert str(made.private) not in str(kept)
    clock.pass_(days=3650)
    with Lab.open(settings, clock=clock) as other:
        assert other.keys.actor_of_cytomine_key(made.text, door="x")[1] == made.private
        assert other.keys.cytomine_pair_of(owner) == (made.text, made.private)


def test_keys_of_another_lab_are_none(keys: Keys, owner: Actor, tmp_path: Any) -> None:
    made = [keys.create(owner, purpose) for purpose in ("phas", "cytomine")]
    with Lab.open(LabSettings(tmp_path / "another home")) as another:
        theirs = another.keys.create(another.people.owner(), "cytomine")
        another.keys.create(another.people.owner(), "phas")
        assert theirs.text not in {each.text for each in made}
        for each in made:
            with pytest.raises(NotIdentified):
                _actor(another.keys, each)


def test_new_pair_for_cytomine_ends_the_one_before_and_nothing_else(
    keys: Keys, owner: Actor, reader: Actor, entries: Callable[[], list[Any]]
) -> None:
    first, others = keys.create(owner, "cytomine"), keys.create(reader, "cytomine")
    phas = keys.create(owner, "phas")
    second = keys.create(owner, "cytomine")
    assert {first.text, first.private}.isdisjoint({second.text, second.private})
    with pytest.raises(NotIdentified):
        _actor(keys, first)
    for each in (second, others, phas):
        _actor(keys, each)
    verbs = [(each.verb, each.kind) for each in entries()][-2:]
    assert verbs == [("remove", "token"), ("create", "token")]


def test_keys_of_phas_stand_side_by_side(keys: Keys, owner: Actor) -> None:
    made = [keys.create(owner, "phas") for _ in range(3)]
    assert {_actor(keys, each).user for each in made} == {owner.user}
    assert len({each.text for each in made}) == 3


def test_own_pair_of_cytomine_is_told(keys: Keys, owner: Actor, reader: Actor) -> None:
    assert keys.cytomine_pair_of(reader) is None
    made = keys.create(reader, "cytomine")
    keys.create(owner, "cytomine")
    pair = (made.text, made.private)
    assert keys.cytomine_pair_of(reader) == pair
    assert keys.cytomine_pair_of(_actor(keys, made)) == pair
    keys.revoke(reader, made.token.id)
    assert keys.cytomine_pair_of(reader) is None


def test_pair_is_not_told_to_who_could_not_make_one(
    keys: Keys, owner: Actor, as_user: Make
) -> None:
    limited = as_user("reader@lab", capabilities=["pixels"])
    brief = as_user("reader@lab", expires_on=NOON + timedelta(hours=1))
    keys.create(owner, "cytomine", email="reader@lab", expires_on=NOON + timedelta(hours=2))
    for actor in (limited, brief):
        with pytest.raises(NotAllowed):
            keys.cytomine_pair_of(actor)


def test_pair_that_has_expired_is_not_told(keys: Keys, owner: Actor, clock: Any) -> None:
    made = keys.create(owner, "cytomine", expires_on=NOON + timedelta(hours=1))
    clock.pass_(hours=1)
    assert keys.cytomine_pair_of(owner) is None
    with pytest.raises(NotIdentified):
        _actor(keys, made)


@pytest.mark.parametrize("purpose", ["phas", "cytomine"])
def test_unknown_expired_and_revoked_keys_look_the_same(
    keys: Keys, owner: Actor, reader: Actor, clock: Any, purpose: str
) -> None:
    revoked = keys.create(owner, purpose)
    _actor(keys, revoked)
    keys.revoke(owner, revoked.token.id)
    expired = keys.create(reader, purpose, expires_on=NOON + timedelta(hours=1))
    _actor(keys, expired)
    clock.pass_(hours=1)
    unknown = revoked._replace(text=str(uuid.uuid4()))
    told = set()
    for each in (revoked, expired, unknown, unknown._replace(text="ü\ud800")):
        with pytest.raises(NotIdentified) as refused:
            _actor(keys, each)
        told.add((refused.value.message, str(refused.value.details)))
    assert len(told) == 1


def test_key_ends_in_every_process_at_once(
    keys: Keys, owner: Actor, settings: LabSettings, clock: Any
) -> None:
    made = keys.create(owner, "phas")
    actor = _actor(keys, made)
    with Lab.open(settings, clock=clock) as other:
        other.keys.revoke(owner, made.token.id)
        with pytest.raises(NotIdentified):
            other.people.me(actor)
    with pytest.raises(NotIdentified):
        keys.list(actor)


def test_rights_that_are_taken_hold_for_keys_at_once(
    lab: Lab, keys: Keys, owner: Actor, reader: Actor, study: Study
) -> None:
    made = keys.create(reader, "phas")
    assert _actor(keys, made).rights
    lab.studies.remove_member(owner, study.id, "reader@lab")
    assert not _actor(keys, made).rights


def test_keys_are_listed_among_tokens_and_by_themselves(
    lab: Lab, keys: Keys, owner: Actor, reader: Actor
) -> None:
    token, _ = lab.people.create_token(owner, name="t", capabilities=["all"])
    phas, cytomine = (keys.create(owner, each).token for each in ("phas", "cytomine"))
    assert [each.purpose for each in lab.people.list_tokens(owner)] == [
        *("bearer", "phas", "cytomine"),
    ]
    assert token.purpose is TokenPurpose.BEARER
    assert keys.list(owner) == [phas, cytomine]
    others = keys.create(reader, "phas").token
    assert keys.list(reader) == keys.list(owner, email="reader@lab") == [others]
    assert keys.list(owner, everybody=True) == [phas, cytomine, others]
    with pytest.raises(NotAllowed):
        keys.list(reader, everybody=True)


def test_keys_are_revoked_as_such_or_as_tokens(
    lab: Lab, keys: Keys, owner: Actor, reader: Actor
) -> None:
    token, _ = lab.people.create_token(owner, name="t", capabilities=["all"])
    first, second = (keys.create(owner, "phas").token for _ in range(2))
    for key_id in (token.id, 999, 0, -1, 1 << 70):
        with pytest.raises(NotFound, match="no key"):
            keys.revoke(owner, key_id)
    with pytest.raises(NotFound, match="no key"):
        keys.revoke(reader, first.id)
    keys.revoke(owner, first.id)
    lab.people.revoke_token(owner, second.id)
    assert keys.list(owner) == []
    with pytest.raises(NotFound):
        keys.revoke(owner, first.id)
    assert lab.people.list_tokens(owner) == [token]


def test_keys_of_others_are_for_administrators(
    keys: Keys, owner: Actor, reader: Actor, as_user: Make
) -> None:
    with pytest.raises(NotAllowed):
        keys.create(reader, "phas", email="owner@localhost")
    with pytest.raises(NotAllowed):
        keys.create(as_user("reader@lab", capabilities=["pixels"]), "phas")
    with pytest.raises(NotFound, match="add them first"):
        keys.create(owner, "phas", email="nobody@lab")


def test_key_does_not_outlive_the_token_it_was_made_with(keys: Keys, as_user: Make) -> None:
    soon = NOON + timedelta(hours=1)
    brief = as_user("a@lab", expires_on=soon)
    assert keys.create(brief, "phas").token.expires_on == soon
    assert keys.create(brief, "cytomine").token.expires_on == soon
    with pytest.raises(Invalid, match="outlives"):
        keys.create(brief, "phas", expires_on=soon + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"purpose": "bearer"}, "cytomine and phas"),
        ({"purpose": "fax"}, "cytomine and phas"),
        ({"expires_on": NOON}, "future"),
        ({"expires_on": datetime(2027, 1, 1)}, "time zone"),  # noqa: DTZ001 (that is the point)
        ({"name": "x" * 201}, "key"),
    ],
)
def test_key_that_makes_no_sense_is_refused(
    keys: Keys, owner: Actor, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        keys.create(owner, **{"purpose": "phas", **given})
    assert keys.list(owner) == []


def test_pair_made_after_a_backup_is_not_one_that_the_backup_forgot(
    lab: Lab, keys: Keys, owner: Actor, tmp_path: Any, settings: LabSettings, clock: Any
) -> None:
    copy_database(lab._database.path, tmp_path / "backup")
    forgotten = keys.create(owner, "cytomine")
    restored = LabSettings(tmp_path / "restored")
    Lab.restore(restored, tmp_path / "backup")
    clock.pass_(seconds=1)
    with Lab.open(restored, clock=clock) as after:
        made = after.keys.create(owner, "cytomine")
        assert made.token.id == forgotten.token.id
        assert made.text != forgotten.text
        with pytest.raises(NotIdentified):
            _actor(after.keys, forgotten)
