"""Plots of agreement, in colours that everybody can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wsi_lab.analysis.pairs import BlandAltman

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's blue and vermilion; viridis for what is measured.
BLUE, VERMILION, MAP = "#0072B2", "#D55E00", "viridis"


def matrix(table: pd.DataFrame, *, ax: Axes | None = None, title: str = "") -> Axes:
    """Draw a matrix of readers, such as `wsi_lab.analysis.pairs.pairwise` gives, with its numbers.

    Examples
    --------
    >>> axes = matrix(pd.DataFrame([[1, 0.5], [0.5, 1]], index=["a", "b"], columns=["a", "b"]))
    >>> [text.get_text() for text in axes.texts]
    ['1.00', '0.50', '0.50', '1.00']
    """
    axes: Axes = _axes(ax)
    values = table.to_numpy(np.float64)
    axes.imshow(values, cmap=MAP, vmin=min(0.0, float(np.nanmin(values))), vmax=1)
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        # Light figures on dark fields, dark ones on light.
        colour = "black" if value > 0.6 else "white"
        text = "–" if np.isnan(value) else f"{value:.2f}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(table.columns)), table.columns.astype(str), rotation=45, ha="right")
    axes.set_yticks(range(len(table.index)), table.index.astype(str))
    axes.set_title(title)
    return axes


def bland_altman(found: BlandAltman, *, ax: Axes | None = None, unit: str = "") -> Axes:
    """Draw differences against means, with the bias and the limits of agreement."""
    axes: Axes = _axes(ax)
    axes.scatter(found.table["mean"], found.table["difference"], s=14, color=BLUE, alpha=0.6)
    axes.axhline(found.bias, color=VERMILION)
    for limit in (found.lower, found.upper):
        axes.axhline(limit, color=VERMILION, linestyle="--")
    axes.axhspan(found.bias_low, found.bias_high, color=VERMILION, alpha=0.15)
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"mean of both{suffix}")
    axes.set_ylabel(f"difference{suffix}")
    return axes


def forest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw estimates with their intervals, as `wsi_lab.analysis.tables` gives them."""
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
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_xlabel("estimate with its confidence interval")
    return axes


def _axes(ax: Axes | None) -> Any:
    if ax is not None:
        return ax
    # A figure of its own, which no window keeps alive.
    from matplotlib.figure import Figure  # noqa: PLC0415 (a second to import)

    return Figure(layout="constrained").add_subplot()
