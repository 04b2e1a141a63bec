"""Signed addresses over HTTP: what is signed is what was sent, below whatever prefix."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from wsi_lab.model.signing import VIEWER_TOKEN_SECONDS, Signer
from wsi_lab.server.streamer.settings import Access, StreamerSettings

VECTORS = {
    "/tiles/slide.svs/0/0/0.jpg": (
        "635c7b095dd0c0314e5eb6aff3231d302f737cb2cd7b1a5cd993068ea36196dd"
    ),
    "/tiles/slide.svs/0/0/0.jpg?quality=90": (
        "0a8f76b9d9229f75051e6b154970c0d1da10e3bac08c7e2250184b8c88e934cf"
    ),
    "/tiles/folder%2Fslide.svs/0/1/2.jpg": (
        "0aa88beb0f4f1821dde54d38c5786432e4463d450115e713d22245434efdcdcc"
    ),
    "/slides?limit=10&prefix=a%20b/": (
        "b7ee12b472bad229134b62199eece225b14ae61445bab98bcef5cceaf7603f66"
    ),
    "/slides?prefix=a+b/&limit=10": (
        "b7ee12b472bad229134b62199eece225b14ae61445bab98bcef5cceaf7603f66"
    ),
}
TOKEN = "vt=6e0bb13dd6f225db2d14ca8d064a69cce448315161ca662f754898284aa95689"


def tile(slide_id: str) -> str:
    """Return the path of the first tile of a slide."""
    return f"/tiles/{quote(slide_id, safe='')}/0/0/0.jpg"


def code(answer: Any) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json()["error"]


def test_vectors_of_the_contract_are_accepted(site_of_folder: Any, serve: Any, mount: str) -> None:
    settings = StreamerSettings(Access.SIGNED, "test-secret-key")
    with serve(site_of_folder, settings, mount=mount, now=lambda: 1735689600.9) as server:
        for path, signature in VECTORS.items():
            target = f"{{}}{path}{'&' if '?' in path else '?'}exp=1735689600&sig="
            # The slide is not there, and only who may ask is told so.
            wanted = 200 if path.startswith("/slides") else 404
            assert server.raw(target + signature)[0] == wanted
            assert server.raw(target + signature.upper())[0] == wanted
            wrong = "0" * 64 if signature[0] != "0" else "1" * 64
            assert server.raw(target + wrong)[0] == 401
        last = f"{{}}/tiles/folder%2Fslide.svs/0/0/0.jpg?exp=1735689600&{TOKEN}"
        assert server.raw(last)[0] == 404


def test_every_guarded_address_takes_its_signature(signed_door: Any, names: Any) -> None:
    slide = f"/slides/{quote(names.board, safe='')}"
    for path in (tile(names.board), "/slides", slide, f"{slide}/dzi", f"{slide}/thumbnail"):
        assert signed_door.get(path).status_code == 200
        assert code(signed_door.server.get(path)) == (401, "missing_expiry")
        signature = signed_door.query(path)
        assert signed_door.server.ask("HEAD", path, params=signature).status_code == 200
        assert signed_door.server.ask("HEAD", path).status_code == 401


def test_signature_is_good_for_its_address_alone(signed_door: Any, names: Any) -> None:
    signature = signed_door.query(tile(names.svs))
    for path in (
        *(tile(names.board), f"/slides/{names.svs}", f"/tiles/{names.svs}/0/0/1.jpg"),
        *(f"/tiles/{names.svs}/0/0/0", tile(names.svs).replace("svs", "%73vs")),
    ):
        assert code(signed_door.server.get(path, params=signature)) == (401, "invalid_signature")
    with_quality = {**signature, "quality": "5"}
    answer = signed_door.server.get(tile(names.svs), params=with_quality)
    assert code(answer) == (401, "invalid_signature")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sig=00&sig=00&exp=9999999999", (400, "invalid_signature_format")),
        ("vt=00&vt=00&exp=9999999999", (400, "invalid_signature_format")),
        ("exp=1&exp=2&sig=00", (400, "invalid_expiry_format")),
        ("exp=-1&sig=00", (400, "invalid_expiry_format")),
        ("exp=1.5&sig=00", (400, "invalid_expiry_format")),
        ("exp=&sig=00", (400, "invalid_expiry_format")),
        ("exp=18446744073709551616&sig=00", (400, "invalid_expiry_format")),
        ("", (401, "missing_expiry")),
        ("sig=00", (401, "missing_expiry")),
        ("exp=9999999999", (401, "missing_signature")),
        ("exp=1&sig=zz", (401, "signature_expired")),
        ("exp=9999999999&sig=zz", (400, "invalid_signature_format")),
        ("exp=9999999999&sig=abc", (400, "invalid_signature_format")),
        ("exp=9999999999&vt=zz", (400, "invalid_signature_format")),
        ("exp=9999999999&sig=00", (401, "invalid_signature")),
        ("exp=9999999999&vt=00", (401, "invalid_signature")),
        ("exp=9999999999&sig=%00", (400, "invalid_signature_format")),
    ],
)
def test_refusals_have_their_codes(
    signed_door: Any, names: Any, query: str, expected: tuple[int, str]
) -> None:
    for path in (tile(names.svs), tile("missing.svs")):
        answer = signed_door.server.get(f"{path}?{query}")
        assert code(answer) == expected
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "WWW-Authenticate" not in answer.headers


def test_viewer_token_is_for_tiles_of_its_slide(signed_door: Any, names: Any) -> None:
    token = signed_door.token(names.board)
    get = signed_door.server.get
    assert get(tile(names.board), params=token).status_code == 200
    assert get(tile(names.board), params={**token, "quality": "9"}).status_code == 200
    assert code(get(tile(names.svs), params=token)) == (401, "invalid_signature")
    slide = f"/slides/{quote(names.board, safe='')}"
    for path in (slide, f"{slide}/dzi", f"{slide}/thumbnail", "/slides"):
        assert code(get(path, params=token)) == (401, "missing_signature")
        both = {**signed_door.query(path), "vt": "00"}
        assert get(path, params=both).status_code == 200
    wrong = {**signed_door.query(tile(names.board)), "vt": "00"}
    assert code(get(tile(names.board), params=wrong)) == (401, "invalid_signature")


def test_page_brings_a_token_that_is_good_for_an_hour(
    site_of_folder: Any, serve: Any, mount: str, names: Any
) -> None:
    clock = [1_000_000_000.5]
    settings = StreamerSettings(Access.SIGNED, names.secret)
    with serve(site_of_folder, settings, mount=mount, now=lambda: clock[0]) as server:
        page = server.get(f"/view/{quote(names.board, safe='')}")
        assert page.headers["Cache-Control"] == "no-store"
        expiry = 1_000_000_000 + VIEWER_TOKEN_SECONDS
        token = Signer(names.secret).viewer_token(names.board, expiry)
        assert token in page.text
        query = f"?vt={token}&exp={expiry}"
        clock[0] = expiry + 0.9
        assert server.get(tile(names.board) + query).status_code == 200
        clock[0] = expiry + 1
        assert code(server.get(tile(names.board) + query)) == (401, "signature_expired")


def test_parameter_that_holds_another_is_refused(signed_door: Any) -> None:
    query = signed_door.query("/slides", {"limit": "1", "search": "x"})
    end = f"exp={query['exp']}&sig={query['sig']}"
    get = signed_door.server.get
    assert get(f"/slides?limit=1&search=x&{end}").status_code == 200
    assert get(f"/slides?search=%78&{end}&limit=1").status_code == 200
    for disguised in ("limit=1%26search=x", "limit=1%26search%3Dx", "limit%3D1%26search=x"):
        assert code(get(f"/slides?{disguised}&{end}")) == (401, "invalid_signature")


def test_open_door_looks_at_no_signature(open_door: Any, names: Any) -> None:
    for query in ("sig=zz", "exp=x", "vt=1&vt=2&exp=&exp=", "sig=00&exp=1"):
        assert open_door.get(f"{tile(names.svs)}?{query}").status_code == 200


def test_secret_is_the_whole_key_of_its_site(site_of_folder: Any, serve: Any, names: Any) -> None:
    settings = StreamerSettings(Access.SIGNED, "another secret")
    path = tile(names.svs)
    with serve(site_of_folder, settings) as server:
        for secret, status in (("another secret", 200), (names.secret, 401), ("another", 401)):
            signature = Signer(secret).signature(path, [], 4_000_000_000)
            params = {"exp": "4000000000", "sig": signature}
            assert server.get(path, params=params).status_code == status
