"""Loads of a layer: what models said at once, and grids of values."""

from __future__ import annotations

import io
from tokenize import TokenError
from typing import TYPE_CHECKING

from msgspec import Struct
from tornado import web

from wsi_lab.errors import Invalid
from wsi_lab.model.feature import Grid
from wsi_lab.model.layer import Load
from wsi_lab.model.people import Actor
from wsi_lab.server.annotating import forms as shape_forms
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.failures import BodyUnsupported
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.receiving import Receiver
from wsi_lab.service.lab import Lab

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_GRID = 260 << 20
"""Bytes of a request: 64 million cells of four bytes."""
NPY = "application/x-npy"


class LoadsQuery(Struct):
    """Which loads of a layer."""

    slide_id: forms.Id | None = None


class GridQuery(Struct, kw_only=True):
    """Where a grid lies, in level-0 pixels, and what it is called."""

    slide_id: forms.Id
    name: forms.Name
    left: forms.Pixel
    top: forms.Pixel
    right: forms.Pixel
    bottom: forms.Pixel
    author: forms.Email | None = None
    replace: bool = False


class LoadsHandler(JsonHandler):
    """The loads of a layer."""

    async def get(self, layer_id: str) -> None:
        """Return those that the asker may see, the oldest first."""
        number, query = whole_id(layer_id, "layer"), self.query(LoadsQuery)
        found = await self.ask(self.lab.loads.list, self.actor, number, query.slide_id)
        self.send(forms.listed(map(load_json, found)))


class LoadHandler(JsonHandler):
    """One load."""

    async def get(self, load_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        load = await self.ask(self.lab.loads.get, self.actor, whole_id(load_id, "load"))
        self.send(load_json(load))

    async def delete(self, load_id: str) -> None:
        """Remove it for good."""
        self.query(forms.NoQuery)
        number = whole_id(load_id, "load")
        await self.wait_in(self.site.transfers, self.lab.loads.remove, self.actor, number)
        self.send_nothing()


@web.stream_request_body
class GridsHandler(Receiver, JsonHandler):
    """The grids of values on a layer."""

    async def post(self, layer_id: str) -> None:
        """Take one, as an array of NumPy (.npy) of rows and columns."""
        values = await self.received(_array)
        number, query = whole_id(layer_id, "layer"), self.query(GridQuery)
        if self.request.headers.get("Content-Type", NPY).partition(";")[0].strip() != NPY:
            raise BodyUnsupported(f"The body of this request must be an array ({NPY}).")
        load = await self.wait_in(
            self.site.transfers, _add_grid, self.lab, self.actor, number, query, values
        )
        self.send(load_json(load), status=201, location=f"v1/loads/{load.id}")


def load_json(one: Load) -> forms.Json:
    """Return a load."""
    return {
        "id": one.id,
        "layer_id": one.layer_id,
        "slide_id": one.slide_id,
        "author": one.author,
        "name": one.name,
        "kind": one.kind,
        "count": one.count,
        "first_id": one.first_id,
        "box": one.box,
        "precision": one.precision,
        "counts": [shape_forms.label_count(each) for each in one.counts],
        "properties": list(one.properties),
        "ranges": {name: list(ends) for name, ends in one.ranges.items()},
        "loaded_on": one.loaded_on,
        "revision": one.revision,
    }


def _array(body: bytes) -> NDArray[np.float32]:
    import numpy as np  # noqa: PLC0415 (only for those who send grids)
    from numpy.lib import format as npy  # noqa: PLC0415 (as above)

    file = io.BytesIO(body)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        # What it says of itself is looked at before anything is made of that size.
        shape, is_by_columns, dtype = readers[npy.read_magic(file)](file)
    except (ValueError, KeyError, TypeError, MemoryError, RecursionError, TokenError) as error:
        raise Invalid("The body of this request is no array of NumPy (.npy).") from error
    if dtype.kind not in "fiub" or len(shape) != 2:
        raise Invalid("A grid is an array of numbers with rows and columns.")
    count = shape[0] * shape[1]
    if min(shape) < 0 or len(body) - file.tell() != count * dtype.itemsize:
        raise Invalid("The body of this request is no array of NumPy (.npy), or it is cut.")
    values = np.frombuffer(body, dtype, count, file.tell())
    values = values.reshape(shape, order="F" if is_by_columns else "C")
    with np.errstate(over="ignore", invalid="ignore"):
        # What float32 has no word for becomes infinite, which `load_grid` looks at.
        return values.astype(np.float32, order="C")


def _add_grid(
    lab: Lab, actor: Actor, layer_id: int, query: GridQuery, values: NDArray[np.float32]
) -> Load:
    box = (query.left, query.top, query.right, query.bottom)
    grid = Grid(query.name, values, box)
    return lab.loads.load_grid(
        actor, layer_id, query.slide_id, grid, author=query.author, replace=query.replace
    )
