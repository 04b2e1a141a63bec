from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from wsi_lab.errors import Conflict
from wsi_lab.model.people import Capability, Right, TokenPurpose, User
from wsi_lab.store import people, studies
from wsi_lab.store.db import Database

HASH = bytes(range(32))


@pytest.fixture
def user(database: Database, noon: datetime) -> User:
    return database.write(
        lambda c: people.add_user(c, "Ünal@Lab", "Ü", is_admin=False, created_on=noon)
    )


def test_user_comes_back_as_stored(database: Database, user: User, noon: datetime) -> None:
    assert user == User(1, "Ünal@Lab", "Ü", is_admin=False, created_on=noon)
    assert database.read(lambda c: people.user(c, user.id)) == user
    assert database.read(people.users) == [user]


def test_email_is_found_and_taken_whatever_its_case(
    database: Database, user: User, noon: datetime
) -> None:
    assert database.read(lambda c: people.user_by_email(c, "üNAL@lab")) == user
    with pytest.raises(Conflict):
        database.write(
            lambda c: people.add_user(c, "ÜNAL@LAB", "", is_admin=False, created_on=noon)
        )


def test_unknown_people_are_none(database: Database) -> None:
    assert database.read(lambda c: people.user(c, 1)) is None
    assert database.read(lambda c: people.user_by_email(c, "a@lab")) is None
    assert database.read(lambda c: people.token(c, 1)) is None
    assert database.read(lambda c: people.token_by_sha256(c, HASH)) is None


def test_token_comes_back_as_stored_until_it_is_revoked(
    database: Database, user: User, noon: datetime
) -> None:
    token = database.write(
        lambda c: people.add_token(
            c,
            user.id,
            "for a script",
            HASH,
            capabilities=frozenset({Capability.PIXELS, Capability.SCORES}),
            read_studies=frozenset({"a;b", "7"}),
            modify_studies=frozenset(),
            folders=frozenset({"in/coming"}),
            created_on=noon,
            expires_on=noon + timedelta(days=1),
        )
    )
    assert token.read_studies == {"a;b", "7"}
    assert token.capabilities == {Capability.PIXELS, Capability.SCORES}
    assert token.expires_on == noon + timedelta(days=1)
    assert database.read(lambda c: people.token_by_sha256(c, HASH)) == token
    assert database.read(lambda c: people.token(c, token.id)) == token
    assert database.read(people.tokens) == [token]
    assert database.read(lambda c: people.tokens(c, user.id)) == [token]
    assert database.read(lambda c: people.tokens(c, user.id + 1)) == []
    database.write(lambda c: people.revoke_token(c, token.id, noon))
    assert database.read(lambda c: people.token_by_sha256(c, HASH)) is None
    assert database.read(lambda c: people.token(c, token.id)) is None
    assert database.read(people.tokens) == []


def test_token_is_found_by_its_hash_for_its_purpose_only(
    database: Database, user: User, noon: datetime
) -> None:
    token = database.write(
        lambda c: people.add_token(
            c,
            user.id,
            "key",
            b"1" * 32,
            capabilities=frozenset(Capability),
            read_studies=frozenset(),
            modify_studies=frozenset(),
            folders=frozenset(),
            created_on=noon,
            expires_on=None,
            purpose=TokenPurpose.PHAS,
        )
    )
    database.write(lambda c: people.set_token_hash(c, token.id, HASH))
    assert token.purpose is TokenPurpose.PHAS
    assert database.read(people.tokens) == [token]
    found = {
        each: database.read(lambda c, p=each: people.token_by_sha256(c, HASH, p))
        for each in TokenPurpose
    }
    assert found == {
        TokenPurpose.BEARER: None,
        TokenPurpose.PHAS: token,
        TokenPurpose.CYTOMINE: None,
    }


def test_rights_are_replaced_as_a_whole(database: Database, user: User, noon: datetime) -> None:
    study = database.write(
        lambda c: studies.add_study(
            c, "s", "", created_on=noon, created_by=user.id, created_with=None
        )
    )
    for rights in (
        frozenset({Right.VIEW, Right.SCORE}),
        frozenset({Right.VIEW, Right.PRIVATE}),
    ):
        database.write(lambda c, r=rights: people.set_rights(c, study.id, user.id, r))
        assert database.read(lambda c: people.rights_of_user(c, user.id)) == {study.id: rights}
        (member,) = database.read(lambda c: people.members(c, study.id))
        assert (member.email, member.rights) == ("Ünal@Lab", rights)
    database.write(lambda c: people.set_rights(c, study.id, user.id, frozenset()))
    assert database.read(lambda c: people.members(c, study.id)) == []


def test_ids_are_never_given_twice(database: Database, noon: datetime) -> None:
    def add(email: str) -> int:
        return database.write(
            lambda c: people.add_user(c, email, "", is_admin=False, created_on=noon)
        ).id

    first = add("a@lab")
    database.write(lambda c: c.execute("DELETE FROM users").rowcount)
    assert add("b@lab") > first
