"""Readers who are asked in by a link."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wsi_lab.errors import Invalid, NotAllowed, NotFound, NotIdentified
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.study import Study
from wsi_lab.service.lab import Lab


@pytest.fixture
def chief(as_user, study: Study) -> Actor:
    """An administrator of the study who may not see private names."""
    return as_user("chief@lab", rights="score admin", study=study)


def test_invited_reader_may_read_with_the_token(
    lab: Lab, owner: Actor, study: Study, set_up
) -> None:
    set_up(hideslidenames="true", shufflecases="true")
    invitation = lab.invitations.invite(owner, study.id, "anna@lab", name="Anna")
    assert invitation.address == f"read/{study.id}#{invitation.token}"
    assert invitation.token not in repr(invitation)
    reader = lab.people.actor_for_token(invitation.token, door="v1")
    assert (reader.user.name, reader.rights[study.id]) == ("Anna", {Right.VIEW, Right.SCORE})
    assert len(lab.readings.open(reader, study.id).items) == 5
    lab.readings.item(reader, study.id, 1)


def test_invitation_is_good_for_one_study_only(
    lab: Lab, owner: Actor, study: Study, set_up
) -> None:
    set_up()
    other = lab.studies.create(owner, "other")
    lab.studies.set_member(owner, study.id, "owner@localhost", ["view"])
    token = lab.invitations.invite(owner, study.id, "anna@lab").token
    lab.studies.set_member(owner, other.id, "anna@lab", [Right.SCORE, Right.EDIT])
    lab.studies.publish(owner, other.id)
    reader = lab.people.actor_for_token(token, door="v1")
    with pytest.raises(NotFound):
        lab.readings.open(reader, other.id)
    with pytest.raises(NotFound):
        lab.studies.get(reader, other.id)
    assert [each.id for each in lab.studies.list(reader).items] == [study.id]
    with pytest.raises(NotAllowed):
        lab.people.create_token(reader, name="more", capabilities=["all"])
    with pytest.raises(NotAllowed):
        lab.reports.progress(reader, study.id)


def test_invitation_ends_when_it_expires(
    lab: Lab, owner: Actor, study: Study, set_up, clock
) -> None:
    set_up()
    ends = clock.time + timedelta(hours=1)
    invitation = lab.invitations.invite(owner, study.id, "anna@lab", expires_on=ends)
    assert invitation.expires_on == ends
    reader = lab.people.actor_for_token(invitation.token, door="v1")
    lab.readings.item(reader, study.id, 1)
    clock.pass_(hours=1)
    with pytest.raises(NotIdentified):
        lab.readings.open(reader, study.id)
    with pytest.raises(Invalid, match="future"):
        lab.invitations.invite(owner, study.id, "anna@lab", expires_on=clock.time)


def test_invited_member_keeps_the_rights_that_they_have(
    lab: Lab, owner: Actor, study: Study, as_user
) -> None:
    as_user("anna@lab", rights="results", study=study)
    reader = lab.people.actor_for_token(
        lab.invitations.invite(owner, study.id, "anna@lab").token, door="v1"
    )
    assert reader.rights[study.id] == {Right.VIEW, Right.SCORE, Right.RESULTS}


def test_only_site_administrators_make_users_by_inviting_them(
    lab: Lab, study: Study, chief: Actor, as_user
) -> None:
    with pytest.raises(NotFound, match="site administrator"):
        lab.invitations.invite(chief, study.id, "new@lab")
    as_user("known@lab")
    assert lab.invitations.invite(chief, study.id, "known@lab").email == "known@lab"


def test_nobody_gets_more_by_inviting_somebody_who_may_more(
    lab: Lab, study: Study, chief: Actor, as_user
) -> None:
    as_user("private@lab", rights="score private", study=study)
    as_user("boss@lab", is_admin=True)
    for email in ("private@lab", "boss@lab"):
        with pytest.raises(NotAllowed, match="may more in this study than you"):
            lab.invitations.invite(chief, study.id, email)


def test_inviting_needs_the_right_admin_and_a_token_that_may_what_it_gives(
    lab: Lab, study: Study, anna: Actor, as_user
) -> None:
    with pytest.raises(NotAllowed):
        lab.invitations.invite(anna, study.id, "anna@lab")
    limited = as_user(
        "chief@lab", rights="score admin", study=study, capabilities=["config", "scores"]
    )
    with pytest.raises(NotAllowed, match="pixels"):
        lab.invitations.invite(limited, study.id, "anna@lab")


def test_inviting_is_written_down_without_the_token(
    lab: Lab, owner: Actor, study: Study, entries
) -> None:
    token = lab.invitations.invite(owner, study.id, "anna@lab").token
    found = [(each.verb, each.kind) for each in entries()][-3:]
    assert found == [("create", "user"), ("create", "member"), ("create", "token")]
    assert token not in repr(entries())


def test_letter_brings_members_who_score_an_invitation_that_ends(
    lab: Lab, owner: Actor, study: Study, as_user, set_up
) -> None:
    set_up()
    sender = as_user("sender@lab", rights="edit", study=study)
    as_user("anna@lab", rights="view score", study=study)
    as_user("guest@lab", rights="view", study=study)
    invitation = lab.invitations.for_letter(sender, study.id, "Anna@lab")
    assert invitation is not None
    assert invitation.expires_on is not None
    reader = lab.people.actor_for_token(invitation.token, door="v1")
    assert reader.user.email == "anna@lab"
    assert lab.readings.open(reader, study.id).reader == "anna@lab"
    assert lab.invitations.for_letter(sender, study.id, "guest@lab") is None
    assert lab.invitations.for_letter(sender, study.id, "nobody@lab") is None
    with pytest.raises(NotAllowed):
        lab.invitations.for_letter(reader, study.id, "anna@lab")
