from __future__ import annotations

import json
import random
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import (
    SafeZip,
    json_objects,
    lines_of,
    no_text_problems,
    quoted,
    read_json,
    read_xml,
    text_of,
)

MIB = 1 << 20
LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">'
        for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><l>&j;</l>"
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\[{', max_size=3), inner)
    ),
    max_leaves=12,
)


def short(value: str | bytes) -> str:
    return ascii(value)[:30]


def seconds_and_mib(work: Callable[[], Any]) -> tuple[float, float]:
    tracemalloc.start()
    began = time.process_time()
    work()
    took = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1] / MIB
    tracemalloc.stop()
    return took, peak


def refusal(work: Callable[[], Any]) -> str:
    with pytest.raises(Invalid) as caught:
        work()
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()
    return caught.value.message


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


@given(json_values, st.sampled_from([None, 2]))
def test_json_is_read_as_the_standard_library_reads_it(value: Any, indent: int | None) -> None:
    assert read_json(json.dumps(value, indent=indent), most_bytes=MIB) == value
    assert read_json(b"\xef\xbb\xbf" + json.dumps(value).encode(), most_bytes=MIB) == value


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("NaN", "no JSON"),
        ("[1, -Infinity]", "no JSON"),
        ('{"x": 1e999}', "not finite, at '$"),
        ("[-1e999]", "not finite"),
        ("1" * 10**6, "integer of more than 300 digits"),
        (f'["{"x" * 400}", {"9" * 301}]', "integer of more than 300 digits"),
        (f"{'9' * 301}.5", "integer of more than 300 digits"),
        ("[" * 10**6, "64 levels"),
        ('{"a":' * 10**5, "64 levels"),
        ("[" * 65 + "]" * 65, "64 levels"),
        ('["\\"' + "[" * 65 + '"' + "[" * 65, "64 levels"),
        ('"\\ud800"', "no JSON"),
        ('"\\udc00\\ud800"', "no JSON"),
        ('"\ud800"', "characters that are no text"),
        (b'["\xff"]', "not UTF-8"),
        (b'["\xed\xa0\x80"]', "not UTF-8"),
        ('["a\nb"]', "no JSON"),
        ("", "no JSON"),
        ("[1] [2]", "no JSON"),
        ("[1,]", "no JSON"),
        ("'a'", "no JSON"),
    ],
    ids=short,
)
def test_json_that_is_none_or_not_finite_is_refused(text: str | bytes, part: str) -> None:
    assert part in refusal(lambda: read_json(text, most_bytes=MIB * 2))
    refusal(lambda: json_objects(text))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 64 + "]" * 64,
        '["' + "[" * 1000 + '"]',
        '["\\"' + "[{" * 1000 + '\\\\"]',
        f'["{"1" * 1000}"]',
        f"[0.{'1' * 1000}]",
        '["\\u0000", "\\ud83d\\ude00", "\u2028"]',
    ],
    ids=short,
)
def test_json_that_only_looks_dangerous_is_read(text: str) -> None:
    assert read_json(text, most_bytes=MIB) == json.loads(text)


def test_json_larger_than_its_limit_is_not_parsed() -> None:
    assert read_json('"é"', most_bytes=4) == "é"
    assert "more than 3 bytes" in refusal(lambda: read_json('"é"', most_bytes=3))


