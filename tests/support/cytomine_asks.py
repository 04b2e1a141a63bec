"""A good request for every method of every address of Cytomine's door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from wsi_lab.model.remark import ThingKind


class Ask(NamedTuple):
    """A request that would be answered well if whoever asks may."""

    address: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    query: dict[str, Any] | None = None
    body: Any = None
    file: str | None = None


def _user(world: Any, person: str = "viewer", **more: Any) -> Ask:
    return Ask({"user_id": world.ids[person], **more})


def _project(world: Any, body: Any = None) -> Ask:
    return Ask({"project_id": world.study.id}, body=body)


def _new_project(world: Any, body: Any = None) -> Ask:
    return Ask({"project_id": world.new_study().id}, body=body)


def _membership(world: Any, rights: list[str] | None = None) -> Ask:
    person = world.new_person()
    if rights:
        world.lab.studies.set_member(world.owner, world.study.id, f"{person}@lab", rights)
    return Ask({"project_id": world.study.id, "user_id": world.ids[person]})


def _ontology(world: Any, body: Any = None) -> Ask:
    return Ask({"ontology_id": world.ontology.id}, body=body)


def _new_ontology(world: Any) -> Ask:
    return Ask({"ontology_id": world.lab.ontologies.create(world.owner, world.name()).id})


def _new_term(world: Any, body: Any = None) -> Ask:
    return Ask({"term_id": world.new_term().id}, body=body)


def _relation(world: Any) -> Ask:
    parent, term = world.new_term().id, world.new_term().id
    world.lab.ontologies.set_parent(world.owner, term, parent)
    return Ask({"parent_id": parent, "term_id": term})


def _new_relation(world: Any) -> Ask:
    return Ask(body={"term1": world.new_term().id, "term2": world.new_term().id})


def _slide(world: Any, **more: Any) -> Ask:
    return Ask({"image_id": world.slide.id, **more})


def _new_slide(world: Any, body: Any = None) -> Ask:
    return Ask({"image_id": world.new_slide().id}, body=body)


def _image(world: Any, **more: Any) -> Ask:
    return Ask({"abstract_id": world.image.image_id, **more})


def _new_instance(world: Any) -> Ask:
    """Put the image of the study into another one, where everybody has the same rights."""
    return Ask(body={"baseImage": world.image.image_id, "project": world.new_study().id})


def _uploaded(world: Any) -> Ask:
    boss = world.actor("site_admin")
    arriving = world.lab.images.receive(boss, f"{world.name()}.svs")
    arriving.write([world.slide_file.read_bytes()])
    made = world.lab.images.register_upload(boss, arriving)
    return Ask({"abstract_id": made.image.id})


def _shape(world: Any, body: Any = None, **more: Any) -> Ask:
    number = world.draw("POLYGON ((10 10, 60 10, 60 60, 10 10))", world.tumour)
    return Ask({"annotation_id": number, **more}, body=body)


def _included(world: Any, **address: Any) -> Ask:
    number = _shape(world).address["annotation_id"]
    return Ask(address, {"image": world.slide.id, "annotation": number})


def _with_property(world: Any, kind: ThingKind, **more: Any) -> Ask:
    number = world.study.id if kind is ThingKind.STUDY else _shape(world).address["annotation_id"]
    key = world.name()
    (made,) = world.lab.remarks.add_properties(world.owner, kind, number, [(key, "1")])
    where = (
        {"class": "project", "thing_id": number}
        if kind is ThingKind.STUDY
        else {"annotation_id": number}
    )
    return Ask({**where, "property_id": made.id, "key": key}, **more)


def _thing(world: Any, body: Any = None) -> Ask:
    return Ask({"class": "project", "thing_id": world.study.id}, body=body)


def _tagged(world: Any, body: Any = None) -> Ask:
    tag = world.lab.remarks.add_tag(world.owner, world.name("tag"))
    study = world.new_study()
    link = world.lab.remarks.link(world.owner, ThingKind.STUDY, study.id, tag.id)
    address = {"class": "project", "thing_id": study.id, "link_id": link.id, "tag_id": tag.id}
    return Ask(address, body=body)


def _to_tag(world: Any) -> Ask:
    # Those who tag with a word must know of it.
    tag = _tagged(world).address["tag_id"]
    return Ask({"class": "project", "thing_id": world.new_study().id}, body={"tag": tag})


def _described(world: Any, body: Any = None) -> Ask:
    study = world.new_study()
    world.lab.remarks.put_description(world.owner, ThingKind.STUDY, study.id, "<p>What</p>")
    return Ask({"class": "project", "thing_id": study.id}, body=body)


def _to_describe(world: Any) -> Ask:
    return Ask({"class": "project", "thing_id": world.new_study().id}, body={"data": "<p>a</p>"})


def _attached(world: Any) -> Ask:
    verbs, where = world.lab.attached_files, (ThingKind.STUDY, world.study.id)
    arriving = verbs.receive(world.owner, *where, "a.txt")
    arriving.write([b"a"])
    return Ask({"file_id": verbs.attach(world.owner, arriving, *where).id})


PROPERTY = {
    "GET property.json": _with_property,
    "POST property.json": lambda world, kind: _with_property(
        world, kind, body={"key": world.name(), "value": 1}
    ),
    "GET property/{property_id}.json": _with_property,
    "PUT property/{property_id}.json": lambda world, kind: _with_property(
        world, kind, body={"value": "2"}
    ),
    "DELETE property/{property_id}.json": _with_property,
    "GET key/{key}/property.json": _with_property,
}

ASK: dict[str, Callable[[Any], Ask]] = {
    "GET api/user/{user_id}.json": _user,
    "GET api/user/{user_id}/keys.json": lambda world: _user(world, "site_admin"),
    "GET api/userkey/{public_key}/keys.json": lambda world: Ask(
        {"public_key": world.keys["site_admin"].public}
    ),
    "GET api/user/{user_id}/role.json": _user,
    "GET api/user/{user_id}/role/{role_id}.json": lambda world: _user(world, role_id=1),
    "GET api/user/{user_id}/project.json": _user,
    "GET api/project/{project_id}/user.json": _project,
    "GET api/project/{project_id}/admin.json": _project,
    "POST api/project/{project_id}/user/{user_id}.json": _membership,
    "DELETE api/project/{project_id}/user/{user_id}.json": lambda world: _membership(
        world, ["view"]
    ),
    "POST api/project/{project_id}/user/{user_id}/admin.json": _membership,
    "DELETE api/project/{project_id}/user/{user_id}/admin.json": lambda world: _membership(
        world, ["view", "edit"]
    ),
    "POST api/project.json": lambda world: Ask(body={"name": world.name("project")}),
    "GET api/project/{project_id}.json": _project,
    "PUT api/project/{project_id}.json": lambda world: _new_project(
        world, {"name": world.name("project")}
    ),
    "DELETE api/project/{project_id}.json": _new_project,
    "GET api/ontology/{ontology_id}/project.json": _ontology,
    "POST api/ontology.json": lambda world: Ask(body={"name": world.name("ontology")}),
    "GET api/ontology/{ontology_id}.json": _ontology,
    "PUT api/ontology/{ontology_id}.json": lambda world: _ontology(world, {"name": world.name()}),
    "DELETE api/ontology/{ontology_id}.json": _new_ontology,
    "GET api/ontology/{ontology_id}/term.json": _ontology,
    "GET api/project/{project_id}/term.json": _project,
    "POST api/term.json": lambda world: Ask(
        body={"name": world.name("term"), "ontology": world.ontology.id}
    ),
    "GET api/term/{term_id}.json": _new_term,
    "PUT api/term/{term_id}.json": lambda world: _new_term(world, {"color": "#123456"}),
    "DELETE api/term/{term_id}.json": _new_term,
    "POST api/relation/parent/term.json": _new_relation,
    "GET api/relation/parent/term1/{parent_id}/term2/{term_id}.json": _relation,
    "DELETE api/relation/parent/term1/{parent_id}/term2/{term_id}.json": _relation,
    "GET api/project/{project_id}/imageinstance.json": _project,
    "POST api/imageinstance.json": _new_instance,
    "GET api/imageinstance/{image_id}.json": _slide,
    "PUT api/imageinstance/{image_id}.json": lambda world: _new_slide(
        world, {"instanceFilename": world.name()}
    ),
    "DELETE api/imageinstance/{image_id}.json": _new_slide,
    "GET api/imageinstance/{image_id}/sliceinstance/reference.json": _slide,
    "GET api/imageinstance/{image_id}/sliceinstance.json": _slide,
    "GET api/sliceinstance/{image_id}.json": _slide,
    "GET api/abstractimage/{abstract_id}.json": _image,
    "DELETE api/abstractimage/{abstract_id}.json": _uploaded,
    **{
        f"GET api/{noun}/{path}": lambda world, find=find: find(
            world, place="0-0-9-9.png", ending="png"
        )
        for noun, find in (
            ("imageinstance/{image_id}", _slide),
            ("sliceinstance/{image_id}", _slide),
            ("abstractimage/{abstract_id}", _image),
        )
        for path in ("window-{place}", "thumb.{ending}", "preview.{ending}")
    },
    "GET api/imageinstance/{image_id}/download": _slide,
    "GET api/abstractimage/{abstract_id}/download": _image,
    **{
        f"GET api/{noun}/{{annotation_id}}/{shows}.{{ending}}": lambda world: _shape(
            world, ending="png"
        )
        for noun in ("userannotation", "annotation")
        for shows in ("crop", "mask", "alphamask")
    },
    "GET api/annotation.json": lambda world: Ask(query={"project": world.study.id}),
    "POST api/annotation.json": lambda world: Ask(
        body={"location": "POINT (1 2)", "image": world.slide.id, "term": [world.tumour.id]}
    ),
    "GET api/annotation/included.json": _included,
    "GET api/imageinstance/{image_id}/annotation/included.json": lambda world: _included(
        world, image_id=world.slide.id
    ),
    **{
        f"{method} api/{noun}/{{annotation_id}}.json": lambda world, body=body: _shape(world, body)
        for noun in ("userannotation", "annotation")
        for method, body in (
            ("GET", None),
            ("PUT", {"location": "POLYGON ((5 5, 60 10, 60 60, 5 5))"}),
            ("DELETE", None),
        )
    },
    "GET api/annotation/{annotation_id}/term.json": _shape,
    **{
        f"{method} api/annotation/{{annotation_id}}/term/{{term_id}}.json": lambda world: _shape(
            world, term_id=world.tumour.id
        )
        for method in ("GET", "DELETE")
    },
    "POST api/annotation/{annotation_id}/term/{term_id}.json": lambda world: _shape(
        world, term_id=world.stroma.id
    ),
    "POST api/annotation/{annotation_id}/term/{term_id}/clearBefore.json": lambda world: _shape(
        world, term_id=world.stroma.id
    ),
    **{
        f"{key.split(' ')[0]} {thing}/{key.split(' ')[1]}": lambda world, ask=ask, kind=kind: ask(
            world, kind
        )
        for thing, kind in (
            ("api/domain/{class}/{thing_id}", ThingKind.STUDY),
            ("api/annotation/{annotation_id}", ThingKind.ANNOTATION),
        )
        for key, ask in PROPERTY.items()
    },
    "POST api/tag.json": lambda world: Ask(body={"name": world.name("tag")}),
    "GET api/tag/{tag_id}.json": _tagged,
    "PUT api/tag/{tag_id}.json": lambda world: _tagged(world, {"name": world.name("tag")}),
    "DELETE api/tag/{tag_id}.json": _tagged,
    "GET api/domain/{class}/{thing_id}/tag_domain_association.json": _tagged,
    "POST api/domain/{class}/{thing_id}/tag_domain_association.json": _to_tag,
    "GET api/tag_domain_association/{link_id}.json": _tagged,
    "DELETE api/tag_domain_association/{link_id}.json": _tagged,
    "GET api/domain/{class}/{thing_id}/description.json": _described,
    "POST api/domain/{class}/{thing_id}/description.json": _to_describe,
    "PUT api/domain/{class}/{thing_id}/description.json": lambda world: _described(
        world, {"data": "<p>b</p>"}
    ),
    "DELETE api/domain/{class}/{thing_id}/description.json": _described,
    "POST api/attachedfile.json": lambda world: Ask(
        query={"domainClassName": "project", "domainIdent": world.study.id}, file="a.txt"
    ),
    "GET api/domain/{class}/{thing_id}/attachedfile.json": _thing,
    "GET api/attachedfile/{file_id}.json": _attached,
    "DELETE api/attachedfile/{file_id}.json": _attached,
    "GET api/attachedfile/{file_id}/download": _attached,
    "GET api/storage/{storage_id}.json": lambda world: Ask({"storage_id": world.ids["site_admin"]}),
    "POST upload": lambda world: Ask(
        query={"projects": world.study.id}, file=f"{world.name('sent')}.svs"
    ),
}
