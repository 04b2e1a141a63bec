"""Signatures of WSI Streamer: the bytes that are signed, and the order of refusals."""

from __future__ import annotations

import hashlib
import hmac
import random
from urllib.parse import quote

import pytest

from wsi_lab.errors import Invalid, NotIdentified, WsiLabError
from wsi_lab.model.signing import Signer, canonical_query, derived_secret, form_pairs

SECRET = "test-secret-key"
EXPIRY = 1735689600
SIGNER = Signer(SECRET)
TILE = "/tiles/folder%2Fslide.svs/0/1/2.jpg"
SLIDE = "folder/slide.svs"

VECTORS = [
    (
        "/tiles/slide.svs/0/0/0.jpg",
        "",
        "635c7b095dd0c0314e5eb6aff3231d302f737cb2cd7b1a5cd993068ea36196dd",
    ),
    (
        "/tiles/slide.svs/0/0/0.jpg",
        "quality=90",
        "0a8f76b9d9229f75051e6b154970c0d1da10e3bac08c7e2250184b8c88e934cf",
    ),
    (
        "/tiles/folder%2Fslide.svs/0/1/2.jpg",
        "",
        "0aa88beb0f4f1821dde54d38c5786432e4463d450115e713d22245434efdcdcc",
    ),
    (
        "/slides",
        "prefix=a%20b/&limit=10",
        "b7ee12b472bad229134b62199eece225b14ae61445bab98bcef5cceaf7603f66",
    ),
    (
        "/slides",
        "limit=10&prefix=a+b/",
        "b7ee12b472bad229134b62199eece225b14ae61445bab98bcef5cceaf7603f66",
    ),
]
VIEWER_TOKEN = "6e0bb13dd6f225db2d14ca8d064a69cce448315161ca662f754898284aa95689"


def reason(query: str, *, path: str = TILE, now: float = EXPIRY, token: bool = False) -> str:
    """Return why a request is refused, ``""`` if it is not."""
    refused: WsiLabError | None = None
    try:
        SIGNER.check(path, query, now=now, slide_id=SLIDE, takes_viewer_token=token)
    except WsiLabError as error:
        refused = error
    if refused is None:
        return ""
    said = str(refused.details["reason"])
    assert isinstance(refused, Invalid if "format" in said else NotIdentified)
    assert SECRET not in refused.message
    return said


@pytest.mark.parametrize(("path", "query", "expected"), VECTORS)
def test_vectors_are_signed_and_accepted(path: str, query: str, expected: str) -> None:
    assert SIGNER.signature(path, form_pairs(query), EXPIRY) == expected
    joined = f"{query}&exp={EXPIRY}&sig={expected}"
    assert reason(joined, path=path) == ""
    assert reason(joined.replace(expected, expected.upper()), path=path) == ""


def test_viewer_token_is_the_one_of_the_contract() -> None:
    assert SIGNER.viewer_token(SLIDE, EXPIRY) == VIEWER_TOKEN
    assert reason(f"vt={VIEWER_TOKEN}&exp={EXPIRY}", token=True) == ""
    assert SIGNER.viewer_query(SLIDE, EXPIRY - 3600.0) == f"vt={VIEWER_TOKEN}&exp={EXPIRY}"


def test_key_is_the_secret_as_it_is() -> None:
    path, expiry = "/slides", 7
    expected = hmac.new("schlüssel\n".encode(), b"/slides?exp=7", hashlib.sha256).hexdigest()
    assert Signer("schlüssel\n").signature(path, [], expiry) == expected
    assert Signer("schlüssel\n".encode()).signature(path, [], expiry) == expected
    with pytest.raises(Invalid):
        Signer("")
    assert derived_secret(b"a") != derived_secret(b"b")


