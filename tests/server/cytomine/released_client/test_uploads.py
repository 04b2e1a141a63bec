"""The released client sends slides."""

from __future__ import annotations

import shutil

import pytest
from cytomine.models import AbstractImage, ImageInstance, PropertyCollection, StorageCollection
from cytomine_client import connected


@pytest.fixture
def storage(client):
    """The storage of the current user, as the client's example finds it."""
    found = StorageCollection().fetch()
    (own,) = [each for each in found if each.user == client.current_user.id]
    return own


@pytest.fixture
def slide_file(demo_slide, lab, tmp_path):
    """A slide of a name that nothing there has."""
    file = tmp_path / f"{lab.name('sent').replace(' ', '-')}.svs"
    shutil.copy(demo_slide, file)
    return file


def test_slide_is_sent_into_a_project(lab, given, storage, client, slide_file, tmp_path, watched):
    sent = client.upload_image(
        str(slide_file), storage.id, given.project.id, {"stain": "HE", "batch": "7"}, sync=True
    )
    assert (sent.originalFilename, sent.size) == (slide_file.name, slide_file.stat().st_size)
    assert (sent.storage, sent.user, sent.status) == (storage.id, client.current_user.id, 100)
    assert sent.projects == [given.project.id]
    (made,) = sent.images
    abstract, (image,) = made["abstractImage"], made["imageInstances"]
    assert (image.project, image.baseImage) == (given.project.id, abstract.id)
    image = ImageInstance().fetch(image.id)
    assert (image.width, image.height) == (2220, 2967)
    assert lab.ask("GET", f"slides/{image.id}")["study_id"] == given.project.id
    properties = PropertyCollection(AbstractImage().fetch(abstract.id)).fetch()
    assert {key: each.value for key, each in properties.as_dict().items()} == {
        "stain": "HE",
        "batch": "7",
    }
    assert image.download(str(tmp_path / "back.svs"))
    assert (tmp_path / "back.svs").read_bytes() == slide_file.read_bytes()


def test_slide_is_sent_first_and_put_into_a_project_later(
    lab, given, storage, client, slide_file, watched
):
    sent = client.upload_image(str(slide_file), storage.id, sync=True)
    (made,) = sent.images
    abstract = AbstractImage().fetch(made["abstractImage"].id)
    assert (abstract.width, abstract.height) == (2220, 2967)
    assert len(made["imageInstances"]) == 0
    image = ImageInstance(abstract.id, given.project.id).save()
    assert image.project == given.project.id
    with connected(lab, lab.new_person("stranger")):
        assert AbstractImage().fetch(abstract.id) is False
        assert watched.last.status_code == 403


def test_what_is_sent_without_waiting_is_there_soon(given, storage, client, slide_file):
    sent = client.upload_image(str(slide_file), storage.id, given.project.id)
    assert sent.status in {0, 10, 20, 30, 40, 100}
    assert sent.originalFilename == slide_file.name


def test_what_is_no_slide_is_refused(given, storage, client, tmp_path, watched):
    (tmp_path / "no.svs").write_bytes(b"this is no slide" * 100)
    assert client.upload_image(str(tmp_path / "no.svs"), storage.id, given.project.id) is False
    assert watched.last.status_code == 400


def test_who_may_not_edit_a_project_sends_nothing_into_it(lab, given, slide_file, watched):
    member = lab.new_person("member")
    lab.set_rights(given.project.id, member, ["view", "score"])
    for email in (member, lab.new_person("stranger")):
        with connected(lab, email) as client:
            (own,) = StorageCollection().fetch()
            assert own.user == client.current_user.id
            assert client.upload_image(str(slide_file), own.id, given.project.id) is False
            assert watched.last.status_code == 403


def test_others_storage_takes_nothing(lab, storage, slide_file, watched):
    with connected(lab, lab.new_person("other")) as client:
        assert client.upload_image(str(slide_file), storage.id) is False
        assert watched.last.status_code == 403
