"""Where cores lie on their slides: rows <-> model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsi_lab.model.tma import CoreBox, CoreFit
from wsi_lab.store.columns import time_of, time_text
from wsi_lab.store.connection import Connection


def fit_of(connection: Connection, slide_id: int) -> CoreFit | None:
    """Return what is known of a slide's boxes as a whole; `None` if it has none."""
    row = connection.execute("SELECT * FROM tma_fits WHERE slide_id = ?", (slide_id,)).fetchone()
    if row is None:
        return None
    return CoreFit(
        revision=row["revision"],
        changed_on=time_of(row["changed_on"]),
        changed_by=row["changed_by"],
        confidence=row["confidence"],
        residual=row["residual"],
        angle=row["angle"],
    )


def boxes(connection: Connection, slide_id: int) -> Mapping[tuple[int, int], CoreBox]:
    """Return the boxes of a slide, row by row, by row and column."""
    return {
        (row, column): CoreBox(
            row, column, (x, y, width, height), None if is_found is None else bool(is_found)
        )
        for row, column, x, y, width, height, is_found in connection.execute(
            "SELECT core_row, core_column, x, y, width, height, is_found FROM tma_boxes "
            "WHERE slide_id = ? ORDER BY core_row, core_column",
            (slide_id,),
        )
    }


def put_fit(connection: Connection, slide_id: int, fit: CoreFit) -> None:
    """Store what is known of a slide's boxes as a whole; the boxes stay as they are."""
    connection.execute(
        "INSERT INTO tma_fits (slide_id, confidence, residual, angle, changed_on, changed_by, "
        "revision) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slide_id) DO UPDATE SET "
        "confidence = excluded.confidence, residual = excluded.residual, angle = excluded.angle, "
        "changed_on = excluded.changed_on, changed_by = excluded.changed_by, "
        "revision = excluded.revision",
        (
            slide_id,
            fit.confidence,
            fit.residual,
            fit.angle,
            time_text(fit.changed_on),
            fit.changed_by,
            fit.revision,
        ),
    )


def put_boxes(connection: Connection, slide_id: int, given: Iterable[CoreBox]) -> None:
    """Store boxes of a slide that has a fit; those of other places stay as they are."""
    connection.executemany(
        "INSERT OR REPLACE INTO tma_boxes (slide_id, core_row, core_column, x, y, width, height, "
        "is_found) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                slide_id,
                each.row,
                each.column,
                *(float(side) for side in each.box),
                None if each.is_found is None else int(each.is_found),
            )
            for each in given
        ],
    )


def remove_boxes(connection: Connection, slide_id: int) -> None:
    """Forget the boxes of a slide, and stay with what is known of them as a whole."""
    connection.execute("DELETE FROM tma_boxes WHERE slide_id = ?", (slide_id,))


def remove_fit(connection: Connection, slide_id: int) -> None:
    """Forget where the cores of a slide lie."""
    connection.execute("DELETE FROM tma_fits WHERE slide_id = ?", (slide_id,))