def test_query_is_sorted_by_bytes_and_not_encoded() -> None:
    pairs = form_pairs("b=2&b=1&%C3%BC=x&a=&&Z&exp=5&sig=1&vt=2&é=1".replace("é", "%E9"))
    assert canonical_query(pairs, 9) == "Z=&a=&b=1&b=2&exp=9&ü=x&\ufffd=1"


def test_expiry_is_signed_without_leading_zeros() -> None:
    signature = SIGNER.signature(TILE, [], EXPIRY)
    for spelling in (f"000{EXPIRY}", f"%2B{EXPIRY}", "0" * 500 + str(EXPIRY)):
        assert reason(f"exp={spelling}&sig={signature}") == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # 1. From left to right: what is given twice, and expiries that are none.
        ("sig=00&sig=00&exp=x", "invalid_signature_format"),
        ("exp=x&sig=00&sig=00", "invalid_expiry_format"),
        ("vt=00&vt=00", "invalid_signature_format"),
        ("exp=1&exp=1", "invalid_expiry_format"),
        ("sig=zz&exp=x", "invalid_expiry_format"),
        # 2. No expiry.
        ("", "missing_expiry"),
        ("sig=zz", "missing_expiry"),
        ("vt=00", "missing_expiry"),
        # 3. No signature.
        ("exp=1", "missing_signature"),
        ("exp=1&quality=3", "missing_signature"),
        # 4. Expired, before the signature is looked at.
        ("exp=1&sig=zz", "signature_expired"),
        (f"exp={EXPIRY - 1}&sig=00", "signature_expired"),
        # 5. Not hexadecimal.
        (f"exp={EXPIRY}&sig=zz", "invalid_signature_format"),
        (f"exp={EXPIRY}&sig=000", "invalid_signature_format"),
        (f"exp={EXPIRY}&sig=0+0+", "invalid_signature_format"),
        (f"exp={EXPIRY}&sig=%EF%BC%90%EF%BC%90", "invalid_signature_format"),
        # 6. Wrong, or of another length.
        (f"exp={EXPIRY}&sig=00", "invalid_signature"),
        (f"exp={EXPIRY}&sig=", "invalid_signature"),
        (f"exp={EXPIRY}&sig=" + 64 * "0", "invalid_signature"),
        (f"exp={EXPIRY}&sig={VECTORS[2][2]}00", "invalid_signature"),
        (f"exp={2**64 - 1}&sig=00", "invalid_signature"),
    ],
)
def test_refusals_come_in_order(query: str, expected: str) -> None:
    assert reason(query) == expected


@pytest.mark.parametrize(
    "expiry",
    [
        *("", "-1", "1.5", "1e9", "+", "++1", " 1", "1 ", "1_000", "0x10", "abc", "1%00", "%2B"),
        *("%D9%A1", "%EF%BC%91", str(2**64), "9" * 30, "9" * 5000),
    ],
)
def test_what_is_no_unix_time_is_no_expiry(expiry: str) -> None:
    assert reason(f"sig=00&exp={expiry}") == "invalid_expiry_format"


def test_last_second_is_good_and_the_next_is_not() -> None:
    query = f"exp={EXPIRY}&sig={SIGNER.signature(TILE, [], EXPIRY)}"
    assert reason(query, now=EXPIRY + 0.999) == ""
    assert reason(query, now=EXPIRY + 1) == "signature_expired"
    assert reason(query, now=-5.0) == ""


def test_viewer_token_counts_alone_where_it_counts() -> None:
    signature = SIGNER.signature(TILE, [], EXPIRY)
    both = f"exp={EXPIRY}&sig={signature}&vt=00"
    assert reason(both, token=True) == "invalid_signature"
    assert reason(both, token=False) == ""
    only = f"exp={EXPIRY}&vt={VIEWER_TOKEN}"
    assert reason(only, token=False) == "missing_signature"
    other = SIGNER.viewer_token("other.svs", EXPIRY)
    assert reason(f"exp={EXPIRY}&vt={other}", token=True) == "invalid_signature"


