"""Forms with a file in them, however they are cut into pieces."""

from __future__ import annotations

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.server.cytomine.multipart import LARGEST_FIELDS, Begun, FormFile, file_name_of

TYPE = "multipart/form-data; boundary=-x-"
HEAD = b'---x-\r\nContent-Disposition: form-data; name="files[]"; filename="a.svs"\r\n'
FIELD = b'---x-\r\nContent-Disposition: form-data; name="key"\r\n\r\nvalue\r\n'
EMPTY_FIELD = b'---x-\r\nContent-Disposition: form-data; name="key"\r\n\r\n\r\n'
END = b"\r\n---x---\r\n"
CONTENTS = [
    *(b"", b"1", b"\r\n", b"\r\n--", b"\r\n---x", b"---x-\r\n", b"\r\n---X-\r\n", b"\x00" * 50),
    b"\r\n\r\n---y-\r\nContent-Disposition: x\r\n\r\n",
]


def read(body: bytes, size: int, content_type: str = TYPE) -> tuple[list[str], bytes, bool]:
    """Return the names and the content of files, and whether the form ended."""
    form = FormFile(content_type)
    names, content = [], b""
    for start in range(0, len(body), size):
        for found in form.feed(body[start : start + size]):
            if isinstance(found, Begun):
                names.append(found.file_name)
            else:
                content += found
    return names, content, form.is_whole


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("content", CONTENTS)
def test_content_is_what_was_sent(content: bytes, size: int) -> None:
    for before in (b"", b"preamble\r\n", FIELD, EMPTY_FIELD, EMPTY_FIELD + FIELD):
        for after in (END, b"\r\n" + FIELD[:-2] + END, END + b"epilogue\r\n---x-\r\n"):
            body = before + HEAD + b"Content-Type: text/plain\r\n\r\n" + content + after
            assert read(body, size) == (["a.svs"], content, True)


@pytest.mark.parametrize("size", [1, 10_000])
def test_form_that_is_cut_off_is_not_whole(size: int) -> None:
    body = HEAD + b"\r\n" + b"content" + END
    for length in range(len(body) - 2):
        assert read(body[:length], size)[2] is False


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="-x-"',
        "Multipart/Form-Data; charset=utf-8; BOUNDARY=-x-",
        "multipart/form-data;boundary=-x-; charset=utf-8",
    ],
)
def test_boundary_is_written_in_several_ways(content_type: str) -> None:
    assert read(HEAD + b"\r\n12" + END, 5, content_type) == (["a.svs"], b"12", True)


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "application/json", "multipart/form-data", "multipart/form-data; boundary="),
        *("multipart/mixed; boundary=x", "multipart/form-data; boundary=" + "x" * 300),
    ],
)
def test_what_is_no_form_is_refused(content_type: str) -> None:
    with pytest.raises(Invalid, match="form"):
        FormFile(content_type)


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"\r\n12\r\n" + HEAD + b"\r\n34" + END,
        b"---x-abc\r\n",
        b"---x-\r\n" + b"a: b\r\n" * 5000,
        FIELD.replace(b"value", b"v" * (LARGEST_FIELDS + 1)) + HEAD,
        b"x" * (LARGEST_FIELDS + 100),
    ],
    ids=["two files", "no boundary", "long headers", "long field", "long preamble"],
)
@pytest.mark.parametrize("size", [1000, 10_000_000])
def test_damaged_form_is_refused(body: bytes, size: int) -> None:
    with pytest.raises(Invalid):
        read(body, size)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('form-data; name="f"; filename="a b.svs"', "a b.svs"),
        ("form-data; name=f; filename=a.svs", "a.svs"),
        ('form-data; name="f"; filename="ü.svs"', "ü.svs"),
        ("form-data; name=\"f\"; filename*=utf-8''%C3%BC%20b.svs", "ü b.svs"),
        ('form-data; name="f"; filename="a%22b.svs"', 'a"b.svs'),
        ('form-data; name="f"; filename="100%.svs"', "100%.svs"),
        ('form-data; name="f"; filename="/home/me/a.svs"', "a.svs"),
        ('form-data; name="f"; filename="../../a.svs"', "a.svs"),
        (r'form-data; name="f"; filename="C:\\data\\a.svs"', "a.svs"),
        ('form-data; name="f"; filename=""', ""),
        ('form-data; name="f"', None),
    ],
)
def test_name_of_the_file(header: str, name: str | None) -> None:
    for word in ("Content-Disposition", "content-disposition"):
        headers = f"X: y\r\n{word}: {header}\r\nContent-Type: text/plain"
        assert file_name_of(headers.encode()) == name


def test_part_without_headers_is_no_file() -> None:
    assert file_name_of(b"") is None
    assert file_name_of(b"nonsense") is None