@pytest.mark.parametrize("piece", ['"', '\\"', '"\\', "\\", '[{"', '"[', "9", "-", "0.", '{"a":['])
def test_json_of_one_piece_over_and_over_is_refused_quickly(piece: str) -> None:
    text = "[" + piece * (4 * MIB // len(piece))
    took, _ = seconds_and_mib(lambda: refusal(lambda: read_json(text, most_bytes=8 * MIB)))
    assert took < 2


@given(st.lists(st.dictionaries(st.text(max_size=3), json_values, max_size=3), max_size=5))
def test_every_object_of_an_array_keeps_its_text(objects: list[dict[str, Any]]) -> None:
    assert json_objects(json.dumps(objects)) == [json.dumps(each) for each in objects]
    on_lines = json_objects(json.dumps(objects, indent=1).replace("\n", "\r\n"))
    assert [json.loads(each) for each in on_lines] == objects
    assert not any(set(each) & set("\r\n\t") for each in on_lines)


def test_numbers_keep_their_spelling() -> None:
    text = '{"x": 1.50, "y": 2E+1, "z": 12345678901234567890123, "x": 0.1000}'
    assert json_objects(f"\ufeff [ {text} ]\n") == [text]


@pytest.mark.parametrize(
    "text", ["{}", "null", '"[{}]"', "[1]", "[[]]", "[{}, null]", "[{},", "[}"]
)
def test_what_is_no_array_of_objects_is_refused(text: str) -> None:
    refusal(lambda: json_objects(text))


@pytest.mark.quiet
def test_a_large_array_of_points_is_quick_and_small() -> None:
    numbers = random.Random(1)
    text = json.dumps(
        [{"x": numbers.randrange(10**5), "y": numbers.random() * 10**5} for _ in range(500_000)]
    )
    began = time.process_time()
    assert len(json_objects(text)) == 500_000
    assert time.process_time() - began < 2 * len(text) / (20 * MIB) + 1


def test_a_document_is_read() -> None:
    root = read_xml(b"\xef\xbb\xbf<?xml version='1.0'?>\n<a>\n<b c='\xc3\xa9'>x</b><!-- - --></a>")
    assert root.tag == "a"
    assert (root[0].get("c"), root[0].text) == ("é", "x")
    assert read_xml("\n <a/>").tag == "a"
    assert read_xml("<?xml version='1.0' encoding='utf-16'?><a b='é'/>".encode("utf-16")).get("b")


def test_real_documents_are_read(shared_data: Path) -> None:
    for name in ("asap-dot", "asap-pointset", "asap-polygon"):
        root = read_xml((shared_data / "annotations" / "asap" / f"{name}.xml").read_bytes())
        assert root.find("Annotations/Annotation/Coordinates/Coordinate") is not None


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (LAUGHS, "document type"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>', "document type"),
        ("<!DOCTYPE a [<!ENTITY % p 'x'>%p;]><a/>", "document type"),
        (f'<!DOCTYPE a [<!ENTITY x "{"y" * 10**5}">]><a>{"&x;" * 10**5}</a>', "document type"),
        ("<!DOCTYPE html><a/>", "document type"),
        ("<a>" * 200_000, "64 levels"),
        ("<a>" * 200_000 + "</a>" * 200_000, "64 levels"),
        ("<a>" + "<b/>" * 600_001 + "</a>", "elements"),
        ("<a " + " ".join(f"a{n}=''" for n in range(200_000)) + "/>", "attributes"),
        ("<a>&x;</a>", "not well formed"),
        ("<a b='1' b='2'/>", "not well formed"),
        ("<a><b></a>", "not well formed"),
        ("<a>\0</a>", "not well formed"),
        ("<a>&#0;</a>", "not well formed"),
        ("<a>\ud800</a>", "no text"),
        (b"<a>\xff</a>", "not UTF-8"),
        (b"<?xml version='1.0' encoding='cp037'?>" + "<a/>".encode("cp037"), "UTF-8"),
        ("", "not well formed"),
        ("<a/><b/>", "not well formed"),
        ("{}", "not well formed"),
    ],
    ids=short,
)
def test_hostile_documents_are_refused_at_once(document: str | bytes, part: str) -> None:
    took, peak = seconds_and_mib(lambda: refusal(lambda: read_xml(document)))
    assert part in refusal(lambda: read_xml(document))
    assert peak < 64
    # What is watched for memory is several times slower than the 100 ms it may take.
    assert took < 0.5


def test_a_document_that_names_another_encoding_is_still_text() -> None:
    assert read_xml("<?xml version='1.0' encoding='cp037'?><a>x</a>").text == "x"


