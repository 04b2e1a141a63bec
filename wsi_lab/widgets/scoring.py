"""The scoring app in a notebook: the same as on the readers' page."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from wsi_lab.errors import SourceUnavailable
from wsi_lab.front import joined
from wsi_lab.front.reading_scripts import READING_PARTS, READING_SHEETS

if TYPE_CHECKING:
    from wsi_lab.client.study import Study

_SCORING = files("wsi_lab.widgets") / "front" / "scoring.mjs"


@cache
def _script() -> str:
    return joined((*READING_PARTS, _SCORING))


@cache
def _style() -> str:
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in READING_SHEETS)


class ScoringWidget(anywidget.AnyWidget):
    """A study to be scored: its slides, its questions, and how far one is.

    The browser asks the lab itself and sends it each answer as it is given. A kernel that is
    busy, restarts or ends takes nothing with it. Press ``?`` in it for its keys.

    Parameters
    ----------
    study
        The study; one reads it as oneself.
    height
        Of the whole, as CSS, for example ``"720px"``.

    Raises
    ------
    SourceUnavailable
        The browser cannot reach the lab that the study is from.

    Examples
    --------
    >>> scoring = study.score()  # doctest: +SKIP
    >>> scoring.answered, scoring.needed  # doctest: +SKIP
    (37, 600)
    >>> scoring.item = 12  # doctest: +SKIP
    """

    _esm = _script()
    _css = _style()

    study_id = traitlets.Int(help="The study that is scored.").tag(sync=True)
    base_url = traitlets.Unicode(help="Where the browser finds the lab.").tag(sync=True)
    height = traitlets.Unicode("720px", help="Of the whole, as CSS. Default: 720px.").tag(sync=True)
    item = traitlets.Int(
        0, min=0, help="Number of the item that is shown, from 1. Set it to go there. Default: 0."
    ).tag(sync=True)
    answered = traitlets.Int(0, help="Answers that were given, of those needed.").tag(sync=True)
    needed = traitlets.Int(0, help="Answers that the study needs.").tag(sync=True)
    saving = traitlets.Unicode(
        help="How it stands with what was answered: 'saved', 'saving', 'draft' (typed and not "
        "given), 'unreachable' (it is tried again), 'refused', 'signedOut', 'conflict' (changed "
        "in another window), or '' before it is shown."
    ).tag(sync=True)
    ready = traitlets.Bool(default_value=False, help="Whether a browser shows it.").tag(sync=True)
    error = traitlets.Unicode(help="The sentence that it shows instead of a slide, or ''.").tag(
        sync=True
    )

    def __init__(self, study: Study, *, height: str = "720px", **options: Any) -> None:
        base = study.connection.browser_url
        if base is None:
            raise SourceUnavailable(
                "The scoring app shows studies of the Jupyter server that the notebook itself runs "
                "on. Readers elsewhere open the study's own page: study.invite(email) makes a link."
            )
        self.study = study
        super().__init__(study_id=study.id, base_url=base, height=height, **options)

    def __repr__(self) -> str:
        return f"<ScoringWidget of {self.study.name!r}>"
