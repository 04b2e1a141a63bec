"""Images for those who may see them: whoever uploaded one, and whoever sees a slide of it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.image import AbstractImage, ImageCounts, Instance
from wsi_lab.model.people import Action
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.seeing import seen_layers
from wsi_lab.service.seen import seen_studies, slide_as_seen
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store import images as rows
from wsi_lab.store import slides as slide_rows
from wsi_lab.store import studies as study_rows


class SeenImage(NamedTuple):
    """An image that the asker may see.

    Attributes
    ----------
    image
        As it is stored.
    slides
        Those of it that they may see, with their studies.
    is_theirs
        Whether it is their upload, or they are a site administrator.
    """

    image: AbstractImage
    slides: Sequence[tuple[Study, Slide]]
    is_theirs: bool


def seen_image(transaction: Transaction, image_id: int) -> SeenImage:
    """Return an image that the asker may see.

    Raises
    ------
    NotFound
        There is none, or they may not know that there is.
    """
    transaction.require(Action.LAB_VIEW)
    missing = NotFound(f"There is no image {image_id}.")
    image = rows.image(transaction.connection, image_id) if is_id(image_id) else None
    if image is None:
        raise missing
    found = slide_rows.slides_by_source(transaction.connection, image.source)
    studies = {
        each.id: each
        for each in study_rows.studies(transaction.connection, {one.study_id for one in found})
        if transaction.may(Action.STUDY_VIEW, each)
    }
    slides = [(studies[each.study_id], each) for each in found if each.study_id in studies]
    is_theirs = _is_theirs(transaction, image)
    if not slides and not is_theirs:
        raise missing
    return SeenImage(image, slides, is_theirs)


def all_seen_images(transaction: Transaction) -> list[SeenImage]:
    """Return all images that the asker may see, in the order of their ids."""
    user, connection = transaction.actor.user, transaction.connection
    slides: dict[str, list[tuple[Study, Slide]]] = defaultdict(list)
    for study in seen_studies(transaction):
        for slide in slide_rows.all_slides(connection, study.id):
            slides[slide.source].append((study, slide))
    found = {each.id: each for each in rows.images_of_sources(connection, slides)}
    own = rows.images_of_user(connection, None if user.is_admin else user.id)
    found |= {each.id: each for each in own if _is_theirs(transaction, each)}
    return [
        SeenImage(found[each], slides[found[each].source], _is_theirs(transaction, found[each]))
        for each in sorted(found)
    ]


def as_seen(transaction: Transaction, seen: SeenImage) -> AbstractImage:
    """Return an image as the asker may know it."""
    sees_paths = transaction.may(Action.SLIDE_PATH)
    sees_names = seen.is_theirs or any(
        transaction.may(Action.SLIDE_PRIVATE, study) for study, _ in seen.slides
    )
    name = seen.image.name if sees_names else _blinded(seen.slides[0][1], seen.image)
    return dataclasses.replace(
        seen.image,
        name=name,
        source=seen.image.source if sees_paths else "",
        slide_ids=tuple(slide.id for _, slide in seen.slides),
    )


def require_all_of_it(transaction: Transaction, seen: SeenImage) -> None:
    """Raise `NotAllowed` unless the asker may see all of an image: whose it is, labels and all.

    Whoever makes a slide of it in a study of theirs does.
    """
    if seen.is_theirs or any(
        transaction.may(Action.CASE_PRIVATE, study) for study, _ in seen.slides
    ):
        return
    raise NotAllowed(
        "To use this image elsewhere you must have uploaded it, or hold the right 'private' in a "
        "study that has it."
    )


def instances_of(transaction: Transaction, study: Study, slides: Sequence[Slide]) -> list[Instance]:
    """Return slides of a study, which the asker may view, as images in it."""
    slide_ids = [each.id for each in slides]
    images = _images_of(transaction, slides)
    counts = shape_counts(transaction, study, slide_ids)
    adders = rows.who_added(transaction.connection, slide_ids)
    return [
        Instance(
            slide=slide_as_seen(transaction, study, slide),
            study=study,
            image_id=images[slide.source].id,
            file_name=_file_name(transaction, study, slide, images[slide.source]),
            annotation_count=counts.get(slide.id, 0),
            added_by=adders.get(slide.id),
        )
        for slide in slides
    ]


def file_names(
    transaction: Transaction, study: Study, slides: Sequence[Slide]
) -> Mapping[int, str]:
    """Return what files are called, as far as the asker may know it, by slide of a study."""
    images = _images_of(transaction, slides)
    return {each.id: _file_name(transaction, study, each, images[each.source]) for each in slides}


def shape_counts(
    transaction: Transaction, study: Study, slide_ids: Iterable[int] | None = None
) -> dict[int, int]:
    """Return how many shapes the asker may see on slides of a study, or on all, by slide."""
    wanted = None if slide_ids is None else list(slide_ids)
    counts: dict[int, int] = defaultdict(int)
    for seen in seen_layers(transaction, study):
        found = rows.shape_counts(
            transaction.connection, seen.question.id, author=seen.only, slide_ids=wanted
        )
        for slide_id, count in found.items():
            counts[slide_id] += count
    return counts


def counts_of_studies(
    transaction: Transaction, studies: Iterable[Study]
) -> Mapping[int, ImageCounts]:
    """Return how many slides studies have, and shapes that the asker may see, by study."""
    wanted = list(studies)
    slides = slide_rows.slide_counts(transaction.connection, [each.id for each in wanted])
    return {
        each.id: ImageCounts(slides[each.id], sum(shape_counts(transaction, each).values()))
        for each in wanted
    }


def _images_of(transaction: Transaction, slides: Iterable[Slide]) -> dict[str, AbstractImage]:
    sources = {each.source for each in slides}
    return {each.source: each for each in rows.images_of_sources(transaction.connection, sources)}


def _is_theirs(transaction: Transaction, image: AbstractImage) -> bool:
    user, token = transaction.actor.user, transaction.actor.token
    if token is not None and (token.read_studies or token.modify_studies):
        return False
    return user.is_admin or image.added_by == user.id


def _file_name(transaction: Transaction, study: Study, slide: Slide, image: AbstractImage) -> str:
    sees_name = transaction.may(Action.SLIDE_PRIVATE, study) or _is_theirs(transaction, image)
    return image.name if sees_name else _blinded(slide, image)


def _blinded(slide: Slide, image: AbstractImage) -> str:
    """Return a name for a file that tells no more than its slide does."""
    ending = PurePosixPath(image.name).suffix
    return slide.name if slide.name.endswith(ending) else f"{slide.name}{ending}"
