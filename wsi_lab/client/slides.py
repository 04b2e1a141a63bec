"""The slides of a study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames, pages
from wsi_lab.client.connection import Connection, words
from wsi_lab.client.named import NamedCollection
from wsi_lab.client.slide import Slide, slide_of
from wsi_lab.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd


class Slides(NamedCollection[Slide]):
    """The slides of a study, by name or id."""

    _what = "slide"

    def __init__(self, connection: Connection, study_id: int, study_name: str) -> None:
        self._connection = connection
        self._study_id = study_id
        self._study_name = study_name

    def __repr__(self) -> str:
        return f"<Slides of the study {self._study_name!r}>"

    def _repr_html_(self) -> str:
        return pages.table(
            (_row(each) for each in self._all()),
            title=f"Slides of {self._study_name}",
            empty='None yet; study.slides.add("/path/to/slide.svs") adds one.',
        )

    def add(
        self,
        path: str,
        *,
        name: str | None = None,
        case: str | None = None,
        case_public: str | None = None,
        block: str = "",
        section: str = "",
        number: str = "",
        stain: str = "",
        tags: Iterable[str] = (),
        mpp: float | None = None,
        mpp_x: float | None = None,
        mpp_y: float | None = None,
    ) -> Slide:
        """Add a slide file and return the slide.

        Parameters
        ----------
        path
            Where the file lies on the lab's machine, or its address in a store that the lab may
            read, such as ``"s3://bucket/a.svs"``; it is opened, never copied.
        name
            The default is the file's name without its ending.
        case, case_public
            Private and public name of the case; made if the study has none of that name.
        block, section, number, stain, tags
            Where in the specimen it comes from (`number` counts the slides of a section), how it
            was stained, and free words.
        mpp
            Micrometres per level-0 pixel, when the file does not say or says it wrongly.
        mpp_x, mpp_y
            The same for each direction, where they differ.

        Raises
        ------
        SlideMissing
            There is no such file, or the lab may not open it.
        UnsupportedSlide, DamagedSlide
            It is not a slide that can be read.
        """
        body = {
            "path": str(path),
            "name": name,
            "case": case,
            "case_public": case_public,
            "block": block,
            "section": section,
            "number": number,
            "stain": stain,
            "tags": words(tags),
            "mpp_x": mpp if mpp_x is None else mpp_x,
            "mpp_y": mpp if mpp_y is None else mpp_y,
        }
        given = {key: value for key, value in body.items() if value not in (None, "", [])}
        data = self._connection.post(f"v1/studies/{self._study_id}/slides", given)
        return slide_of(self._connection, data)

    def add_uploaded(self, path: str) -> Slide:
        """Add a file that was sent to the lab's own folder, named from there on, as a slide."""
        data = self._connection.post(f"v1/studies/{self._study_id}/slides", {"uploaded": path})
        return slide_of(self._connection, data)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per slide, indexed by id.

        Columns are name, case, block, section, number, stain, tags, format, width, height (level-0
        pixels), mpp (µm), objective_power, added_on (UTC).
        """
        columns = {
            "name": frames.TEXT,
            "case": frames.TEXT,
            "block": frames.TEXT,
            "section": frames.TEXT,
            "number": frames.TEXT,
            "stain": frames.TEXT,
            "tags": frames.ANY,
            "format": frames.TEXT,
            "width": frames.WHOLE,
            "height": frames.WHOLE,
            "mpp": frames.REAL,
            "objective_power": frames.REAL,
            "added_on": frames.TIME,
        }
        return frames.frame(self._all(), columns)

    def _all(self, name: str | None = None) -> Iterator[Slide]:
        answer = self._connection.items(f"v1/studies/{self._study_id}/slides", name=name)
        return (slide_of(self._connection, data) for data in answer)

    def _of_id(self, number: int) -> Slide:
        found = slide_of(self._connection, self._connection.get(f"v1/slides/{number}"))
        if found.study_id != self._study_id:
            raise NotFound("This slide is in another study.")
        return found


def _row(each: Slide) -> Mapping[str, Any]:
    return {
        "id": each.id,
        "name": each.name,
        "case": each.case,
        "stain": each.stain,
        "size": f"{each.width} x {each.height}",
        "µm/px": each.mpp,
        "objective": each.objective_power,
        "format": each.format,
    }
