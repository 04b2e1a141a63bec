"""Projects, tasks and slides: each answer field by field."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from wsi_lab.server.phas.manifests import COLUMNS

COUNTED = {"nspecimens": 2, "nblocks": 2, "nslides": 3}
MANIFEST = (
    "id,block_id,section,slide,stain,slide_name,slide_ext,project,specimen,block_name,"
    "specimen_private,specimen_public,task_id,specimen_display"
)
FURTHER = {
    "draw": ",n_paths,n_markers,n_annot",
    "copy": ",n_paths,n_markers,n_annot",
    "boxes": ",n_samples",
    "regions": ",n_sampling_rois",
    "browse": "",
}
SELF = "Task 1 [Draw]\n  Project: HTT pilot\n  Description: " + "wörds & more; " * 120 + "\n"


def _manifest(client: httpx.Client, task: int, **query: Any) -> httpx.Response:
    return client.get(f"/api/task/{task}/slide_detailed_manifest.csv", params=query)


def _names(client: httpx.Client, task: int, **query: Any) -> list[str]:
    answer = _manifest(client, task, **query)
    assert answer.status_code == 200, answer.text
    return [row["slide_name"] for row in csv.DictReader(io.StringIO(answer.text))]


def _info(client: httpx.Client, task: int) -> Any:
    return client.get(f"/api/task/{task}/info").json()


def test_project_is_told_as_phas_does(phas_anywhere: Any) -> None:
    row = {
        "id": "HTT pilot",
        "disp_name": "HTT pilot",
        "desc": "What PHAS calls a project",
        **COUNTED,
    }
    assert phas_anywhere.of("study_admin").get("/api/projects").json() == [{**row, "admin": 1}]
    assert phas_anywhere.of("reader").get("/api/projects").json() == [{**row, "admin": 0}]


def test_tasks_are_told_as_phas_does(phas_anywhere: Any, phas_world: Any) -> None:
    answer = phas_anywhere.of("reader").get("/api/project/HTT%20pilot/tasks")
    assert answer.headers["Content-Type"] == "application/json"
    draw, boxes, *_ = answer.json()
    assert draw == {
        "id": phas_world.tasks["draw"].id,
        "name": "Draw",
        "desc": "Draw whatever you see",
        "mode": "annot",
        "admin": 0,
        **COUNTED,
    }
    assert (boxes["desc"], boxes["mode"]) == (None, "dltrain")
    by_name = {each["name"]: each for each in answer.json()}
    assert by_name["Browse"]["mode"] == "browse"
    assert by_name["Browse"]["nslides"] == 1
    assert by_name["Regions"]["mode"] == "sampling"


def test_task_always_has_a_description_and_a_reference_only_where_there_is_one(
    phas: Any, phas_world: Any
) -> None:
    client, tasks = phas.of("reader"), phas_world.tasks
    assert _info(client, tasks["draw"].id) == {
        "id": tasks["draw"].id,
        "project": "HTT pilot",
        "name": "Draw",
        "restrict_access": 0,
        "anonymize": 0,
        "mode": "annot",
        "desc": "Draw whatever you see",
    }
    copy = _info(client, tasks["copy"].id)
    assert (copy["desc"], copy["anonymize"], copy["reference-task"]) == (None, 1, "Draw")
    assert _info(client, tasks["secret"].id)["restrict_access"] == 1


def test_layer_that_nobody_made_a_task_of_is_one(phas: Any, phas_world: Any) -> None:
    world = phas_world
    study = world.lab.studies.create(world.owner, world.name())
    layer = world.lab.layers.create(world.owner, study.id, "Tumour")
    client = phas.of("site_admin")
    assert _info(client, layer.id) == {
        "id": layer.id,
        "project": study.name,
        "name": "Tumour",
        "restrict_access": 0,
        "anonymize": 0,
        "mode": "annot",
        "desc": None,
    }
    header = f"{MANIFEST},n_paths,n_markers,n_annot\n"
    assert _manifest(client, layer.id).text == header


@pytest.mark.parametrize("name", ["download", "patch", "task", "api", "sample", "raw", "a%b?c#d"])
def test_project_of_any_name_is_found(phas_anywhere: Any, phas_world: Any, name: str) -> None:
    world, client = phas_world, phas_anywhere.of("site_admin")
    there = {each["id"]: each for each in client.get("/api/projects").json()}
    if name not in there:
        made = world.lab.studies.create(world.owner, name)
        world.lab.slides.add(world.owner, made.id, world.slide.source, name="one")
    study = world.lab.tasks.study(world.owner, name)
    (slide,) = world.lab.slides.list(world.owner, study.id).items
    quoted = name.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    for each in (quoted, study.id):
        for path in (
            f"/api/project/{each}/tasks",
            f"/dltrain/api/{each}/labelsets",
            f"/dzi/{each}/{slide.id}/header",
            f"/dzi/download/{each}/slide_{slide.id}_raw_header.json",
            f"/dzi/patch/{each}/{slide.id}/raw/0/5_5_4_4.png",
            f"/dzi/raw/{each}/{slide.id}/raw.dzi",
            f"/dzi/raw/{each}/{slide.id}/raw_files/0/0_0.jpeg",
        ):
            assert client.get(path).status_code == 200, path
        made_set = client.post(f"/dltrain/{each}/add_labelset", data={"name": world.name()})
        assert made_set.status_code == 200, made_set.text


def test_project_whose_name_has_a_slash_goes_by_its_number(phas: Any, phas_world: Any) -> None:
    world, client = phas_world, phas.of("site_admin")
    study = world.lab.studies.create(world.owner, "a/b")
    rows = client.get("/api/projects").json()
    (row,) = [each for each in rows if each["disp_name"] == "a/b"]
    assert row["id"] == str(study.id)
    assert client.get(f"/api/project/{row['id']}/tasks").json() == []
    assert client.get("/api/project/a%2Fb/tasks").json() == []


@pytest.mark.parametrize("task", FURTHER)
def test_columns_of_the_manifest_stand_in_their_order(
    phas_anywhere: Any, phas_world: Any, task: str
) -> None:
    client, task_id = phas_anywhere.of("reader"), phas_world.tasks[task].id
    answer = _manifest(client, task_id)
    assert answer.headers["Content-Type"].startswith("text/csv")
    header = MANIFEST + FURTHER[task]
    assert answer.text.splitlines()[0] == header
    # The header is there without any row, too.
    assert _manifest(client, task_id, stain="none").text == f"{header}\n"
    assert ",".join(COLUMNS) == MANIFEST


def test_rows_of_the_manifest_have_empty_cells_for_what_there_is_not(
    phas: Any, phas_world: Any
) -> None:
    task, slides = phas_world.tasks["draw"].id, phas_world.slides
    demo, second, plain = slides["demo"], slides["second"], slides["plain"]
    rows = _manifest(phas.of("private_reader"), task).text.splitlines()[1:]
    jane = f"{demo.case_id},B1,Jane Doe,A-17"
    john = f'{plain.case_id},"C,1",John Roe,Anon {plain.case_id:04}'
    # By specimen, block and section, as numbers.
    assert rows == [
        f"{demo.id},{demo.id},3,2,H&E,Jane Doe 1,svs,HTT pilot,{jane},{task},Jane Doe,0,0,0",
        f"{second.id},{demo.id},10,1,Nissl,Jane Doe 2,svs,HTT pilot,{jane},{task},Jane Doe,0,0,0",
        f"{plain.id},{plain.id},0,0,Nissl,plain,tif,HTT pilot,{john},{task},John Roe,0,0,0",
    ]
    hidden = _manifest(phas.of("reader"), task).text.splitlines()[1]
    assert hidden == (
        f"{demo.id},{demo.id},3,2,H&E,,svs,HTT pilot,{demo.case_id},B1,,A-17,{task},A-17,0,0,0"
    )


FIRST, SECOND, PLAIN = "Jane Doe 1", "Jane Doe 2", "plain"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [FIRST, SECOND, PLAIN]),
        ({"specimen": "jane%"}, [FIRST, SECOND]),
        ({"specimen": "J_n_ Doe"}, [FIRST, SECOND]),
        ({"specimen": "Jane"}, []),
        ({"specimen": ".*"}, []),
        ({"block": "b%"}, [FIRST, SECOND]),
        ({"section": "3"}, [FIRST]),
        ({"section": "10", "slide": "1"}, [SECOND]),
        ({"slide": "2"}, [FIRST]),
        ({"stain": "Nissl"}, [SECOND, PLAIN]),
        ({"stain": "nissl"}, []),
        ({"min_paths": "0"}, [FIRST, SECOND, PLAIN]),
        ({"min_markers": "1"}, []),
        ({"tags_any": ["first", "other"]}, [FIRST]),
        ({"tags_all": ["first", "good"]}, [FIRST]),
        ({"tags_none": ["first"]}, [SECOND, PLAIN]),
        ({"tags_any": "good", "tags_none": "first"}, [SECOND]),
        ({"tags_any": "Good"}, []),
        ({"self": SELF, "nonsense": "1"}, [FIRST, SECOND, PLAIN]),
    ],
)
def test_filters_of_the_manifest_hold_together(
    phas_anywhere: Any, phas_world: Any, query: dict[str, Any], found: list[str]
) -> None:
    client = phas_anywhere.of("private_reader")
    assert _names(client, phas_world.tasks["draw"].id, **query) == found


def test_number_of_regions_is_a_filter_where_there_are_any(phas: Any, phas_world: Any) -> None:
    phas_world.new_region()
    task = phas_world.tasks["regions"].id
    assert _names(phas.of("private_reader"), task, min_sroi="1") == [FIRST]


@pytest.mark.parametrize(
    ("task", "query"),
    [
        ("draw", {"min_sroi": "0"}),
        ("boxes", {"min_paths": "1"}),
        ("browse", {"min_markers": "1"}),
        ("draw", {"min_paths": "many"}),
        ("draw", {"min_paths": ""}),
        ("draw", {"min_paths": "9" * 400}),
        ("draw", {"min_markers": "1.5"}),
    ],
)
def test_number_that_slides_do_not_have_is_refused(
    phas: Any, phas_world: Any, say: Any, task: str, query: dict[str, str]
) -> None:
    say(_manifest(phas.of("reader"), phas_world.tasks[task].id, **query), 400)


def test_filter_that_is_no_text_is_refused(phas: Any, phas_world: Any, say: Any) -> None:
    path = f"/api/task/{phas_world.tasks['draw'].id}/slide_detailed_manifest.csv"
    say(phas.of("reader").get(f"{path}?stain=%ff"), 400)


def test_slide_is_told_as_phas_does(phas_anywhere: Any, phas_world: Any) -> None:
    client, task = phas_anywhere.of("private_reader"), phas_world.tasks["draw"].id
    demo, plain = phas_world.slide, phas_world.slides["plain"]
    below = f"/api/task/{task}/slide"
    assert client.get(f"{below}/{demo.id}/info").json() == {
        "specimen": demo.case_id,
        "block_name": "B1",
        "specimen_private": "Jane Doe",
        "specimen_public": "A-17",
        "specimen_display": "Jane Doe",
        "section": 3,
        "slide": 2,
        "stain": "H&E",
    }
    assert client.get(f"{below}/{demo.id}/tags").json() == ["first", "good"]
    assert client.get(f"{below}/{plain.id}/tags").json() == []


def test_slide_that_is_not_of_the_task_is_not_found(phas: Any, phas_world: Any, say: Any) -> None:
    client, browse = phas.of("site_admin"), phas_world.tasks["browse"].id
    other = phas_world.slides["second"].id
    for path in (
        f"/api/task/{browse}/slide/{other}/info",
        f"/api/task/{browse}/slide/{other}/tags",
        f"/api/task/{browse}/slide/{other}_thumbnail.png",
        f"/api/task/{browse}/slide/{other}/random_patch/8",
        f"/api/task/{browse}/slide/{other}/annot/timestamp",
        f"/task/{browse}/slide/raw/raw/{other}/annot/get",
        f"/dzi/download/task/{browse}/slide_{other}_raw_64.nii.gz",
    ):
        say(client.get(path), 404)
    say(client.post(f"/api/task/{browse}/slide_{other}_annot.svg", data={}), 404)


def test_slide_of_another_project_is_not_found(phas: Any, phas_world: Any, say: Any) -> None:
    world, client = phas_world, phas.of("site_admin")
    other = world.lab.studies.create(world.owner, world.name()).id
    slide = world.slide.id
    for path in (
        f"/dzi/{other}/{slide}/header",
        f"/dzi/{other}/{slide}/filepath",
        f"/dzi/download/{other}/slide_{slide}_raw_header.json",
        f"/dzi/download/{other}/slide_{slide}_label.png",
        f"/dzi/patch/{other}/{slide}/raw/0/5_5_4_4.png",
        f"/dzi/raw/{other}/{slide}/raw_files/12/1_1.jpeg",
    ):
        say(client.get(path), 404)


def test_other_tables_tell_the_same_slides(phas: Any, phas_world: Any) -> None:
    client, task = phas.of("reader"), phas_world.tasks["draw"].id
    lines = client.get(f"/api/task/{task}/slide_manifest.csv").text.splitlines()
    detailed = _manifest(client, task).text.splitlines()
    assert lines == [each.rsplit(",", 3)[0] for each in detailed]
    specimens = client.get(f"/api/task/{task}/specimens").json()
    assert specimens[0] == {
        "id": phas_world.slide.case_id,
        "specimen_private": None,
        "specimen_public": "A-17",
        "specimen_display": "A-17",
        "nblocks": 1,
        "nslides": 2,
    }
