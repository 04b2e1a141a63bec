"""Studies: what a lab is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames, pages, scores
from wsi_lab.client.annotations import shapes
from wsi_lab.client.cases import Case, Cases
from wsi_lab.client.connection import Connection, parsed, segment, words
from wsi_lab.client.named import NamedCollection
from wsi_lab.client.people import Member
from wsi_lab.client.questions import Questions
from wsi_lab.client.scores import Answer, Core, ImportReport
from wsi_lab.client.slide import Slide
from wsi_lab.client.slides import Slides
from wsi_lab.client.tma_maps import TmaMaps
from wsi_lab.client.uploads import Progress, Upload

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    name: str
    description: str
    created_on: datetime
    published_on: datetime | None
    revision: int
    slide_count: int
    rights: frozenset[str]
    friendly_name: str = ""
    folder: str = ""
    settings: dict[str, str] = field(default_factory=dict, hash=False)
    answered_on: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Study(_Fields):
    """A set of slides that the same people look at for the same purpose, as it was when read.

    Attributes
    ----------
    created_on, published_on
        In UTC; `published_on` is `None` while the study is being set up.
    slide_count
        How many slides it had when it was read.
    rights
        What you may do in it: `view`, `score`, `results`, `edit`, `admin`, `private`, `api`.
    revision
        Counts the changes.
    friendly_name, folder
        What people are shown instead of the name, and the folder it is listed in.
    settings
        How it is shown and scored, by Slide Score's names.
    answered_on
        When the last answer was given, in UTC.
    """

    connection: Connection = field(repr=False, compare=False)

    def __repr__(self) -> str:
        slides = "1 slide" if self.slide_count == 1 else f"{self.slide_count} slides"
        return f"<Study {self.id} {self.name!r}, {slides}>"

    def _repr_html_(self) -> str:
        return pages.table([_row(self)], title="Study", empty="")

    @property
    def slides(self) -> Slides:
        """Its slides, by name or id."""
        return Slides(self.connection, self.id, self.name)

    @property
    def cases(self) -> Cases:
        """Its cases, by public name or id."""
        return Cases(self.connection, self.id, self.name)

    @property
    def questions(self) -> Questions:
        """Its questions, by name or id."""
        return Questions(self.connection, self.id, self.name)

    def scores(
        self,
        *,
        question: str | None = None,
        reader: str | None = None,
        slide: Slide | int | None = None,
        case: Case | int | None = None,
        mine: bool = False,
    ) -> pd.DataFrame:
        """Return its answers as a tidy table, one row each.

        Columns are case, slide, slide_id, core_row, core_column, core_sample, reader, question,
        kind, answer (text), answered_on (UTC), answer_id, revision. `import_results` takes such a
        table again.

        Parameters
        ----------
        question, reader, slide, case
            Only what has this name, or this id.
        mine
            Only your own answers; those of others need the right `results`.
        """
        return scores.scores(
            self.connection,
            self.id,
            question=question,
            author=reader,
            slide_id=_id(slide),
            case_id=_id(case),
            mine="true" if mine else None,
        )

    def submit(
        self,
        question: str,
        answer: Any,
        *,
        slide: Slide | int | None = None,
        case: Case | int | None = None,
        core: Core | Sequence[Any] | None = None,
        revision: int | None = None,
    ) -> Answer:
        """Answer a question about a slide, a core on it or a case, in your own name.

        Parameters
        ----------
        answer
            Text or a number; shapes as a list of dictionaries, in Slide Score's words.
        core
            ``(row, column)`` or ``(row, column, sample)``, counted from 0.
        revision
            Of the answer this takes the place of; by default it does so whatever it is.

        Raises
        ------
        Conflict
            The answer is not of this revision any more; ``details["current"]`` is.
        Invalid
            It is not an answer that this kind of question can have.
        """
        body = {
            "question": question,
            "answer": scores.answer_text(answer),
            "slide_id": _id(slide),
            "case_id": _id(case),
            "core": scores.core_body(core),
            "revision": revision,
        }
        return scores.submit(self.connection, self.id, body)

    def import_results(self, table: str | pd.DataFrame) -> ImportReport:
        """Bring in answers of others: readers elsewhere, or a model. All of them or none.

        Parameters
        ----------
        table
            A table as `scores` returns it (reader, question, answer, and slide_id or case are
            needed), or the text of Slide Score's table of results, header and all.

        Raises
        ------
        Invalid
            ``problems`` names every line that is wrong; nothing was stored.
        """
        return scores.import_results(self.connection, self.id, table)

    def annotations(
        self,
        *,
        question: str | None = None,
        reader: str | None = None,
        slide: Slide | int | None = None,
    ) -> gpd.GeoDataFrame:
        """Return the shapes on its slides, one row each, indexed by id.

        Geometries are in level-0 pixels, x right and y down (`crs` is `None`); ``attrs["mpp"]``
        holds the micrometres per pixel by slide_id. Columns are slide, slide_id, reader, question,
        shape, core_row, core_column, answer_id, position, changed_on (UTC), geometry.
        """
        found = shapes(
            self.connection, self.id, question=question, author=reader, slide_id=_id(slide)
        )
        there = set(found["slide_id"].dropna())
        found.attrs["mpp"] = {
            each.id: each.mpp for each in self.slides.values() if each.id in there
        }
        return found

    def upload(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        folder: str | None = None,
        add: bool = True,
        progress: Progress | None = None,
    ) -> Slide | None:
        """Send a file of this machine to the lab and add it as a slide.

        What was cut goes on from there when it is called again.

        Parameters
        ----------
        name
            What the file is to be called there; the default is its own name.
        folder
            Below the lab's folder of slides; the default is one named like the study. A
            configuration file (``study.<name>.scores`` and so on) goes into the root.
        add
            Whether a slide is made of it. Of a configuration file there never is.
        progress
            Called with the bytes that have arrived, and all of them.
        """
        path = Path(path).expanduser()
        name = path.name if name is None else name
        is_config = name.startswith(f"study.{self.name}.")
        if folder is None:
            folder = "" if is_config else self.name
        Upload(self.connection, path, name=name, folder=folder, progress=progress).run()
        if is_config or not add:
            return None
        return self.slides.add_uploaded(f"{folder}/{name}" if folder else name)

    @property
    def tma_maps(self) -> TmaMaps:
        """Its maps of tissue microarrays, by name or id."""
        return TmaMaps(self.connection, self.id, self.name)

    def config_files(self) -> dict[str, str]:
        """Return the configuration files that would make this study anew, by their names."""
        answer = self.connection.get(f"v1/studies/{self.id}/config-files")
        return dict(answer["files"])

    def import_config(self, *, ignore_image_errors: bool = False) -> tuple[str, ...]:
        """Set the study up from the configuration files and slides that were uploaded.

        Things are added, never removed. Returns what was done, a sentence each.

        Parameters
        ----------
        ignore_image_errors
            Whether files that are no slides are left out; else nothing is done at all.

        Raises
        ------
        Invalid
            ``problems`` names every line that is wrong; nothing was done.
        """
        body = {"ignore_image_errors": ignore_image_errors}
        return tuple(self.connection.post(f"v1/studies/{self.id}/import", body)["log"])

    @property
    def members(self) -> tuple[Member, ...]:
        """Who may do what in it; for its administrators."""
        answer = self.connection.items(f"v1/studies/{self.id}/members")
        return tuple(parsed(Member, each) for each in answer)

    def set_member(self, email: str, rights: Iterable[str]) -> Member:
        """Give a user exactly these rights in the study."""
        path = f"v1/studies/{self.id}/members/{segment(email)}"
        data = self.connection.json("PUT", path, body={"rights": sorted(words(rights))})
        return parsed(Member, data)

    def remove_member(self, email: str) -> None:
        """Take all rights in the study from a user."""
        self.connection.json("DELETE", f"v1/studies/{self.id}/members/{segment(email)}")

    def change(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        published: bool | None = None,
        friendly_name: str | None = None,
        folder: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Study:
        """Change what is given, let readers in or not, and return the new study.

        `settings` takes the place of all there were.

        Raises
        ------
        Conflict
            Somebody changed it since this object was read, or the name is taken.
        """
        body = {
            "name": name,
            "description": description,
            "published": published,
            "friendly_name": friendly_name,
            "folder": folder,
            "settings": None if settings is None else dict(settings),
        }
        data = self.connection.json(
            "PATCH",
            f"v1/studies/{self.id}",
            body={key: value for key, value in body.items() if value is not None},
            revision=self.revision,
        )
        return _study(self.connection, data)

    def remove(self) -> None:
        """Remove the study. Its slide files stay where they are."""
        self.connection.json("DELETE", f"v1/studies/{self.id}", revision=self.revision)


class Studies(NamedCollection[Study]):
    """The studies of a lab that you may see, by name or id."""

    _what = "study"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Studies of the lab at {self._connection.url}>"

    def _repr_html_(self) -> str:
        return pages.table(
            (_row(each) for each in self._all()),
            title="Studies",
            empty='None yet; lab.studies.create("name") makes one.',
        )

    def create(self, name: str, description: str = "") -> Study:
        """Make a study and return it.

        Raises
        ------
        Conflict
            There is one of that name.
        Invalid
            The name is empty, too long, or holds control characters.
        """
        body = {"name": name, "description": description}
        return _study(self._connection, self._connection.post("v1/studies", body))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study, indexed by id.

        Columns are name, description, created_on and published_on (UTC), slide_count.
        """
        columns = {
            "name": frames.TEXT,
            "description": frames.TEXT,
            "created_on": frames.TIME,
            "published_on": frames.TIME,
            "slide_count": frames.WHOLE,
        }
        return frames.frame(self._all(), columns)

    def _all(self, name: str | None = None) -> Iterator[Study]:
        answer = self._connection.items("v1/studies", name=name)
        return (_study(self._connection, data) for data in answer)

    def _of_id(self, number: int) -> Study:
        return _study(self._connection, self._connection.get(f"v1/studies/{number}"))


def _id(thing: Slide | Case | int | None) -> int | None:
    if thing is None or isinstance(thing, (Slide, Case)):
        return None if thing is None else thing.id
    return int(thing)


def _study(connection: Connection, data: Any) -> Study:
    return Study(connection=connection, **vars(parsed(_Fields, data)))


def _row(study: Study) -> dict[str, Any]:
    return {
        "id": study.id,
        "name": study.name,
        "description": study.description,
        "slides": study.slide_count,
        "created": f"{study.created_on:%Y-%m-%d}",
        "your rights": study.rights,
    }
