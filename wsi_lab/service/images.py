"""Images: sent to the lab, and made slides of in studies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Conflict, Invalid, NotAllowed, SlideMissing
from wsi_lab.model.image import AbstractImage, ImageCounts, Instance
from wsi_lab.model.people import Action, Actor, Capability
from wsi_lab.model.slide import checked_mpp
from wsi_lab.model.source import is_address
from wsi_lab.model.study import Study, checked_name
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.answers import TileAnswer, answer
from wsi_lab.service.image_uploads import ImageUploads, UploadedImage, made_slide
from wsi_lab.service.new_slides import store_changes
from wsi_lab.service.places import unmoved
from wsi_lab.service.seen_images import (
    SeenImage,
    all_seen_images,
    as_seen,
    counts_of_studies,
    file_names,
    instances_of,
    require_all_of_it,
    seen_image,
)
from wsi_lab.service.tiles import LARGEST_THUMBNAIL, Tiles
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.service.uploading.downloads import Download, Downloads, file_download
from wsi_lab.service.uploading.image_files import Arriving, ImageFiles
from wsi_lab.store import slides as slide_rows
from wsi_lab.store import studies as study_rows

if TYPE_CHECKING:
    from wsi_lab.slides.engine import SlideEngine

__all__ = ["Arriving", "Images", "UploadedImage"]

LARGEST_MAGNIFICATION = 1000


class Images(ImageUploads):
    """Images, which are slides of any number of studies.

    An image is for whoever may view a study that has a slide of it, for whoever uploaded it, and
    for site administrators.
    """

    def __init__(
        self,
        transactions: Transactions,
        adder: SlideAdder,
        files: ImageFiles,
        *,
        tiles: Tiles,
        downloads: Downloads,
        engine: Callable[[], SlideEngine],
    ) -> None:
        super().__init__(transactions, adder, files)
        self._tiles = tiles
        self._downloads = downloads
        self._engine = engine

    def abstract(self, actor: Actor, image_id: int) -> AbstractImage:
        """Return one image."""
        return self._transactions.read(actor, lambda t: as_seen(t, seen_image(t, image_id)))

    def abstracts(self, actor: Actor) -> list[AbstractImage]:
        """Return the images that the asker may see, in the order of their ids."""
        return self._transactions.read(
            actor, lambda t: [as_seen(t, each) for each in all_seen_images(t)]
        )

    def instance(self, actor: Actor, slide_id: int) -> Instance:
        """Return one slide as an image in its study."""

        def read(transaction: Transaction) -> Instance:
            study, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
            return instances_of(transaction, study, [slide])[0]

        return self._transactions.read(actor, read)

    def instances(self, actor: Actor, study_id: int) -> list[Instance]:
        """Return the slides of a study as images in it, in the order of their ids."""

        def read(transaction: Transaction) -> list[Instance]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            found = slide_rows.all_slides(transaction.connection, study.id)
            return instances_of(transaction, study, found)

        return self._transactions.read(actor, read)

    def file_names(self, actor: Actor, study_id: int) -> Mapping[int, str]:
        """Return what the files of a study are called, by slide; see `Instance.file_name`."""

        def read(transaction: Transaction) -> Mapping[int, str]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            found = slide_rows.all_slides(transaction.connection, study.id)
            return file_names(transaction, study, found)

        return self._transactions.read(actor, read)

    def counts(self, actor: Actor, study_ids: Iterable[int]) -> Mapping[int, ImageCounts]:
        """Return how many slides studies have, and shapes that the asker may see.

        Studies that they may not view are left out.
        """
        wanted = set(study_ids)

        def read(transaction: Transaction) -> Mapping[int, ImageCounts]:
            found = study_rows.studies(transaction.connection, wanted)
            seen = [each for each in found if transaction.may(Action.STUDY_VIEW, each)]
            return counts_of_studies(transaction, seen)

        return self._transactions.read(actor, read)

    def add_instance(self, actor: Actor, image_id: int, study_id: int) -> Instance:
        """Make a slide of an image and return it.

        Raises
        ------
        NotAllowed
            The right is missing in the study, or the asker may not see all of the image.
        Conflict
            The study has a slide of it.
        SlideMissing, UnsupportedSlide, DamagedSlide
            Its file cannot be shown any more.
        """

        def check(transaction: Transaction) -> tuple[Study, SeenImage]:
            study = transaction.study(study_id, Action.SLIDE_ADD_UPLOADED)
            seen = seen_image(transaction, image_id)
            require_all_of_it(transaction, seen)
            source = seen.image.source
            if slide_rows.slide_by_source(transaction.connection, study.id, source) is not None:
                raise Conflict("The study has a slide of this image already.")
            return study, seen

        _, found = self._transactions.read(actor, check)
        file = self._adder.look_at(_unmoved(found.image.source))

        def store(transaction: Transaction) -> Instance:
            study, seen = check(transaction)
            return made_slide(transaction, study, file, seen.image.name)

        return self._transactions.write(actor, store)

    def change_instance(
        self,
        actor: Actor,
        slide_id: int,
        *,
        name: str | None = None,
        magnification: float | None = None,
        mpp_x: float | None = None,
        mpp_y: float | None = None,
    ) -> Instance:
        """Change what is given of a slide and return it; the last one to change it wins.

        What is given as it is already is not stated: it is left to the file.

        Raises
        ------
        Invalid
            One of them is not one.
        Conflict
            The study has another slide of that name.
        """
        if name is not None:
            name = checked_name(name, "slide")

        def change(transaction: Transaction) -> Instance:
            study, before = transaction.slide(slide_id, Action.STUDY_EDIT)
            stated: dict[str, Any] = {}
            if name is not None:
                stated["name"] = name
            if magnification is not None and magnification not in _told(before.objective_power):
                stated["objective_power"] = _checked_magnification(magnification)
            if mpp_x is not None and mpp_x != before.mpp_x:
                stated["stated_mpp_x"] = checked_mpp(mpp_x)
            if mpp_y is not None and mpp_y != before.mpp_y:
                stated["stated_mpp_y"] = checked_mpp(mpp_y)
            after = store_changes(transaction, study, before, stated)
            return instances_of(transaction, study, [after])[0]

        return self._transactions.write(actor, change)

    def remove_instance(self, actor: Actor, slide_id: int) -> None:
        """Take a slide out of its study; the image stays."""

        def remove(transaction: Transaction) -> None:
            study, slide = transaction.slide(slide_id, Action.SLIDE_DELETE)
            slide_rows.remove_slide(transaction.connection, slide_id)
            transaction.record("remove", "slide", slide_id, study_id=study.id, before=slide)

        self._transactions.write(actor, remove)

    def thumbnail(self, actor: Actor, image_id: int, max_width: int, max_height: int) -> TileAnswer:
        """Return a whole image, fitted into a box; see `Tiles.thumbnail`."""
        seen = self._transactions.read(actor, lambda t: seen_image(t, image_id))
        if seen.slides:
            return self._tiles.thumbnail(actor, seen.slides[0][1].id, max_width, max_height)
        if not (1 <= max_width <= LARGEST_THUMBNAIL and 1 <= max_height <= LARGEST_THUMBNAIL):
            raise Invalid(
                f"A thumbnail's width and height must be between 1 and {LARGEST_THUMBNAIL}."
            )
        _require_capability(actor, Capability.PIXELS)
        slide = self._engine().open(_unmoved(seen.image.source))
        image = slide.thumbnail(max_width, max_height)
        return answer(image, slide.version, f"thumbnail-{max_width}-{max_height}")

    def download(self, actor: Actor, image_id: int) -> Download:
        """Return the file of an image; needs the right 'private' where it is not one's upload.

        Raises
        ------
        NotAllowed
            The right is missing.
        Invalid
            It lies in a store elsewhere.
        SlideMissing
            It is gone.
        """

        def read(transaction: Transaction) -> tuple[SeenImage, int | None]:
            seen = seen_image(transaction, image_id)
            may_all = (
                slide.id
                for study, slide in seen.slides
                if transaction.may(Action.SLIDE_DOWNLOAD, study)
            )
            return seen, next(may_all, None)

        seen, slide_id = self._transactions.read(actor, read)
        if slide_id is None and seen.slides and not seen.is_theirs:
            # It is told what is missing.
            slide_id = seen.slides[0][1].id
        if slide_id is not None:
            return self._downloads.slide(actor, slide_id)
        _require_capability(actor, Capability.DOWNLOAD)
        if is_address(seen.image.source):
            raise Invalid("This image lies in a store elsewhere; download it from there.")
        return file_download(Path(seen.image.source), seen.image.name)


def _unmoved(source: str) -> str:
    if not unmoved(source):
        raise SlideMissing("The file of this image was moved.")
    return source


def _told(magnification: float | None) -> tuple[float, ...]:
    """Return how a magnification may be told by those who tell whole numbers only."""
    return () if magnification is None else (magnification, round(magnification))


def _checked_magnification(magnification: float) -> float:
    if not (math.isfinite(magnification) and 0 < magnification <= LARGEST_MAGNIFICATION):
        raise Invalid(f"A magnification is greater than 0 and at most {LARGEST_MAGNIFICATION:,}.")
    return float(magnification)


def _require_capability(actor: Actor, capability: Capability) -> None:
    token = actor.token
    if token is not None and capability not in token.capabilities:
        raise NotAllowed(f"This token lacks the capability '{capability}'; make one that has it.")
