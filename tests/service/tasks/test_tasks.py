"""Tasks and their slides: what there is for whom, and which slides belong to them."""

from __future__ import annotations

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.task import Access, ManifestFilter, Selection, TaskCounts, TaskMode, TaskSettings
from wsi_lab.service.tasks.tasks import project_id


def test_layer_that_nobody_made_a_task_of_is_one(lab, owner, reader, study, slide):
    layer = lab.layers.create(owner, study.id, "areas")
    ((task, counts),) = lab.tasks.list(reader, study.id)
    assert (task.id, task.settings.name, task.settings.mode) == (layer.id, "areas", TaskMode.ANNOT)
    assert task.access is Access.READ
    assert counts == TaskCounts(1, 1, 1)


def test_task_is_a_layer_with_the_labels_of_its_set(lab, owner, study, label_set, new_task):
    task = new_task("train", "dltrain", smallest_box=10, largest_box=100)
    layer = lab.layers.get(owner, task.id)
    assert (layer.name, layer.is_shared, layer.labels) == ("train", True, label_set.labels)
    assert task.label_set_id == label_set.id
    assert lab.tasks.get(owner, task.id).settings == TaskSettings(
        "train", TaskMode.DLTRAIN, label_set="tissue", smallest_box=10, largest_box=100
    )


def test_task_for_browsing_is_no_layer(lab, owner, reader, study, slide, new_task):
    task = new_task("look", "browse")
    assert lab.layers.list(owner, study.id) == []
    assert [each.id for each, _ in lab.tasks.list(reader, study.id)] == [task.id]
    (listed,) = lab.task_slides.manifest(reader, task.id, ManifestFilter(), hide_private=False)
    assert listed.path_count is None
    lab.tasks.remove(owner, task.id)
    assert lab.tasks.list(reader, study.id) == []


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (TaskSettings("x"), Invalid),
        (TaskSettings("n" * 81), Invalid),
        (TaskSettings("train", TaskMode.DLTRAIN), Invalid),
        (TaskSettings("train", TaskMode.SAMPLING, label_set="none of it"), Invalid),
        (TaskSettings("again", reference="nothing"), Invalid),
        (TaskSettings("boxes", smallest_box=9, largest_box=3), Invalid),
        (TaskSettings("free drawing"), Conflict),
    ],
)
def test_task_that_makes_no_sense_is_refused(lab, owner, study, task, asked, error):
    with pytest.raises(error):
        lab.tasks.create(owner, study.id, asked)
    assert [each.id for each, _ in lab.tasks.list(owner, study.id)] == [task.id]


def test_only_who_may_edit_makes_tasks(lab, reader, stranger, study):
    with pytest.raises(NotAllowed):
        lab.tasks.create(reader, study.id, TaskSettings("mine"))
    with pytest.raises(NotFound):
        lab.tasks.create(stranger, study.id, TaskSettings("mine"))


def test_project_is_called_by_name_or_number(lab, owner, reader, stranger, study):
    assert project_id(study) == study.name
    for project in (study.name, str(study.id)):
        assert lab.tasks.study(reader, project).id == study.id
        with pytest.raises(NotFound):
            lab.tasks.study(stranger, project)
    odd = lab.studies.create(owner, "a/b")
    assert project_id(odd) == str(odd.id)


def test_projects_are_those_one_may_view(lab, owner, reader, writer, stranger, study, slide):
    lab.studies.create(owner, "another")
    ((found, access, counts),) = lab.tasks.studies(writer)
    assert (found.id, access, counts) == (study.id, Access.WRITE, TaskCounts(1, 1, 1))
    assert lab.tasks.studies(stranger) == []
    assert [each.name for each, _, _ in lab.tasks.studies(owner)] == ["another", study.name]
    assert lab.tasks.private_access(writer, study.name)
    assert not lab.tasks.private_access(reader, study.name)
    assert not lab.tasks.private_access(stranger, "nothing")


def test_members_enter_a_restricted_task(lab, owner, writer, reader, study, new_task):
    task = new_task("secret", is_restricted=True)
    assert lab.tasks.list(writer, study.id) == []
    with pytest.raises(NotFound):
        lab.tasks.get(writer, task.id)
    lab.tasks.set_member(owner, task.id, "WRITER@lab", Access.ADMIN)
    # Nobody may more in a task than in its study.
    assert lab.tasks.get(writer, task.id).access is Access.WRITE
    assert [each.email for each in lab.tasks.members(owner, task.id)] == ["writer@lab"]
    with pytest.raises(NotAllowed):
        lab.tasks.set_member(writer, task.id, "reader@lab", Access.READ)
    lab.tasks.set_member(owner, task.id, "writer@lab", Access.NONE)
    with pytest.raises(NotFound):
        lab.tasks.get(writer, task.id)


