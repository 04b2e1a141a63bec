"""Colours of labels and of values."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid

PALETTE: tuple[str, ...] = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#332288",
    "#44aa99", "#882255", "#999933", "#88ccee", "#aa4499", "#117733", "#ddcc77", "#cc6677",
)  # fmt: skip
"""Colours of labels that have none of their own.

Okabe and Ito's, then Tol's: told apart by most people who do not see all colours.
"""

# Every fifth colour of the published tables: of all that lie between, none is off by more than 4.
_STOPS = {
    "viridis": """
        440154 46085c 471063 481769 481d6f 482475 472a7a 46307e 453781 433d84 414287 3f4889 3d4e8a
        3a538b 38598c 355e8d 33638d 31688e 2e6d8e 2c718e 2a768e 297b8e 27808e 25848e 23898e 218e8d
        20928c 1f978b 1e9c89 1fa188 21a585 24aa83 28ae80 2eb37c 35b779 3dbc74 46c06f 50c46a 5ac864
        65cb5e 70cf57 7cd250 89d548 95d840 a2da37 b0dd2f bddf26 cae11f d8e219 e5e419 f1e51d fde725
    """,
    "magma": """
        000004 02020b 050416 090720 0e0b2b 140e36 1a1042 21114e 29115a 311165 390f6e 420f75 4a1079
        52137c 5a167e 621980 6a1c81 721f81 792282 812581 892881 912b81 992d80 a1307e aa337d b2357b
        ba3878 c23b75 ca3e72 d2426f d9466b e04c67 e75263 ec5860 f1605d f4695c f7725c f97b5d fb8560
        fc8e64 fd9869 fea16e feaa74 feb47b febd82 fec68a fecf92 fed89a fde2a3 fdebac fcf4b6 fcfdbf
    """,
    "inferno": """
        000004 02020c 050417 0a0722 10092d 160b39 1e0c45 260c51 2f0a5b 380962 400a67 490b6a 510e6c
        59106e 61136e 69166e 71196e 781c6d 801f6c 88226a 902568 982766 a02a63 a82e5f b0315b b73557
        bf3952 c63d4d cc4248 d34743 d94d3d df5337 e45a31 e9612b ed6925 f1711f f47918 f78212 f98b0b
        fa9407 fb9d07 fca60c fcb014 fbba1f fac42a f8cd37 f6d746 f4e156 f2ea69 f2f27d f5f992 fcffa4
    """,
    "plasma": """
        0d0887 1b068d 260591 2f0596 38049a 41049d 4903a0 5102a3 5901a5 6100a7 6900a8 7100a8 7801a8
        8004a8 8707a6 8e0ca4 9511a1 9c179e a21d9a a82296 ae2892 b42e8d ba3388 bf3984 c43e7f c9447a
        cd4a76 d24f71 d6556d da5b69 de6164 e26660 e66c5c e97257 ed7953 f07f4f f3854b f58c46 f79342
        f99a3e fba139 fca835 fdaf31 feb72d febe2a fdc627 fcce25 fbd724 f8df25 f6e826 f3f027 f0f921
    """,
    "cividis": """
        00224e 002656 002a5f 002d68 003070 083370 163770 203a6f 273e6e 2e416d 34456c 3a486c 3f4c6c
        444f6c 49536c 4e566c 535a6d 575d6d 5c616e 60646f 656870 696b71 6d6f72 727274 767676 7a7a78
        7e7d78 838179 888578 8d8878 928c78 969077 9b9476 a09875 a59c74 aaa073 afa471 b5a86f baac6d
        bfb06b c4b468 c9b965 cfbd62 d4c15f dac65b dfca57 e5cf52 ead34c f0d846 f6dd3f fce236 fee838
    """,
    "turbo": """
        30123b 36215f 3b2f80 3f3e9c 424bb5 4559cb 4666dd 4773eb 4680f6 458cfd 4099ff 38a5fb 2fb2f4
        27bee9 1fc9dd 1ad4d0 18ddc2 1ae4b6 22ebaa 2ff19b 3ff68a 52fa7a 65fd69 79fe59 8bff4b 9cfe40
        a9fb39 b7f735 c3f134 d0ea34 dbe236 e5d938 eecf3a f5c53a faba39 fdae35 fea130 fe932a fc8423
        f9751d f46617 ef5811 e84b0c e14109 d83706 ce2d04 c32503 b71d02 a91601 9b0f01 8b0902 7a0403
    """,
    "grey": "000000 ffffff",
    "coolwarm": """
        3b4cc0 4055c8 465ecf 4c66d6 536edd 5977e3 5f7fe8 6687ed 6c8ff1 7396f5 7a9df8 81a4fb 88abfd
        8fb1fe 96b7ff 9dbdff a3c2fe aac7fd b1cbfc b7cff9 bed2f6 c4d5f3 cad8ef cfdaea d5dbe5 dadce0
        dfdbd9 e4d9d2 e9d5cb edd2c3 f0cdbb f2c9b4 f5c4ac f6bea4 f7b89c f7b194 f7aa8c f6a385 f59c7d
        f39475 f08b6e ed8366 e97a5f e57058 e16751 dc5d4a d65244 d0473d ca3b37 c32e31 bb1b2c b40426
    """,
}

NAMES: tuple[str, ...] = tuple(_STOPS)
"""What `colour_map` knows."""


@cache
def colour_map(name: str) -> NDArray[np.uint8]:
    """Return ``(256, 3) uint8`` red, green, blue, from low to high.

    The same array each time: it cannot be changed.

    Examples
    --------
    >>> colour_map("grey")[[0, 128, 255]].tolist()
    [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    """
    stops = _STOPS.get(name)
    if stops is None:
        raise Invalid(f"There is no colour map {name!r}. There are: {', '.join(NAMES)}.")
    known = np.frombuffer(bytes.fromhex(stops), np.uint8).reshape(-1, 3)
    places = np.linspace(0, len(known) - 1, 256)
    steps = np.arange(len(known))
    colours = np.stack([np.interp(places, steps, known[:, part]) for part in range(3)], axis=1)
    table: NDArray[np.uint8] = np.rint(colours).astype(np.uint8)
    table.setflags(write=False)
    return table


def next_colour(used: int) -> str:
    """Return the colour of the label that comes after so many.

    Examples
    --------
    >>> next_colour(0), next_colour(16)
    ('#e69f00', '#e69f00')
    """
    return PALETTE[used % len(PALETTE)]


def rgb(colour: str) -> tuple[int, int, int]:
    """Return what ``#rrggbb`` means.

    Examples
    --------
    >>> rgb("#d55e00")
    (213, 94, 0)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
