"""Who the released client is taken for, and whom it sees."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest
from cytomine.models import (
    AnnotationCollection,
    ImageInstanceCollection,
    OntologyCollection,
    Project,
    ProjectCollection,
    RoleCollection,
    Term,
    User,
    UserCollection,
    UserRole,
    UserRoleCollection,
)
from cytomine_client import connected, signed_in


def test_client_knows_its_user(lab, client, watched):
    me = lab.ask("GET", "me")["user"]
    public, private = lab.cytomine_keys()
    user = client.current_user
    assert (user.id, user.username, user.email) == (me["id"], me["email"], me["email"])
    assert user.class_
    assert user.publicKey == public
    assert user.privateKey is None
    assert private not in watched.last.text
    assert [watched.path(each) for each in watched.answers] == [
        "/server/ping",
        "/api/user/current.json",
    ]


def test_ping_says_that_the_server_is_alive(client, watched):
    assert client.is_alive()
    said = watched.last.json()
    assert said["alive"] is True
    assert isinstance(said["version"], str)
    assert said["serverURL"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("form", ["{}", "{}/", "http://{}", "http://{}/"])
def test_host_may_be_written_in_every_way(lab, watched, form):
    bare = lab.host.removeprefix("http://").rstrip("/")
    with connected(lab, host=form.format(bare)) as client:
        assert client.current_user.username == lab.me


def test_client_connects_in_every_way_it_knows(lab, watched):
    public, private = lab.cytomine_keys()
    keys = [f"--public_key={public}", f"--private_key={private}"]
    for connect in (
        lambda cls: cls.connect(lab.host, public, private),
        lambda cls: cls.connect(lab.host, public, private, use_cache=False),
        lambda cls: cls.connect_from_cli([f"--host={lab.host}", *keys]),
    ):
        with connected(lab) as first:
            other = connect(type(first))
            with other:
                assert other.current_user.username == lab.me
            # As the guide has it: what follows the block still works.
            assert ProjectCollection().fetch() is not False
            other._session.close()


@pytest.mark.parametrize("wrong", ["private", "public", "both", "swapped", "somebody else's"])
def test_wrong_keys_are_nobody(lab, watched, wrong):
    public, private = lab.cytomine_keys()
    other = lab.cytomine_keys(lab.new_person("other"))
    nothing = "11111111-2222-3333-4444-555555555555"
    keys = {
        "private": (public, nothing),
        "public": (nothing, private),
        "both": (nothing, nothing),
        "swapped": (private, public),
        "somebody else's": (public, other[1]),
    }[wrong]
    begun = time.monotonic()
    with signed_in(lab.host, *keys) as client:
        # The client tries for two minutes where a ping is not answered.
        assert time.monotonic() - begun < 60
        assert client.current_user is False
        assert watched.last.status_code == 401
        assert isinstance(watched.last.json()["errors"]["message"], str)
        assert ProjectCollection().fetch() is False
        assert Project("mine").save() is False
        assert watched.last.status_code == 401
        said = watched.last.json()
        assert said["success"] is False
        assert isinstance(said["errors"], str)
        assert Project().delete(1) is False
        assert watched.last.status_code == 401


def test_new_keys_end_the_old_ones(lab, watched):
    email = lab.new_person("renewed")
    old = lab.cytomine_keys(email)
    with signed_in(lab.host, *old) as client:
        assert client.current_user.username == email
        new = lab.ask("POST", "keys", {"purpose": "cytomine", "email": email})
        assert UserCollection().fetch() is False
        assert watched.last.status_code == 401
        client.set_credentials(new["public_key"], new["private_key"])
        assert client.current_user.username == email


def test_everybody_gets_their_own_keys_and_no_others(lab, client, watched):
    public, private = lab.cytomine_keys()
    own = {"publicKey": public, "privateKey": private}
    assert client.current_user.keys() == own
    assert User().fetch(client.current_user.id).keys() == own
    email = lab.new_person("keyless")
    administrator = client.current_user.id
    with connected(lab, email) as other:
        keys = other.current_user.keys()
        assert (keys["publicKey"], keys["privateKey"]) == lab.cytomine_keys(email)
        assert other.get(f"userkey/{public}/keys.json") is False
        assert watched.last.status_code == 403
        assert other.get(f"user/{administrator}/keys.json") is False
        assert watched.last.status_code == 403
        assert private not in watched.last.text


def test_admin_sessions_do_not_matter(client, watched):
    for call in (client.open_admin_session, client.close_admin_session):
        call()
        assert watched.last.status_code in {200, 403}
        assert client.current_user.username


def test_members_and_managers_come_and_go(lab, given, client, watched):
    email = lab.new_person("member")
    with connected(lab, email) as member:
        number = member.current_user.id
        assert Project().fetch(given.project.id) is False
        assert watched.last.status_code == 403
    project, own = given.project, client.current_user.id
    assert project.add_user(number)["data"]["message"] == "OK"
    assert {each.id for each in members(project)} == {own, number}
    assert {each.id for each in members(project, admin=True)} == {own}
    assert User().fetch(number).email == email
    with connected(lab, email):
        assert Project().fetch(project.id).name == project.name
        assert project.update() is False
        assert watched.last.status_code == 403
    assert project.add_user(number, admin=True)
    assert {each.id for each in members(project, admin=True)} == {own, number}
    with connected(lab, email):
        assert Project().fetch(project.id).update(name=lab.name("renamed"))
    assert project.delete_user(number, admin=True)
    assert {each.id for each in members(project, admin=True)} == {own}
    assert project.delete_user(number)
    assert {each.id for each in members(project)} == {own}
    with connected(lab, email):
        assert Project().fetch(project.id) is False
        assert watched.last.status_code == 403


def test_roles_are_read(lab, client, watched):
    roles = {each.id: each.authority for each in RoleCollection().fetch()}
    assert "ROLE_USER" in roles.values()
    own = UserRoleCollection({"user": client.current_user.id}).fetch()
    assert {each.authority for each in own} <= set(roles.values())
    for each in own:
        fetched = UserRole().fetch(client.current_user.id, each.role)
        assert (fetched.role, fetched.authority) == (each.role, roles[each.role])
    with connected(lab, lab.new_person("plain")) as plain:
        (role,) = UserRoleCollection({"user": plain.current_user.id}).fetch()
        assert role.authority == "ROLE_USER"
        assert UserRole(plain.current_user.id, own[0].role).save() is False
        assert watched.last.status_code in {403, 404, 405}


def members(project, *, admin=None):
    return UserCollection(admin=admin).fetch_with_filter("project", project.id)


def test_only_people_of_shared_projects_are_seen(lab, given, watched):
    one, other = (lab.new_person(each) for each in "ab")
    lab.set_rights(given.project.id, one, ["view", "score"])
    with connected(lab, other) as client:
        unseen = client.current_user.id
        assert [each.username for each in UserCollection().fetch()] == [other]
    with connected(lab, one):
        seen = {each.username for each in UserCollection().fetch()}
        assert one in seen
        assert other not in seen
        assert User().fetch(unseen) is False
        assert watched.last.status_code in {403, 404}


def test_stranger_is_refused_by_the_clients_own_calls(lab, given, watched):
    email = lab.new_person("stranger")
    with connected(lab, email):
        assert [each.id for each in ProjectCollection().fetch()] == []
        assert [each.id for each in OntologyCollection().fetch()] == []
        for call in (
            lambda: Project().fetch(given.project.id),
            lambda: ImageInstanceCollection().fetch_with_filter("project", given.project.id),
            lambda: AnnotationCollection(project=given.project.id).fetch(),
            lambda: AnnotationCollection(image=given.image.id).fetch(),
            lambda: type(given.image)().fetch(given.image.id),
            lambda: Term().fetch(given.tumour.id),
            lambda: Term("mine", given.ontology.id, "#ffffff").save(),
            lambda: Project().delete(given.project.id),
        ):
            assert call() is False
            assert watched.last.status_code == 403, watched.path(watched.last)
        assert Project().fetch(1 << 40) is False
        assert watched.last.status_code == 404


def test_jupyters_own_token_is_neither_needed_nor_enough(lab, watched):
    import requests

    for headers in ({"Authorization": "token jupyters-own"}, {"Cookie": "_xsrf=a"}):
        address = f"{lab.host}api/project.json"
        answer = requests.get(address, headers=headers, timeout=30, allow_redirects=False)
        assert answer.status_code == 401
        assert urlsplit(answer.url).path.endswith("/api/project.json")
