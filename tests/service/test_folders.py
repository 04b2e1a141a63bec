from __future__ import annotations

import pytest

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.people import Actor
from wsi_lab.service.lab import Lab
from wsi_lab.service.uploading.folders import require_free_name


@pytest.mark.parametrize("name", ["old", "OLD", "kept", "Kept", "gru\u0308n"])
def test_name_with_files_is_given_by_site_administrators_only(
    lab: Lab, owner: Actor, as_user, name: str
) -> None:
    for folder in ("old", "gr\xfcn"):
        (lab.files.root / folder).mkdir()
    (lab.files.root / "study.kept.emails").write_text("")

    def ask(actor: Actor) -> None:
        lab.studies._transactions.read(
            actor, lambda transaction: require_free_name(transaction, lab.files, name)
        )

    with pytest.raises(NotAllowed, match="administrator"):
        ask(as_user("editor@lab"))
    ask(owner)


def test_name_without_files_is_for_everybody(lab: Lab, as_user) -> None:
    (lab.files.root / "older").mkdir()
    (lab.files.root / "study.old2.emails").write_text("")
    lab.studies._transactions.read(
        as_user("editor@lab"), lambda transaction: require_free_name(transaction, lab.files, "old")
    )


def test_study_is_not_renamed_to_what_others_have_files_for(
    lab: Lab, owner: Actor, as_user
) -> None:
    (lab.files.root / "patients").mkdir()
    study = lab.studies.create(owner, "B")
    editor = as_user("editor@lab", study=study, rights="edit")
    with pytest.raises(NotAllowed, match="administrator"):
        lab.studies.change(editor, study.id, revision=study.revision, name="patients")
    assert lab.studies.change(editor, study.id, revision=study.revision, name="C").name == "C"


@pytest.mark.parametrize("name", ["7", " 7 ", "٧"])
def test_no_study_is_called_like_an_id(lab: Lab, owner: Actor, name: str) -> None:
    with pytest.raises(Invalid, match="look like an id"):
        lab.studies.create(owner, name)
