"""A slide in a notebook."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterable
from typing import Any

import ipyleaflet
import ipywidgets
import traitlets

from wsi_lab.client import Slide
from wsi_lab.client.connection import segment
from wsi_lab.errors import Invalid, SourceUnavailable, WsiLabError
from wsi_lab.widgets.annotating import id_of_layer, legends, style
from wsi_lab.widgets.companion import Companion
from wsi_lab.widgets.coords import View, least_zoom, map_bounds, to_map
from wsi_lab.widgets.core_boxes import cores_layer

DEEPEST_ZOOM = 3
ZOOMS_BEYOND_ONE_TILE = 4


class SlideViewer(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets ships no types
    """A slide to look at: pan, zoom, scale bar, magnification, overview, full screen.

    Tiles come from the Jupyter server, not from the kernel: a busy kernel does not stop them.
    All places are level-0 pixels, x right, y down. Keys, after a click into the picture: ``+``,
    ``-``, arrows, ``0`` for the whole slide, ``f`` for full screen.

    Parameters
    ----------
    slide
        The slide.
    height
        Of the picture, as CSS, for example ``"520px"``.
    layer
        The layer to draw on from the beginning, as for `draw`.

    Attributes
    ----------
    slide
        The slide that is shown.
    map
        The `ipyleaflet.Map` underneath, for layers of one's own; see `wsi_lab.widgets.coords`.

    Raises
    ------
    SourceUnavailable
        The browser cannot reach the lab that the slide is from.

    Examples
    --------
    >>> viewer = slide.view()  # doctest: +SKIP
    >>> viewer.goto(1200, 800, mpp=0.5)  # doctest: +SKIP
    """

    center: Any = traitlets.Tuple(
        traitlets.Float(),
        traitlets.Float(),
        help="Middle of the view: x, y in level-0 pixels. Set it to go there. Default: the "
        "slide's middle.",
    )
    downsample = traitlets.Float(
        1.0,
        min=0.0,
        help="Level-0 pixels per pixel of the screen. Set it to zoom. Default: the whole slide.",
    )
    mpp = traitlets.Float(
        None,
        allow_none=True,
        help="Micrometres per pixel of the screen; None when the slide's scale is not known. "
        "Set it to zoom.",
    )
    bounds: Any = traitlets.Tuple(
        *(traitlets.Float() for _ in range(4)),
        help="What is in view: x0, y0, x1, y1 in level-0 pixels; follows the browser.",
    )
    cursor: Any = traitlets.Tuple(
        None,
        allow_none=True,
        help="Level-0 pixels x, y under the mouse, or None when it is not on the slide.",
    )
    ready = traitlets.Bool(default_value=False, help="Whether a browser shows it. Default: False.")
    error = traitlets.Unicode(help="The sentence that the picture shows when tiles fail, or ''.")
    saving = traitlets.Unicode(
        help="How it stands with what is drawn: 'saved', 'saving', 'unreachable' (it is tried "
        "again), 'refused', 'signedOut', 'conflict' (somebody else was first), or '' when nothing "
        "is drawn on."
    )
    chosen: Any = traitlets.Tuple(help="Ids of the annotations that are chosen in the picture.")

    def __init__(
        self, slide: Slide, *, height: str = "520px", layer: Any = None, **options: Any
    ) -> None:
        self.slide = slide
        self._cores: Any = None
        grid = slide.grid
        url = _tiles_url(slide)
        version = slide.properties.version
        tiles = ipyleaflet.TileLayer(
            url=f"{url}/tiles/{{z}}/{{x}}/{{y}}.jpg?v={segment(version)}",
            tile_size=grid.tile_size,
            zoom_offset=grid.level_count - 1,
            min_zoom=least_zoom(grid) - ZOOMS_BEYOND_ONE_TILE,
            max_zoom=DEEPEST_ZOOM,
            min_native_zoom=least_zoom(grid),
            max_native_zoom=0,
            bounds=map_bounds(grid),
            no_wrap=True,
            # Leaflet's list of layers, which people add themselves, shows names as HTML.
            name=html.escape(slide.name),
        )
        # At this zoom the map asks for one tile, the overview's, until the script takes over.
        self.map = ipyleaflet.Map(
            basemap=tiles,
            crs=ipyleaflet.projections.Simple,
            center=to_map(grid.width / 2, grid.height / 2),
            zoom=least_zoom(grid),
            min_zoom=least_zoom(grid) - ZOOMS_BEYOND_ONE_TILE,
            max_zoom=DEEPEST_ZOOM,
            zoom_snap=0,
            zoom_control=False,
            attribution_control=False,
            scroll_wheel_zoom=False,
            double_click_zoom=False,
            # JupyterLab keeps drags with Shift to itself, to select cells.
            box_zoom=False,
            keyboard=False,
            layout=ipywidgets.Layout(height=height, width="100%"),
        )
        self._companion = Companion(
            map_id=self.map.model_id,
            slide={
                "name": slide.name,
                "width": grid.width,
                "height": grid.height,
                "tileSize": grid.tile_size,
                "zooms": grid.level_count,
                "mpp": slide.mpp,
                "objective": slide.objective_power,
                "version": version,
                "url": url,
            },
            legends=legends(),
        )
        self.map.add(ipyleaflet.WidgetControl(widget=self._companion, position="bottomright"))
        self._hears_browser = False
        # Beside others in a row each takes its share, with or without them the whole width.
        options.setdefault(
            "layout", ipywidgets.Layout(width="100%", min_width="0", padding="1px 2px")
        )
        super().__init__(children=[self.map], **options)
        middle = View(grid.width / 2, grid.height / 2, 2.0 ** -least_zoom(grid))
        self._show(middle)
        self._companion.observe(self._on_view, "view")
        for name in ("ready", "error"):
            traitlets.dlink((self._companion, name), (self, name))
        traitlets.dlink(
            (self._companion, "cursor"), (self, "cursor"), lambda at: tuple(at) if at else None
        )
        traitlets.dlink((self._companion, "chosen"), (self, "chosen"), tuple)
        traitlets.dlink(
            (self._companion, "saving"), (self, "saving"), lambda state: state.get("kind", "")
        )
        if layer is not None:
            self.draw(layer)

    def goto(
        self, x: float, y: float, *, mpp: float | None = None, downsample: float | None = None
    ) -> None:
        """Bring a point into the middle of the view.

        Before a browser shows the viewer, it is where the view will begin.

        Parameters
        ----------
        x, y
            Level-0 pixels.
        mpp
            Micrometres per pixel of the screen; the default keeps the zoom.
        downsample
            Level-0 pixels per pixel of the screen, instead of `mpp`.

        Raises
        ------
        Invalid
            A number is not finite or not positive, both are given, or `mpp` is given where the
            slide's scale is not known.
        """
        if not (math.isfinite(x) and math.isfinite(y)):
            raise Invalid("A place on a slide is two finite numbers.")
        self._wish(x=float(x), y=float(y), downsample=self._downsample(mpp, downsample))

    def fit(self) -> None:
        """Show the whole slide."""
        self._wish(fit=True)

    def show(
        self,
        layer: Any,
        *,
        by: str = "label",
        colour_map: str = "viridis",
        low: float | None = None,
        high: float | None = None,
        opacity: float = 1.0,
        fill: float | None = None,
        hide: Iterable[str] = (),
        author: str | None = None,
    ) -> None:
        """Show what is on a layer over the slide; once more, to show it otherwise.

        Parameters
        ----------
        layer
            A layer of the study, its name, or its id.
        by
            What gives the colour: ``"label"``, or the name of a property that is a number.
        colour_map
            Of properties and heat maps: viridis, magma, inferno, plasma, cividis, turbo, grey,
            coolwarm.
        low, high
            The values at its ends. Default: the least and the greatest on this slide.
        opacity
            Of the whole layer, from 0 to 1.
        fill
            How strongly the inside of shapes is coloured, from 0 to 1. Default: 0.25.
        hide
            Labels that are not shown; ``""`` stands for shapes without one.
        author
            Only what is by this one.

        Raises
        ------
        Invalid
            The words or numbers mean nothing.
        NotFound
            The slide's study has no such layer.

        Examples
        --------
        >>> viewer.show("nuclei", by="score", colour_map="magma")  # doctest: +SKIP
        """
        wish = style(
            by, colour_map, (low, high), opacity=opacity, fill=fill, hide=hide, author=author
        )
        number = id_of_layer(self.slide, layer)
        others = [each for each in self._companion.shown if each["layer"] != number]
        self._companion.shown = [*others, {"layer": number, **wish}]

    def hide(self, layer: Any) -> None:
        """Show a layer no more, and draw on it no more."""
        number = id_of_layer(self.slide, layer)
        self._companion.shown = [each for each in self._companion.shown if each["layer"] != number]
        if self._companion.drawn.get("layer") == number:
            self._companion.drawn = {}
            self._companion.saving = {}

    def draw(self, layer: Any) -> None:
        """Draw on a layer: tools appear in the picture, and what is drawn saves itself.

        The browser sends each shape to the lab on its own; a kernel that is busy, restarts or
        ends takes nothing with it. Keys after a click into the picture: `m` choose and move, `e`
        edit corners, `.` point, `v` line, `p` polygon, `r` rectangle, `o` ellipse, `d` freehand,
        `b` brush, `x` eraser, `h` cut a hole, `1` to `9` labels, `Delete`, `Ctrl+Z` and
        `Ctrl+Shift+Z`; the space bar held moves the view. Buttons say theirs.

        Parameters
        ----------
        layer
            A layer of the study, its name, or its id.

        Raises
        ------
        NotFound
            The slide's study has no such layer.

        Examples
        --------
        >>> viewer = slide.view(layer="tissue")  # doctest: +SKIP
        """
        self._companion.drawn = {"layer": id_of_layer(self.slide, layer)}

    def show_cores(self, frame: Any = None) -> None:
        """Show where the cores of a tissue microarray lie; once more, to show them otherwise.

        Places where tissue was found have a line, those without a dashed one.

        Parameters
        ----------
        frame
            Rows of `Slide.cores`; by default all of them, as the lab knows them now.

        Raises
        ------
        NotFound
            The slide has no TMA map.

        Examples
        --------
        >>> viewer.show_cores()  # doctest: +SKIP
        """
        layer = cores_layer(self.slide.cores() if frame is None else frame)
        self.hide_cores()
        self.map.add(layer)
        self._cores = layer

    def hide_cores(self) -> None:
        """Show cores no more."""
        if self._cores is not None:
            self.map.remove(self._cores)
            self._cores = None

    def __repr__(self) -> str:
        return f"<SlideViewer of {self.slide.name!r}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        # The picture stands in where nobody runs widgets: exported pages, other viewers.
        bundle = super()._repr_mimebundle_(**kwargs)
        try:
            picture = self.slide.thumbnail()
        except WsiLabError:
            return bundle
        buffer = io.BytesIO()
        picture.save(buffer, format="png")
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["image/png"] = base64.b64encode(buffer.getvalue()).decode("ascii")
        return bundle

    def _downsample(self, mpp: float | None, downsample: float | None) -> float | None:
        if mpp is not None and downsample is not None:
            raise Invalid("Give mpp or downsample, not both.")
        if mpp is not None:
            if self.slide.mpp is None:
                raise Invalid(
                    "The scale of this slide is not known, so mpp cannot be used; "
                    "give downsample, or set it with slide.change(mpp=…)."
                )
            downsample = mpp / self.slide.mpp
        if downsample is not None and not 0 < downsample < float("inf"):
            raise Invalid("The scale of a view is a positive number.")
        return downsample

    def _wish(self, **goal: Any) -> None:
        turn = self._companion.goal.get("turn", 0) + 1
        self._companion.goal = goal | {"turn": turn}
        if not self.ready and "x" in goal:
            shown = goal["downsample"] or self.downsample
            self._show(View(goal["x"], goal["y"], shown))

    def _on_view(self, change: Any) -> None:
        view = dict(change["new"])
        view.pop("turn", None)
        self._show(View(**view))

    def _show(self, view: View) -> None:
        self._hears_browser = True
        try:
            with self.hold_trait_notifications():
                self.center = (float(view.x), float(view.y))
                self.downsample = float(view.downsample)
                if self.slide.mpp is not None:
                    self.mpp = view.downsample * self.slide.mpp
                self.bounds = view.bounds
        finally:
            self._hears_browser = False

    @traitlets.observe("center")
    def _center_wanted(self, change: Any) -> None:
        if not self._hears_browser:
            self.goto(*change["new"])

    @traitlets.observe("downsample")
    def _downsample_wanted(self, change: Any) -> None:
        if not self._hears_browser:
            self.goto(*self.center, downsample=change["new"])

    @traitlets.observe("mpp")
    def _mpp_wanted(self, change: Any) -> None:
        if not self._hears_browser and change["new"] is not None:
            self.goto(*self.center, mpp=change["new"])


def _tiles_url(slide: Slide) -> str:
    base = slide.connection.browser_url
    if base is None:
        raise SourceUnavailable(
            "A viewer shows slides of the Jupyter server that the notebook itself runs on. For "
            "slides of another lab use slide.thumbnail() and slide.region()."
        )
    return f"{base}v1/slides/{slide.id}"
