"""The released client's projects, ontologies and terms."""

from __future__ import annotations

from cytomine.models import (
    Annotation,
    Ontology,
    OntologyCollection,
    Project,
    ProjectCollection,
    RelationTerm,
    Term,
    TermCollection,
)


def test_study_is_a_project(lab, given, client):
    study = lab.ask("GET", f"studies/{given.project.id}")
    found = ProjectCollection().fetch().find_by_attribute("id", given.project.id)
    for project in (found, given.project):
        assert project.class_ == "be.cytomine.domain.project.Project"
        assert project.name == study["name"]
        assert project.ontology == given.ontology.id
        assert project.ontologyName == given.ontology.name
        assert (project.numberOfImages, project.numberOfAnnotations) == (1, 0)
        assert project.created.isdecimal()
        assert project.isClosed is project.isReadOnly is project.blindMode is False


def test_projects_of_an_ontology_and_of_a_user(given, client):
    (found,) = ProjectCollection().fetch_with_filter("ontology", given.ontology.id)
    assert found.id == given.project.id
    found = ProjectCollection().fetch_with_filter("user", client.current_user.id)
    assert given.project.id in {each.id for each in found}


def test_projects_are_paged_newest_first(lab, given, client):
    lab.new_study()
    everything = [each.id for each in ProjectCollection().fetch()]
    assert everything == sorted(everything, reverse=True)
    page = ProjectCollection(max=1, offset=0)
    assert page._fetch()[0].id == everything[0]
    assert page.fetch_next_page()[0].id == everything[1]
    assert page._total == len(everything)


def test_project_is_made_changed_and_removed(lab, client, watched):
    ontology = Ontology(lab.name("ontology")).save()
    term = Term("tumour", ontology.id, "#123456").save()
    name = lab.name("project")
    project = Project(name, ontology.id).save()
    assert project.id
    assert Project().fetch(project.id).name == name
    assert lab.ask("GET", f"studies/{project.id}")["name"] == name
    assert Project().fetch(project.id).ontology == ontology.id
    assert [each.id for each in terms("project", project.id)] == [term.id]
    assert Project(name, ontology.id).save() is False
    assert watched.last.status_code == 409
    renamed = lab.name("project")
    assert project.update(name=renamed).name == renamed
    assert Project().fetch(project.id).name == renamed
    assert project.delete()
    assert Project().fetch(project.id) is False
    assert watched.last.status_code == 404


def test_second_project_of_an_ontology_gets_a_copy(lab, given, client):
    project = Project(lab.name("project"), given.ontology.id).save()
    own = Project().fetch(project.id).ontology
    assert own is not None
    assert project.ontology == own
    copied = {(each.name, each.color) for each in terms("ontology", own)}
    assert copied == {(each.name, each.color) for each in terms("project", given.project.id)}


def test_project_without_an_ontology_has_one_nevertheless(lab, client):
    project = Project(lab.name("project")).save()
    project = Project().fetch(project.id)
    ontology = Ontology().fetch(project.ontology)
    assert ontology.id == project.ontology
    assert Term("tumour", ontology.id, "#112233").save().id


def terms(kind, number):
    return TermCollection().fetch_with_filter(kind, number)


def test_ontology_is_made_changed_and_removed(lab, client, watched):
    name = lab.name("ontology")
    ontology = Ontology(name).save()
    assert ontology.id in {each.id for each in OntologyCollection().fetch()}
    fetched = Ontology().fetch(ontology.id)
    assert (fetched.name, fetched.user) == (name, client.current_user.id)
    assert fetched.class_ == "be.cytomine.domain.ontology.Ontology"
    assert Ontology(name).save() is False
    assert watched.last.status_code == 409
    renamed = lab.name("ontology")
    assert ontology.update(name=renamed)
    assert Ontology().fetch(ontology.id).name == renamed
    assert ontology.delete()
    assert Ontology().fetch(ontology.id) is False
    assert watched.last.status_code == 404


def test_ontology_in_use_stays(given, client, watched):
    assert given.ontology.delete() is False
    assert watched.last.status_code == 400
    assert Ontology().fetch(given.ontology.id)


def test_terms_are_those_of_project_and_ontology(given, client):
    expected = {
        (given.tumour.id, "tumour", "#FF0000".lower()),
        (given.stroma.id, "stroma", "#00FF00".lower()),
    }
    for kind, number in (("ontology", given.ontology.id), ("project", given.project.id)):
        found = terms(kind, number)
        assert {(each.id, each.name, each.color.lower()) for each in found} == expected
        assert {each.ontology for each in found} == {given.ontology.id}
        assert {each.class_ for each in found} == {"be.cytomine.domain.ontology.Term"}
    assert {each[0] for each in expected} <= {each.id for each in TermCollection().fetch()}


def test_term_is_changed_and_removed(given, client, watched):
    fetched = Term().fetch(given.tumour.id)
    assert (fetched.name, fetched.parent) == ("tumour", None)
    fetched.name, fetched.color = "carcinoma", "#0000ff"
    assert fetched.update()
    again = Term().fetch(given.tumour.id)
    assert (again.name, again.color.lower()) == ("carcinoma", "#0000ff")
    assert again.delete()
    assert Term().fetch(given.tumour.id) is False
    assert watched.last.status_code == 404
    assert again.delete() is False
    assert watched.last.status_code == 404


def test_term_of_a_name_there_is_is_refused(given, client, watched):
    assert Term("tumour", given.ontology.id, "#ffffff").save() is False
    assert watched.last.status_code == 409
    assert given.stroma.update(name="tumour") is False
    assert watched.last.status_code == 409


def test_term_in_use_stays(given, client, watched):
    annotation = Annotation("POINT (10 20)", given.image.id, [given.tumour.id]).save()
    assert given.tumour.delete() is False
    assert watched.last.status_code == 400
    assert annotation.delete()
    assert given.tumour.delete()


def test_many_terms_are_saved_at_once(given, client):
    many = TermCollection()
    many.extend(Term(f"class {n}", given.ontology.id, f"#0000{n:02x}") for n in range(40))
    assert many.save() is True
    assert len(terms("ontology", given.ontology.id)) == 42


def test_terms_have_parents(given, client, watched):
    relation = RelationTerm(given.tumour.id, given.stroma.id).save()
    assert relation is not False
    assert Term().fetch(given.stroma.id).parent == given.tumour.id
    fetched = RelationTerm().fetch(given.tumour.id, given.stroma.id)
    assert (fetched.term1, fetched.term2) == (given.tumour.id, given.stroma.id)
    assert fetched.delete()
    assert Term().fetch(given.stroma.id).parent is None
    assert RelationTerm().fetch(given.tumour.id, given.stroma.id) is False
    assert watched.last.status_code == 404


def test_labels_of_any_layer_are_terms(lab, given, client):
    made = lab.ask(
        "POST",
        f"studies/{given.project.id}/layers",
        {"name": "nuclei", "labels": [{"name": "mitosis", "colour": "#d55e00"}]},
    )
    label = made["labels"][0]
    found = terms("project", given.project.id).find_by_attribute("id", label["id"])
    assert (found.name, found.color.lower()) == ("mitosis", "#d55e00")
