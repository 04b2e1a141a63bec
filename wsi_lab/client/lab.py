"""A lab, as seen from Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.client.archives import load_study
from wsi_lab.client.connection import API, Connection, parsed
from wsi_lab.client.people import Tokens, User, Users
from wsi_lab.client.progress import ShowProgress
from wsi_lab.client.question_kinds import AskedQuestion
from wsi_lab.client.questions import Question, Questions
from wsi_lab.client.studies import Studies, Study
from wsi_lab.client.study import study_of
from wsi_lab.client.study_setup import create_study
from wsi_lab.errors import WsiLabError

if TYPE_CHECKING:
    import pandas as pd


class Lab:
    """The studies, users and tokens of one lab.

    Examples
    --------
    >>> lab = wsi_lab.connect()  # doctest: +SKIP
    >>> slide = lab.studies["demo"].slides["CMU-1-Small-Region"]  # doctest: +SKIP
    >>> slide.region((1000, 1000), (256, 256)).shape  # doctest: +SKIP
    (256, 256, 3)
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Lab at {self.url}>"

    def _repr_html_(self) -> str:
        return self.studies._repr_html_()

    @property
    def url(self) -> str:
        """Where the lab is."""
        return self._connection.url

    @property
    def studies(self) -> Studies:
        """The studies you may see, by name or id."""
        return Studies(self._connection)

    def create_study(
        self,
        name: str,
        *,
        slides: str | Path | Iterable[str | Path] | pd.DataFrame | None = None,
        cases: Mapping[str, str] | Iterable[str] | pd.DataFrame | None = None,
        questions: str | Path | Iterable[AskedQuestion | Question] | Questions | None = None,
        readers: str | Iterable[str] = (),
        rights: str | Iterable[str] = ("view", "score"),
        settings: Mapping[str, Any] | None = None,
        publish: bool = False,
        description: str = "",
    ) -> Study:
        """Make a whole reader study and return it; all of it, or nothing.

        Parameters
        ----------
        slides
            A folder of this machine, which the lab can read, too; a list of files or addresses;
            or a table (a DataFrame or a CSV file) with the columns path, name, case, case_public,
            block, section, slide, stain, tags, mpp, of which only path is needed.
        cases
            Names of cases that are there before the slides, from private to public ones if it
            is a mapping, or a table with the columns case and case_public.
        questions
            Made by `wsi_lab.client.question_kinds`, such as ``[Percentage("TIL %")]``; the
            questions of another study; or the path or the text of a Slide Score ``.scores`` file.
        readers
            E-mail addresses. Those whom the lab does not know yet become its users.
        rights
            What readers may do.
        settings
            ``hide_names``, ``hide_other_scores`` and ``shuffle`` with `True` or `False`, ``seed``
            (see `Study.blind`), ``score_cases`` (questions are about cases, not slides),
            ``time_cases`` (how long readers look is kept), and Slide Score's settings by their
            names, such as ``stainings=["HE", "CD3"]``.
        publish
            Whether readers are let in at once.

        Raises
        ------
        Invalid
            Something is wrong, or slides cannot be shown; ``problems`` names each. Nothing was
            made.
        Conflict
            There is a study of that name.
        NotAllowed
            You may not make studies here, or not all of this.

        Examples
        --------
        >>> from wsi_lab.client.question_kinds import Choice, PercentageOnly
        >>> study = lab.create_study(  # doctest: +SKIP
        ...     "TIL pilot",
        ...     slides="slides/",
        ...     questions=[PercentageOnly("TIL %"), Choice("Grade", ["1", "2", "3"])],
        ...     readers=["anna@lab", "ben@lab"],
        ...     settings={"hide_names": True, "shuffle": True},
        ... )
        """
        return create_study(
            self._connection,
            name,
            slides=slides,
            cases=cases,
            questions=questions,
            readers=readers,
            rights=rights,
            settings=settings,
            publish=publish,
            description=description,
        )

    def load_study(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        slides: str | Path | None = None,
        progress: ShowProgress = True,
    ) -> Study:
        """Make the study of a ZIP file that `Study.export` wrote, or nothing, and return it.

        Parameters
        ----------
        name
            Of the study; by default what it was called.
        slides
            A folder of the lab's machine where slide files lie that are not part of the file, by
            their names; by default they are looked for where they lay.

        Raises
        ------
        Invalid
            It is no such file, or slides are missing; ``problems`` names each.
        Conflict
            There is a study of that name.
        """
        data = load_study(self._connection, path, name=name, slides=slides, progress=progress)
        return study_of(self._connection, data)

    @property
    def users(self) -> Users:
        """Everybody known to the lab; for its administrators."""
        return Users(self._connection)

    @property
    def tokens(self) -> Tokens:
        """Your own bearer tokens."""
        return Tokens(self._connection)

    @property
    def me(self) -> User:
        """Who the lab takes you for."""
        return parsed(User, _part(self._connection.get("v1/me"), "user"))

    @property
    def version(self) -> str:
        """The version of wsi-lab that runs there."""
        return str(_part(self._connection.get("v1/"), "version"))

    def check(self) -> None:
        """Return if the lab answers, speaks this client's API, and knows who you are.

        Raises
        ------
        WsiLabError
            It speaks another version of the API, or is no lab.
        SourceUnavailable
            Nothing answers.
        NotIdentified
            There is no token, or it is no longer good.
        """
        api = _part(self._connection.get("v1/"), "api")
        if api != API:
            raise WsiLabError(
                f"This lab speaks version {api} of the API and this client version {API}; "
                "install the same version of wsi-lab on both sides."
            )
        self._connection.get("v1/me")

    def close(self) -> None:
        """Close the connections that are kept open between requests."""
        self._connection.close()


def _part(answer: Any, key: str) -> Any:
    if not isinstance(answer, dict) or key not in answer:
        raise WsiLabError("What answers at this address is not a lab of this version.")
    return answer[key]
