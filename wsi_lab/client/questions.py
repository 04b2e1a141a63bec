"""The questions of a study: what its readers are asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames, pages
from wsi_lab.client.connection import Connection, parsed
from wsi_lab.client.named import NamedCollection
from wsi_lab.client.question_lists import questions_of
from wsi_lab.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    study_id: int
    position: int
    name: str
    kind: str
    configuration: str
    options: tuple[str, ...]
    colour: str | None
    revision: int


@dataclass(frozen=True, kw_only=True)
class Question(_Fields):
    """One question of a study, as it was when it was read.

    Attributes
    ----------
    kind
        One of Slide Score's kinds, for example ``"Percentage"`` or ``"AnnoShapes"``.
    configuration
        Options with semicolons between them, or the colour of what is drawn.
    options
        What one may choose from; empty for kinds that are no choice.
    colour
        ``#rrggbb`` of what is drawn; `None` for kinds that are not.
    """

    connection: Connection = field(repr=False, compare=False)

    def change(
        self,
        *,
        name: str | None = None,
        kind: str | None = None,
        configuration: str | None = None,
        position: int | None = None,
    ) -> Question:
        """Change what is given and return the question as it is then.

        Raises
        ------
        Conflict
            Somebody changed it since this object was read, the name is taken, or it has answers
            that the new kind could not have.
        """
        body = {"name": name, "kind": kind, "configuration": configuration, "position": position}
        data = self.connection.json(
            "PATCH",
            f"v1/questions/{self.id}",
            body={key: value for key, value in body.items() if value is not None},
            revision=self.revision,
        )
        return _question(self.connection, data)

    def remove(self) -> None:
        """Ask it no more. Its answers are kept, and shown no more."""
        self.connection.json("DELETE", f"v1/questions/{self.id}", revision=self.revision)


class Questions(NamedCollection[Question]):
    """The questions of a study, by name or id, in the order they are asked."""

    _what = "question"

    def __init__(self, connection: Connection, study_id: int, study_name: str) -> None:
        self._connection = connection
        self._study_id = study_id
        self._study_name = study_name

    def __repr__(self) -> str:
        return f"<Questions of the study {self._study_name!r}>"

    def _repr_html_(self) -> str:
        return pages.table(
            (
                {"id": each.id, "name": each.name, "kind": each.kind, "of": each.configuration}
                for each in self._all()
            ),
            title=f"Questions of {self._study_name}",
            empty='None yet; study.questions.add("Grade", "DropDown", "1;2;3") asks one.',
        )

    def add(
        self,
        name: str,
        kind: str = "FreeText",
        configuration: str = "",
        *,
        position: int | None = None,
    ) -> Question:
        """Ask one more question and return it.

        Parameters
        ----------
        kind
            One of Slide Score's kinds, whatever its case; a wrong one is told which there are.
        configuration
            Options with semicolons between them, or the colour ``#rrggbb`` of what is drawn.
        position
            By which questions are ordered; the default is the end.

        Raises
        ------
        Conflict
            There is one of that name.
        """
        body = {"name": name, "kind": kind, "configuration": configuration, "position": position}
        return _question(
            self._connection,
            self._connection.post(f"v1/studies/{self._study_id}/questions", body),
        )

    def ask_all(self, questions: Any) -> tuple[Question, ...]:
        """Ask all of these in this order, and return every question of the study then.

        Questions are known by their names: those that are there are changed where they differ,
        and those that are not named follow the others. None is removed. All is done, or nothing.

        Parameters
        ----------
        questions
            Made by `wsi_lab.client.question_kinds`, those of another study, or the path or the
            text of a Slide Score ``.scores`` file.

        Raises
        ------
        Invalid
            Some are wrong, or have answers that the new kind could not have; ``problems`` names
            each.
        """
        body = {"questions": questions_of(questions)}
        path = f"v1/studies/{self._study_id}/questions"
        answer = self._connection.json("PUT", path, body=body)
        return tuple(_question(self._connection, each) for each in answer["questions"])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per question, indexed by id: position, name, kind, configuration."""
        columns = {
            "position": frames.WHOLE,
            "name": frames.TEXT,
            "kind": frames.TEXT,
            "configuration": frames.TEXT,
        }
        return frames.frame(self._all(), columns)

    def _all(self, name: str | None = None) -> Iterator[Question]:
        every = sorted(
            (
                _question(self._connection, data)
                for data in self._connection.items(f"v1/studies/{self._study_id}/questions")
            ),
            key=lambda each: (each.position, each.id),
        )
        return (each for each in every if name is None or each.name == name)

    def _of_id(self, number: int) -> Question:
        found = _question(self._connection, self._connection.get(f"v1/questions/{number}"))
        if found.study_id != self._study_id:
            raise NotFound("This question is in another study.")
        return found


def _question(connection: Connection, data: Any) -> Question:
    return Question(connection=connection, **vars(parsed(_Fields, data)))
