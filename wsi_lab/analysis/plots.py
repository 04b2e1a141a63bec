"""Plots of agreement, in colours that everybody can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wsi_lab.analysis.pairs import BlandAltman

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's blue and vermilion; viridis for what is measured.
BLUE, VERMILION, MAP = "#0072B2", "#D55E00", "viridis"


def matrix(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str = "",
    highest: float = 1.0,
    digits: int = 2,
) -> Axes:
    """Draw a matrix of readers, such as `wsi_lab.analysis.pairs.pairwise` gives, with its numbers.

    Parameters
    ----------
    highest
        What the brightest colour means: 1 for agreement.
    digits
        After the point.

    Examples
    --------
    >>> axes = matrix(pd.DataFrame([[1, 0.5], [0.5, 1]], index=["a", "b"], columns=["a", "b"]))
    >>> [text.get_text() for text in axes.texts]
    ['1.00', '0.50', '0.50', '1.00']
    """
    axes: Axes = _axes(ax)
    values = table.to_numpy(np.float64)
    lowest = min(0.0, float(np.nanmin(values)))
    axes.imshow(values, cmap=MAP, vmin=lowest, vmax=highest)
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        # Light figures on dark fields, dark ones on light.
        is_light = value > lowest + 0.6 * (highest - lowest)
        text = "–" if np.isnan(value) else f"{value:.{digits}f}"
        colour = "black" if is_light or np.isnan(value) else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    axes.set_xticks(range(len(table.columns)), table.columns.astype(str), rotation=45, ha="right")
    axes.set_yticks(range(len(table.index)), table.index.astype(str))
    axes.set_title(title)
    return axes


def bland_altman(
    found: BlandAltman, *, ax: Axes | None = None, unit: str = "", title: str = ""
) -> Axes:
    """Draw differences against means, with the bias and the limits of agreement."""
    axes: Axes = _axes(ax)
    axes.scatter(found.table["mean"], found.table["difference"], s=14, color=BLUE, alpha=0.5)
    axes.axhspan(found.bias_low, found.bias_high, color=VERMILION, alpha=0.15, linewidth=0)
    for value, style in ((found.upper, "--"), (found.bias, "-"), (found.lower, "--")):
        axes.axhline(value, color=VERMILION, linestyle=style)
        # Beside the picture, where no point lies under it.
        axes.annotate(
            f"{value:.1f}".replace("-", "−"),
            (1.01, value),
            xycoords=("axes fraction", "data"),
            va="center",
            color=VERMILION,
        )
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"mean of both{suffix}")
    axes.set_ylabel(f"difference{suffix}")
    axes.set_title(title)
    return axes


def spread(
    table: pd.DataFrame,
    *,
    edges: Sequence[float] = (),
    ax: Axes | None = None,
    unit: str = "",
    title: str = "",
) -> Axes:
    """Draw the variance of readers against their mean, a point for each unit.

    Parameters
    ----------
    table
        As `wsi_lab.analysis.differences.spread` gives it.
    edges
        Levels of the mean that matter, drawn as lines; how many units lie between is told.
    """
    axes: Axes = _axes(ax)
    means = table["mean"].to_numpy(np.float64)
    axes.scatter(means, table["variance"], s=14, color=BLUE, alpha=0.4)
    axes.margins(y=0.12)
    bounds = [-np.inf, *edges, np.inf]
    low, high = axes.get_xlim()
    for left, right in pairwise(bounds):
        count = int(((means > left) & (means <= right)).sum())
        middle = (max(left, low) + min(right, high)) / 2
        axes.annotate(
            f"n = {count}",
            (middle, 1.0),
            xytext=(0, -4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="top",
        )
    for edge in edges:
        axes.axvline(edge, color=VERMILION, linestyle="--", linewidth=1)
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"mean of the readers{suffix}")
    axes.set_ylabel(f"variance of the readers{f' ({unit}²)' if unit else ''}")
    axes.set_title(title)
    return axes


def forest(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str = "",
    label: str = "estimate with its confidence interval",
) -> Axes:
    """Draw estimates with their intervals, as `wsi_lab.analysis.tables` gives them.

    Parameters
    ----------
    label
        Of the axis.
    """
    axes: Axes = _axes(ax)
    places = np.arange(len(table))[::-1]
    estimates = table["estimate"].to_numpy(np.float64)
    low, high = (table[name].to_numpy(np.float64) for name in ("low", "high"))
    axes.errorbar(
        estimates,
        places,
        xerr=np.nan_to_num(np.abs(np.stack([estimates - low, high - estimates]))),
        fmt="o",
        color=BLUE,
        capsize=3,
    )
    axes.set_yticks(places, table.index.astype(str))
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_xlabel(label)
    axes.set_title(title)
    return axes


def _axes(ax: Axes | None) -> Any:
    if ax is not None:
        return ax
    # A figure of its own, which no window keeps alive.
    from matplotlib.figure import Figure  # noqa: PLC0415 (a second to import)

    return Figure(layout="constrained").add_subplot()