def test_order_of_parameters_does_not_matter_and_everything_else_does() -> None:
    signature = SIGNER.signature("/slides", [("limit", "10"), ("prefix", "a")], EXPIRY)
    end = f"exp={EXPIRY}&sig={signature}"
    for good in (
        f"limit=10&prefix=a&{end}",
        f"{end}&prefix=a&limit=10",
        f"prefix=%61&{end}&limit=10",
    ):
        assert reason(good, path="/slides") == ""
    for bad in (
        *(f"limit=11&prefix=a&{end}", f"limit=10&{end}", f"limit=10&prefix=a&x&{end}"),
        *(f"limit=10&prefix=a&prefix=a&{end}", f"limit=10&prefix=A&{end}", f"{end}"),
        *(f"limit=10%26prefix=a&{end}", f"limit%3D10=&prefix=a&{end}"),
        f"limit=10&prefix=a&{end}".replace(str(EXPIRY), str(EXPIRY + 1)),
    ):
        assert reason(bad, path="/slides") == "invalid_signature"
    for path in ("/slides/", "/Slides", "/slides?", "//slides", "/%73lides", "/wsi-lab/slides"):
        assert reason(f"limit=10&prefix=a&{end}", path=path) == "invalid_signature"


def test_one_parameter_cannot_pass_for_two() -> None:
    signature = SIGNER.signature("/slides", [("a", "1"), ("b", "2")], EXPIRY)
    end = f"exp={EXPIRY}&sig={signature}"
    assert reason(f"a=1&b=2&{end}", path="/slides") == ""
    assert SIGNER.signature("/slides", [("a", "1&b=2")], EXPIRY) == signature
    for disguised in ("a=1%26b=2", "a=1%26b%3D2", "a%3D1%26b=2"):
        assert reason(f"{disguised}&{end}", path="/slides") == "invalid_signature"
    equals = SIGNER.signature("/slides", [("a=b", "c")], EXPIRY)
    assert reason(f"a%3Db=c&exp={EXPIRY}&sig={equals}", path="/slides") == "invalid_signature"
    cursor = SIGNER.signature("/slides", [("cursor", "YQ==")], EXPIRY)
    assert reason(f"cursor=YQ==&exp={EXPIRY}&sig={cursor}", path="/slides") == ""


def test_no_changed_byte_is_accepted() -> None:
    signature = SIGNER.signature(TILE, [("quality", "90")], EXPIRY)
    query = f"quality=90&exp={EXPIRY}&sig={signature}"
    assert reason(query) == ""
    for at in range(64):
        wrong = "0" if signature[at] != "0" else "1"
        changed = signature[:at] + wrong + signature[at + 1 :]
        assert reason(query.replace(signature, changed)) == "invalid_signature"
    draw = random.Random(34)
    for _ in range(2000):
        letters = list(f"{TILE}?quality=90&exp={EXPIRY}")
        at = draw.randrange(len(letters))
        before = letters[at]
        letters[at] = chr(draw.randrange(33, 127))
        path, _, rest = "".join(letters).partition("?")
        if letters[at] == before or form_pairs(rest) == form_pairs(f"quality=90&exp={EXPIRY}"):
            continue
        assert reason(f"{rest}&sig={signature}", path=path) != ""


def test_other_secrets_sign_otherwise() -> None:
    other = Signer(SECRET + " ").signature(TILE, [], EXPIRY)
    assert reason(f"exp={EXPIRY}&sig={other}") == "invalid_signature"


def test_names_of_all_kinds_can_be_signed() -> None:
    for name in ("ü/ä.svs", "a b+c%20#?.svs", "日本/😀.tif", "\u202egpj.svs"):
        path = f"/slides/{quote(name, safe='')}"
        signature = SIGNER.signature(path, [("quality", name)], EXPIRY)
        query = f"quality={quote(name, safe='')}&exp={EXPIRY}&sig={signature}"
        assert reason(query, path=path) == ""