def test_only_members_of_the_study_are_let_into_a_restricted_task(
    lab, owner, stranger, new_task, task
):
    secret = new_task("secret", is_restricted=True)
    with pytest.raises(Invalid, match="no member"):
        lab.tasks.set_member(owner, secret.id, "stranger@lab", Access.READ)
    with pytest.raises(NotFound, match="no user"):
        lab.tasks.set_member(owner, secret.id, "nobody@lab", Access.READ)
    with pytest.raises(Invalid, match="open to all"):
        lab.tasks.set_member(owner, task.id, "stranger@lab", Access.READ)


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(), ["CMU-1", "CMU-2"]),
        (Selection(stains=("ki67",)), ["CMU-2"]),
        (Selection(stains=()), []),
        (Selection(cases=("Müller",)), ["CMU-1"]),
        (Selection(cases=("müller",)), []),
        (Selection(tags_any=("NEW", "x")), ["CMU-2"]),
        (Selection(tags_all=("good", "new")), ["CMU-2"]),
        (Selection(tags_all=("good", "x")), []),
        (Selection(tags_not=("new",)), ["CMU-1"]),
    ],
)
def test_slides_belong_to_a_task_by_stain_case_and_tags(
    lab, reader, slide, second_slide, new_task, owner, selection, wanted
):
    task = new_task("some", selection=selection)
    listed = lab.task_slides.manifest(owner, task.id, ManifestFilter(), hide_private=False)
    assert sorted(each.name for each in listed) == wanted
    for each in (slide, second_slide):
        if each.name not in wanted:
            with pytest.raises(NotFound):
                lab.task_drawings.get(reader, task.id, each.id)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, ["CMU-2", "CMU-1"]),
        ({"case": "M%ER"}, ["CMU-2", "CMU-1"]),
        ({"case": "_eier"}, ["CMU-2"]),
        ({"case": "eier"}, []),
        ({"case": "%" * 60 + "x"}, []),
        # What a search that tries everything would never come to the end of.
        ({"case": "%e" * 90 + "x"}, []),
        ({"case": "[M]*"}, []),
        ({"block": "b"}, ["CMU-2"]),
        ({"section": "2.0", "number": "010"}, ["CMU-2"]),
        ({"section": "0"}, ["CMU-1"]),
        ({"stain": "ki67"}, []),
        ({"stain": "Ki67"}, ["CMU-2"]),
        ({"tags_any": ("good",)}, []),
        ({"tags_any": ("Good", "x")}, ["CMU-2"]),
        ({"tags_all": ("Good", "new")}, ["CMU-2"]),
        ({"tags_none": ("new",)}, ["CMU-1"]),
        ({"least_paths": 0}, ["CMU-2", "CMU-1"]),
        ({"least_paths": 2}, ["CMU-1"]),
        ({"least_markers": 2}, []),
    ],
)
def test_filters_of_a_manifest_hold_together(
    lab, writer, slide, second_slide, task, filters, wanted
):
    path = '["Path", {"segments": [[1, 1], [9, 9], [1, 9]], "closed": true}]'
    text = (
        f'[["Layer", {{"children": [{path}, {path}, ["PointText", {{"matrix": [1,0,0,1,2,3]}}]]}}]]'
    )
    lab.task_drawings.put(writer, task.id, slide.id, text)
    listed = lab.task_slides.manifest(
        writer, task.id, ManifestFilter(**filters), hide_private=False
    )
    assert [each.name for each in listed] == wanted
    for each in listed:
        assert (each.path_count, each.marker_count) == ((2, 1) if each.name == "CMU-1" else (0, 0))


def test_count_that_a_mode_does_not_have_is_refused(lab, writer, task):
    with pytest.raises(Invalid, match="no regions"):
        lab.task_slides.manifest(
            writer, task.id, ManifestFilter(least_regions=0), hide_private=False
        )


def test_private_names_are_hidden(lab, writer, reader, slide, task):
    def told(actor, *, hide_private):
        (one,) = lab.task_slides.manifest(
            actor, task.id, ManifestFilter(), hide_private=hide_private
        )
        assert (
            one == lab.task_slides.slide(actor, task.id, slide.id, hide_private=hide_private)
            or one.path_count == 0
        )
        return one.name, one.case_private, one.case_public, one.case_display

    assert told(writer, hide_private=False) == ("CMU-1", "Müller", "C1", "Müller")
    assert told(writer, hide_private=True) == (None, None, "C1", "C1")
    assert told(reader, hide_private=False) == (None, None, "C1", "C1")
    probing = ManifestFilter(case="M%")
    assert lab.task_slides.manifest(reader, task.id, probing, hide_private=False) == []


def test_lists_need_the_right_api(lab, as_user, study, slide, task):
    viewer = as_user("viewer@lab", rights="view private", study=study)
    with pytest.raises(NotAllowed, match="api"):
        lab.task_slides.manifest(viewer, task.id, ManifestFilter(), hide_private=False)
    with pytest.raises(NotAllowed, match="api"):
        lab.task_slides.slide(viewer, task.id, slide.id, hide_private=False)
    assert lab.tasks.get(viewer, task.id).id == task.id


def test_path_is_for_administrators_while_private_names_are_shown(
    lab, owner, writer, as_user, study, slide
):
    admin = as_user("admin@lab", rights="view admin private", study=study)
    assert lab.task_slides.path(admin, study.id, slide.id, hide_private=False) == slide.source
    with pytest.raises(NotAllowed):
        lab.task_slides.path(admin, study.id, slide.id, hide_private=True)
    with pytest.raises(NotAllowed):
        lab.task_slides.path(writer, study.id, slide.id, hide_private=False)
    other = lab.studies.create(owner, "other")
    with pytest.raises(NotFound):
        lab.task_slides.path(owner, other.id, slide.id, hide_private=False)


def test_a_layers_new_name_is_its_tasks(lab, owner, task):
    layer = lab.layers.get(owner, task.id)
    lab.layers.change(owner, layer.id, revision=layer.revision, name="renamed")
    assert lab.tasks.get(owner, task.id).settings.name == "renamed"


def test_removed_task_is_gone_with_its_layer(lab, owner, reader, study, task):
    lab.tasks.remove(owner, task.id)
    assert lab.tasks.list(owner, study.id) == []
    with pytest.raises(NotFound):
        lab.layers.get(owner, task.id)
    with pytest.raises(NotFound):
        lab.tasks.get(reader, task.id)
