"""Maps of tissue microarrays."""

from __future__ import annotations

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.formats.slidescore_config import file_kind, parse_map
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.tma import MapCore, TmaLayout, TmaMap
from wsi_lab.model.upload import checked_file_name
from wsi_lab.service.new_slides import store_changes
from wsi_lab.service.scoring.tma_boxes import TmaBoxes
from wsi_lab.service.seen import slide_as_seen
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.service.uploading.files import Files
from wsi_lab.store import tma_maps as rows

LONGEST_MAP_NAME_BYTES = 100


class TmaMaps(TmaBoxes):
    """Maps of tissue microarrays: which cores lie where on a slide."""

    def __init__(self, transactions: Transactions, files: Files, tiles: Tiles) -> None:
        super().__init__(transactions, tiles)
        self._files = files

    def list(self, actor: Actor, study_id: int) -> list[TmaMap]:
        """Return a study's maps in the order of their ids."""

        def read(transaction: Transaction) -> list[TmaMap]:
            transaction.study(study_id, Action.STUDY_VIEW)
            return rows.maps(transaction.connection, study_id)

        return self._transactions.read(actor, read)

    def get(self, actor: Actor, map_id: int) -> TmaMap:
        """Return one map."""
        return self._transactions.read(actor, lambda transaction: _map(transaction, map_id))

    def cores(self, actor: Actor, map_id: int) -> tuple[MapCore, ...]:
        """Return the cores of a map, row by row; places without a core have none."""

        def read(transaction: Transaction) -> tuple[MapCore, ...]:
            return tuple(rows.cores(transaction.connection, _map(transaction, map_id).id))

        return self._transactions.read(actor, read)

    def create(self, actor: Actor, study_id: int, name: str, text: str) -> TmaMap:
        """Make a map of the text of a map file.

        Raises
        ------
        Invalid
            The name is not one, or the text is no map; ``problems`` lists everything.
        Conflict
            The study has a map of that name.
        """
        name = checked_map_name(name)
        layout = parse_map(text)

        def create(transaction: Transaction) -> TmaMap:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            made = rows.add_map(transaction.connection, study.id, name, text, layout)
            transaction.record("create", "tma-map", made.id, study_id=study.id, after=made)
            return made

        return self._transactions.write(actor, create)

    def create_from_file(self, actor: Actor, study_id: int, file_name: str) -> TmaMap:
        """Make a map of an uploaded file, or bring the one made of it up to date.

        Parameters
        ----------
        file_name
            In the lab's folder, where only files named after the study will do unless a site
            administrator asks; or in the study's own folder.

        Raises
        ------
        Invalid
            The file is no map.
        NotFound
            There is no such file.
        """
        file_name = checked_file_name(file_name.strip().replace("\\", "/").removeprefix("./"))

        def check(transaction: Transaction) -> tuple[Study, bool]:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            return study, transaction.actor.user.is_admin

        study, is_admin = self._transactions.read(actor, check)
        text = self._text(study, file_name, is_admin=is_admin)
        layout = parse_map(text)
        name = map_name_of(file_name, study.name)

        def create(transaction: Transaction) -> TmaMap:
            study, _ = check(transaction)
            return store_map(transaction, study, name, text, layout)

        return self._transactions.write(actor, create)

    def assign(self, actor: Actor, study_id: int, slide_id: int, map_name: str) -> Slide:
        """Say which map tells the cores of a slide; without a name, none does any more.

        Raises
        ------
        NotFound
            The study has no such slide or no such map.
        """

        def assign(transaction: Transaction) -> Slide:
            study, slide = transaction.slide(slide_id, Action.STUDY_EDIT)
            if study.id != study_id:
                raise NotFound(f"The study has no slide {slide_id}.")
            map_id = None
            if map_name.strip():
                name = map_name_of(map_name.strip(), study.name)
                found = rows.map_by_name(transaction.connection, study.id, name)
                if found is None:
                    raise NotFound(f"The study has no TMA map '{map_name.strip()}'.")
                map_id = found.id
            after = store_changes(transaction, study, slide, {"tma_map_id": map_id})
            return slide_as_seen(transaction, study, after)

        return self._transactions.write(actor, assign)

    def _text(self, study: Study, file_name: str, *, is_admin: bool) -> str:
        # A study may be called like a way into the folder of another one; then it has none.
        folders = [study.name] if "/" not in study.name and "\\" not in study.name else []
        if is_admin or file_kind(file_name, study=study.name) is not None:
            folders.insert(0, "")
        for folder in folders:
            text = self._files.text(file_name, folder)
            if text is not None:
                return text
        raise NotFound(f"There is no file '{file_name}' that this study may use.")


def map_name_of(file_name: str, study_name: str) -> str:
    """Return what the map of a file is called: the same whatever its study is called.

    Examples
    --------
    >>> map_name_of("study.HTT.map_B", "HTT"), map_name_of("study.HTT.map.tma 3.map", "HTT")
    ('map_B', 'tma 3.map')
    >>> map_name_of("tma 3.map", "HTT")
    'tma 3.map'
    """
    kind = file_kind(file_name, study=study_name)
    if kind is None or kind.kind != "map":
        return checked_map_name(file_name)
    rest = kind.rest.removeprefix(".")
    return checked_map_name(rest if rest and kind.rest.startswith(".") else f"map{kind.rest}")


def map_file_of(name: str, study_name: str) -> str:
    """Return the name of the file that a map of that name is written to.

    Examples
    --------
    >>> map_file_of("map_B", "HTT"), map_file_of("tma 3.map", "HTT")
    ('study.HTT.map_B', 'study.HTT.map.tma 3.map')
    """
    if name.startswith("map") and not name.startswith("map."):
        return f"study.{study_name}.{name}"
    return f"study.{study_name}.map.{name}"


def checked_map_name(name: str) -> str:
    """Return the name of a map, which is one that a file could have.

    Raises
    ------
    Invalid
        It is not one.
    """
    name = checked_file_name(name.strip())
    if len(name.encode()) > LONGEST_MAP_NAME_BYTES:
        raise Invalid(f"The name of a TMA map may have at most {LONGEST_MAP_NAME_BYTES} bytes.")
    return name


def store_map(
    transaction: Transaction, study: Study, name: str, text: str, layout: TmaLayout
) -> TmaMap:
    """Make a map, or give the one of that name this text; the right has been checked."""
    before = rows.map_by_name(transaction.connection, study.id, name)
    if before is None:
        made = rows.add_map(transaction.connection, study.id, name, text, layout)
        transaction.record("create", "tma-map", made.id, study_id=study.id, after=made)
        return made
    if before.text == text:
        return before
    after = rows.change_map(transaction.connection, before.id, text, layout)
    transaction.record("change", "tma-map", after.id, study_id=study.id, before=before, after=after)
    return after


def _map(transaction: Transaction, map_id: int) -> TmaMap:
    missing = NotFound(f"There is no TMA map {map_id}.")
    found = rows.map_by_id(transaction.connection, map_id) if is_id(map_id) else None
    if found is None:
        raise missing
    try:
        transaction.study(found.study_id, Action.STUDY_VIEW)
    except NotFound:
        raise missing from None
    return found