def test_one_long_attribute_is_read_quickly() -> None:
    began = time.process_time()
    assert len(read_xml(f"<a b='{'x' * 8 * MIB}'/>").get("b", "")) == 8 * MIB
    assert time.process_time() - began < 1


def test_an_archive_from_a_path_and_from_bytes(tmp_path: Path) -> None:
    content = zipped({"a/": b"", "a/b.json": b"[]", "c": b"x" * 1000}, zipfile.ZIP_DEFLATED)
    (tmp_path / "a.zip").write_bytes(content)
    for source in (content, tmp_path / "a.zip"):
        with SafeZip(source) as archive:
            assert archive.names == ("a/b.json", "c")
            assert archive.size("c") == 1000
            assert archive.read("c", 1000) == b"x" * 1000
            assert "more than 999 bytes" in refusal(lambda: archive.read("c", 999))
            assert "has no 'd'" in refusal(lambda: archive.read("d", 1))


def test_real_archives_are_read(shared_data: Path) -> None:
    archives = sorted((shared_data / "annotations" / "slidescore").glob("*.zip"))
    assert archives
    for path in archives:
        with SafeZip(path) as archive:
            assert read_json(archive.read("system_metadata.json", MIB), most_bytes=MIB)["version"]
            assert all(len(archive.read(name, MIB)) == archive.size(name) for name in archive.names)


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a//b", "a/../b", "./a", "a\\b", "a\nb", "a\u202eb"]
)
def test_an_entry_with_an_odd_name_is_refused(name: str) -> None:
    assert "oddly" in refusal(lambda: SafeZip(zipped({name: b"x"})))


def test_entries_of_one_name_are_refused() -> None:
    once = zipped({"aa": b"1", "ab": b"2"})
    assert "twice" in refusal(lambda: SafeZip(once.replace(b"ab", b"aa")))


def test_a_name_that_is_cut_by_a_nul_is_refused() -> None:
    assert "oddly" in refusal(lambda: SafeZip(zipped({"a.txt": b"1"}).replace(b"a.txt", b"a\0txt")))


def test_a_bomb_of_zeros_is_refused_before_it_unpacks() -> None:
    bomb = zipped({"zeros": bytes(200 * MIB)}, zipfile.ZIP_DEFLATED)
    took, peak = seconds_and_mib(lambda: refusal(lambda: SafeZip(bomb)))
    assert took < 0.5
    assert peak < 4


def test_many_entries_are_refused_before_they_are_listed() -> None:
    many = zipped({str(number): b"" for number in range(60_000)})
    took, peak = seconds_and_mib(lambda: refusal(lambda: SafeZip(many)))
    assert took < 0.5
    assert peak < 4
    assert "1,000 entries" in refusal(lambda: SafeZip(zipped({str(n): b"" for n in range(1001)})))


def test_entries_that_are_large_together_are_refused() -> None:
    archive = zipped({str(number): bytes(1000) for number in range(10)})
    SafeZip(archive, most_bytes=10_000).close()
    assert "9,999 bytes" in refusal(lambda: SafeZip(archive, most_bytes=9_999))


def test_encrypted_and_strangely_packed_entries_are_refused() -> None:
    plain = bytearray(zipped({"a": b"x"}))
    directory = plain.index(b"PK\x01\x02")
    encrypted = plain.copy()
    encrypted[directory + 8] |= 1
    assert "encrypted" in refusal(lambda: SafeZip(bytes(encrypted)))
    assert "another way" in refusal(lambda: SafeZip(zipped({"a": b"x"}, zipfile.ZIP_LZMA)))


def test_an_entry_that_lies_about_its_size_is_refused() -> None:
    packed = bytearray(zipped({"a": b"x" * 5000}, zipfile.ZIP_DEFLATED))
    directory = packed.index(b"PK\x01\x02")
    for stated in (4999, 5001):
        packed[directory + 24 : directory + 28] = struct.pack("<L", stated)
        with SafeZip(bytes(packed)) as archive:
            refusal(lambda: archive.read("a", 10_000))


