"""A study: its slides and cases, what its readers are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.client import pages
from wsi_lab.client.annotations import shapes_of_study
from wsi_lab.client.archives import export_study
from wsi_lab.client.cases import Cases
from wsi_lab.client.connection import Connection, parsed, segment, words
from wsi_lab.client.imports import AnnotationReport, import_file, options_text
from wsi_lab.client.layer_ids import layer_id_of, slide_id_of
from wsi_lab.client.layers import Layer, Layers
from wsi_lab.client.people import Member
from wsi_lab.client.progress import Bar, ShowProgress
from wsi_lab.client.questions import Questions
from wsi_lab.client.reading import StudyReadings
from wsi_lab.client.shape_tables import LabelChoice, Where
from wsi_lab.client.slide import Slide
from wsi_lab.client.slides import Slides
from wsi_lab.client.study_fields import StudyFields, row_of
from wsi_lab.client.study_overview import StudyOverview
from wsi_lab.client.tma_maps import TmaMaps
from wsi_lab.client.uploads import Progress, send_file
from wsi_lab.errors import WsiLabError
from wsi_lab.model.study_settings import blinding_of, settings_of_words

if TYPE_CHECKING:
    import geopandas as gpd


@dataclass(frozen=True, kw_only=True)
class Study(StudyOverview, StudyReadings):
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

    def __repr__(self) -> str:
        slides = "1 slide" if self.slide_count == 1 else f"{self.slide_count} slides"
        return f"<Study {self.id} {self.name!r}, {slides}>"

    def _repr_html_(self) -> str:
        return pages.table([row_of(self)], title="Study", empty="")

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

    @property
    def layers(self) -> Layers:
        """Its layers of annotations, by name or id."""
        return Layers(self.connection, self.id, self.name)

    def score(self, **options: Any) -> Any:
        """Return the scoring app for a notebook: `wsi_lab.widgets.ScoringWidget`.

        Parameters
        ----------
        options
            Handed to it, for example ``height="800px"``, or ``item=12`` to begin there.
        """
        if self.connection.scorer is None:
            raise WsiLabError("This lab was opened without widgets; use wsi_lab.connect().")
        return self.connection.scorer(self, **options)

    def annotations(
        self,
        *,
        question: str | None = None,
        layer: Any = None,
        label: LabelChoice = (),
        within: Any = None,
        centroid: bool = False,
        reader: str | Sequence[str] | None = None,
        slide: Slide | int | str | None = None,
        where: Where = (),
        properties: str | Iterable[str] | None = None,
    ) -> gpd.GeoDataFrame:
        """Return the shapes on its slides, one row each, indexed by id.

        Geometries are in level-0 pixels, x right and y down (`crs` is `None`); ``attrs["mpp"]``
        holds the micrometres per pixel by slide_id. Columns are slide, slide_id, reader, question,
        shape, core_row, core_column, answer_id, position, changed_on (UTC), label, labels (where
        a shape has several), tier (hand or bulk), revision, geometry, and one for each property.
        Shapes that were loaded at once have no answer_id and no position.

        Parameters
        ----------
        question, layer
            Two words for the same: where they were drawn. A layer must be there.
        label, within, centroid, where, properties
            As for `Slide.annotations`.
        reader, slide
            Only by this author, or one of these; only on this slide: itself, its name or its id.
        """
        found = shapes_of_study(
            self.connection,
            self.id,
            question=question,
            layer=layer,
            label=label,
            within=within,
            centroid=centroid,
            reader=reader,
            slide_id=None if slide is None else slide_id_of(self.connection, self.id, slide),
            where=where,
            properties=properties,
        )
        there = set(found["slide_id"].dropna())
        found.attrs["mpp"] = {
            each.id: each.mpp for each in self.slides.values() if each.id in there
        }
        return found

    def import_annotations(
        self,
        path: str | Path,
        *,
        slide: Slide | int | str,
        layer: Layer | int | str,
        format: str | None = None,  # noqa: A002 (the field's own word)
        author: str | None = None,
        dry_run: bool = False,
        bulk: bool | None = None,
        name: str | None = None,
        replace: bool = False,
        progress: ShowProgress = True,
        **options: Any,
    ) -> AnnotationReport:
        """Bring in a file of annotations, and return what came of it; all of it, or nothing.

        A few shapes become ones drawn by hand, which keep the words they came in; many become a
        load. The same file once more changes nothing.

        Parameters
        ----------
        path
            QuPath GeoJSON, GeoJSON, GeoParquet, Slide Score JSON and anno2, ASAP and ImageScope
            XML, PHAS, Cytomine WKT, label masks (PNG, NIfTI), …
        format
            Such as ``"qupath"``; by default the file tells.
        author
            Whose they are; by default yours.
        dry_run
            Only report; nothing is stored.
        bulk
            Whether they are loaded at once, or drawn by hand; by default as many as they are.
        name, replace
            What to call the load (by default the file's name), and whether it takes the place of
            one of that name.
        **options
            Of the format: what the file does not say, such as ``downsample=4`` of a mask.

        Raises
        ------
        Invalid
            The file is of no known format, or broken; nothing was stored.
        """
        with Bar(progress, Path(path).name) as bar:
            return import_file(
                self.connection,
                layer_id_of(self.connection, self.id, layer),
                path,
                bar=bar,
                slide_id=slide_id_of(self.connection, self.id, slide),
                format=format,
                author=author,
                dry_run="true" if dry_run else None,
                as_bulk=None if bulk is None else str(bulk).lower(),
                replace="true" if replace else None,
                options=options_text(options),
                **({} if name is None else {"name": name}),
            )

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
        sent = send_file(
            self.connection, self.name, path, name=name, folder=folder, progress=progress
        )
        if sent.is_config or not add:
            return None
        return self.slides.add_uploaded(sent.path)

    @property
    def tma_maps(self) -> TmaMaps:
        """Its maps of tissue microarrays, by name or id."""
        return TmaMaps(self.connection, self.id, self.name)

    def export(
        self, path: str | Path, *, with_slides: bool = False, progress: ShowProgress = True
    ) -> tuple[str, ...]:
        """Write the whole study into one ZIP file, and return what is missing in it, in sentences.

        Needs the rights `edit` and `results`. Private names are part of it if you may see them;
        `Lab.load_study` makes an equal study of it.

        Parameters
        ----------
        with_slides
            Whether slide files are part of it; else they are linked by their names again.
        """
        return export_study(
            self.connection, self.id, path, with_slides=with_slides, progress=progress
        )

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
        return study_of(self.connection, data)

    def publish(self) -> Study:
        """Let readers in, whatever else was changed meanwhile, and return the study then."""
        return self._with_published(published=True)

    def unpublish(self) -> Study:
        """Keep readers out again, and return the study as it is then."""
        return self._with_published(published=False)

    @property
    def blinding(self) -> dict[str, bool]:
        """What is to be kept from readers: `hide_names`, `hide_other_scores`, `shuffle`."""
        return blinding_of(self.settings)

    def blind(
        self,
        *,
        hide_names: bool | None = None,
        hide_other_scores: bool | None = None,
        shuffle: bool | None = None,
        seed: int | None = None,
    ) -> Study:
        """Say what is to be kept from readers, and return the study as it is then.

        With `hide_names` or `shuffle` the study is blind: to readers, who hold none of the rights
        `edit`, `admin` and `private`, it is closed but for its reading page.

        Parameters
        ----------
        hide_names
            Of cases and slides; readers get numbers.
        hide_other_scores
            What other readers have answered or drawn. The right `results` shows it all the same
            in a study that is not blind.
        shuffle
            Whether each reader gets the cases in an order of their own.
        seed
            Of those orders; drawn once and kept when none is named.

        Raises
        ------
        Conflict
            Somebody changed the study since this object was read.
        """
        words = {
            "hide_names": hide_names,
            "hide_other_scores": hide_other_scores,
            "shuffle": shuffle,
            "seed": seed,
        }
        return self.change(settings={**self.settings, **settings_of_words(words)})

    def remove(self) -> None:
        """Remove the study. Its slide files stay where they are."""
        self.connection.json("DELETE", f"v1/studies/{self.id}", revision=self.revision)

    def _with_published(self, *, published: bool) -> Study:
        path = f"v1/studies/{self.id}/publication"
        data = self.connection.json("PUT", path, body={"published": published})
        return study_of(self.connection, data)


def study_of(connection: Connection, data: Any) -> Study:
    """Return the study of an answer."""
    return Study(connection=connection, **vars(parsed(StudyFields, data)))