def test_a_large_entry_is_copied_without_being_held(tmp_path: Path) -> None:
    content = random.Random(7).randbytes(24 * MIB)
    (tmp_path / "a.zip").write_bytes(zipped({"a": content}))

    def copy() -> None:
        with SafeZip(tmp_path / "a.zip") as archive, (tmp_path / "a").open("wb") as target:
            archive.copy("a", target, 24 * MIB)

    _, peak = seconds_and_mib(copy)
    assert (tmp_path / "a").read_bytes() == content
    assert peak < 16


def test_copies_of_what_is_too_large_or_damaged_are_refused() -> None:
    plain = zipped({"a": b"x" * 5000})
    with SafeZip(plain) as archive:
        assert "4,999 bytes" in refusal(lambda: archive.copy("a", BytesIO(), 4999))
        assert "has no" in refusal(lambda: archive.copy("b", BytesIO(), 5000))
    with SafeZip(plain.replace(b"xxxxx", b"xxyxx", 1)) as archive:
        assert "damaged" in refusal(lambda: archive.copy("a", BytesIO(), 5000))


def test_a_target_that_is_full_is_no_fault_of_the_archive() -> None:
    class Full(BytesIO):
        def write(self, _data: Any) -> int:
            raise OSError("No space left.")

    with SafeZip(zipped({"a": b"x"})) as archive, pytest.raises(OSError, match="No space"):
        archive.copy("a", Full(), 1)


def test_archives_with_two_ends_are_refused() -> None:
    plain = zipped({"a": b"x"})
    end = plain[-22:]
    assert "comment" in refusal(lambda: SafeZip(plain[:-2] + b"\x01\x00x"))
    locator = b"PK\x06\x07" + bytes(16)
    assert "64-bit" in refusal(lambda: SafeZip(plain[:-22] + locator + end))


@given(st.data())
def test_no_damage_to_an_archive_raises_anything_else(data: st.DataObject) -> None:
    archive = bytearray(zipped({"a.json": b"[]", "b/c": b"x" * 300}, zipfile.ZIP_DEFLATED))
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(archive)))
    for damaged in (archive, archive[:cut], archive[cut:]):
        try:
            with SafeZip(bytes(damaged)) as opened:
                for name in opened.names:
                    opened.read(name, MIB)
        except Invalid:
            pass


@given(st.binary(max_size=300) | st.text(max_size=300) | json_values.map(json.dumps))
def test_whatever_comes_in_is_read_or_invalid(data: bytes | str) -> None:
    for read in (
        lambda: read_json(data, most_bytes=MIB),
        lambda: json_objects(data),
        lambda: read_xml(data),
        lambda: text_of(data),
        lambda: list(lines_of(data)),
    ):
        try:
            read()
        except Invalid:
            continue


def test_lines_end_only_where_lines_end() -> None:
    odd = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh"
    assert list(lines_of(f"\ufeff{odd}\r\n\n{odd}")) == [(1, odd), (2, ""), (3, odd)]
    assert list(lines_of("a\rb\r")) == [(1, "a"), (2, "b"), (3, "")]
    assert list(lines_of("")) == [(1, "")]


def test_text_in_utf_16_is_read_and_other_text_is_refused() -> None:
    assert text_of("é\n".encode("utf-16")) == "é\n"
    assert text_of("\ufeff\ufeffé".encode()) == "\ufeffé"
    assert "UTF-8" in refusal(lambda: text_of("é".encode("latin-1")))


def test_lines_that_are_no_text_are_all_named() -> None:
    assert no_text_problems("a\nb\u2028\x7f") == []
    assert [each[:7] for each in no_text_problems("a\0\nb\nc\ud800\n")] == ["Line 1:", "Line 3:"]


@given(st.text())
def test_what_strangers_sent_is_short_and_on_one_line_when_it_is_quoted(text: str) -> None:
    assert len(quoted(text)) <= 43
    assert quoted(text).isprintable()
