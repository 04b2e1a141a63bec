"""Files of PHAS's administrators: read whole, or refused with everything that is wrong."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wsi_lab.errors import Invalid
from wsi_lab.formats.phas_files import (
    SlideRow,
    read_label_set,
    read_public_names,
    read_slide_table,
    read_task,
    write_task,
)
from wsi_lab.model.layer import NewLabel
from wsi_lab.model.task import Selection, TaskMode, TaskSettings

PLAIN = {"name": "Grading", "mode": "annot", "restrict-access": False}


def problems_of(read: Any, *said: Any) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read(*said)
    return list(caught.value.problems)


def task(**members: Any) -> bytes:
    return json.dumps(
        PLAIN | {name.replace("_", "-"): each for name, each in members.items()}
    ).encode()


class TestTasks:
    def test_what_need_not_be_said_has_its_usual_value(self) -> None:
        assert read_task(task()) == TaskSettings("Grading")
        assert read_task(b"\xef\xbb\xbf" + task(desc=None, stains=None)) == TaskSettings("Grading")

    def test_everything_that_can_be_said_is_read(self) -> None:
        settings = read_task(
            task(
                name="  Tangles ",
                mode="dltrain",
                restrict_access=True,
                desc="Find\nthem",
                reference_task="Earlier",
                anonymize=True,
                download_slide_size_limit=2000,
                stains=["Tau", "H&E"],
                specimens=["HNL-14"],
                tags={"any": ["a"], "all": [], "not": ["bad"]},
                dltrain={
                    "labelset": "tau", "min-size": 10, "max-size": 900, "display-patch-size": 256
                },
            )
        )  # fmt: skip
        assert settings == TaskSettings(
            name="Tangles",
            mode=TaskMode.DLTRAIN,
            description="Find\nthem",
            is_restricted=True,
            is_anonymised=True,
            reference="Earlier",
            label_set="tau",
            selection=Selection(("Tau", "H&E"), ("HNL-14",), ("a",), (), ("bad",)),
            smallest_box=10,
            largest_box=900,
            patch_size=256,
            slide_size_limit=2000,
        )

    def test_sampling_has_a_label_set_of_its_own(self) -> None:
        parts = {"sampling": {"labelset": "zones"}, "dltrain": {"labelset": "tau", "min-size": 5}}
        settings = read_task(task(mode="sampling", **parts))
        assert (settings.label_set, settings.smallest_box) == ("zones", None)
        assert read_task(task(mode="annot", **parts)).label_set is None
        assert read_task(task(mode="dltrain", **parts)).patch_size == 512

    def test_a_limit_below_zero_is_none(self) -> None:
        assert read_task(task(download_slide_size_limit=-1)).slide_size_limit is None
        assert read_task(task(download_slide_size_limit=0)).slide_size_limit == 0

    def test_everything_wrong_is_told_at_once(self) -> None:
        found = problems_of(
            read_task,
            json.dumps({
                "name": "n" * 81,
                "mode": "draw",
                "restrict-access": 1,
                "desc": "d" * 1025,
                "anonymize": "no",
                "download-slide-size-limit": 1.5,
                "stains": "H&E",
                "specimens": ["ok", ""],
                "tags": {"any": [3], "none": ["x"]},
                "dltrain": {"min-size": 9, "max-size": 3, "display-patch-size": 0, "labelset": 5.0},
                "sampling": [],
                "stain": ["H&E"],
            }).encode(),
        )  # fmt: skip
        about = [problem.split(":")[0] for problem in found]
        assert sorted(about) == sorted([
            *("'name'", "'mode'", "'restrict-access'", "'desc'", "'anonymize'", "'stain'"),
            *("'download-slide-size-limit'", "'stains'", "'specimens'", "'tags', 'any'"),
            *("'tags', 'none'", "'dltrain', 'max-size'", "'dltrain', 'display-patch-size'"),
            "'sampling'",
        ])  # fmt: skip

    @pytest.mark.parametrize("missing", ["name", "mode", "restrict-access"])
    def test_what_must_be_said_is_missed(self, missing: str) -> None:
        members = {name: value for name, value in PLAIN.items() if name != missing}
        assert problems_of(read_task, json.dumps(members).encode()) == [
            f"'{missing}': it is missing"
        ]

    @pytest.mark.parametrize("mode", ["dltrain", "sampling"])
    def test_tasks_with_labels_need_a_label_set(self, mode: str) -> None:
        (problem,) = problems_of(read_task, task(mode=mode))
        assert problem.startswith(f"'{mode}': it is missing")
        (problem,) = problems_of(read_task, task(mode=mode, **{mode: {}}))
        assert problem == f"'{mode}', 'labelset': it is missing"

    @pytest.mark.parametrize("data", [b"", b"[]", b"7", b"{", b"\xff\xfe", b'{"name": NaN}'])
    def test_what_is_no_object_is_refused(self, data: bytes) -> None:
        with pytest.raises(Invalid):
            read_task(data)

    words = some.none() | some.lists(
        some.text("abc &-é", min_size=1).map(str.strip).filter(bool), max_size=3
    ).map(tuple)
    selections = some.builds(
        Selection, stains=words, cases=words, tags_any=words, tags_all=words, tags_not=words
    )

    @given(
        selections,
        some.sampled_from(TaskMode),
        some.none() | some.text("xyz ", max_size=9),
        some.booleans(),
        some.none() | some.integers(0, 9999),
    )
    def test_what_is_written_is_read_as_it_was(
        self,
        selection: Selection,
        mode: TaskMode,
        description: str | None,
        flag: bool,
        number: int | None,
    ) -> None:
        is_boxes = mode is TaskMode.DLTRAIN
        settings = TaskSettings(
            name="A",
            mode=mode,
            description=description,
            is_restricted=flag,
            is_anonymised=not flag,
            reference="B" if flag else None,
            label_set="tau" if mode in {TaskMode.DLTRAIN, TaskMode.SAMPLING} else None,
            selection=selection,
            smallest_box=number if is_boxes else None,
            largest_box=9999 if is_boxes and flag else None,
            patch_size=300 if is_boxes else 512,
            slide_size_limit=number,
        )
        assert read_task(json.dumps(write_task(settings)).encode()) == settings

    def test_what_is_not_said_is_not_written(self) -> None:
        assert write_task(TaskSettings("A", TaskMode.SAMPLING, label_set="z")) == {
            "name": "A",
            "mode": "sampling",
            "restrict-access": False,
            "anonymize": False,
            "sampling": {"labelset": "z"},
        }


class TestLabelSets:
    def test_labels_are_read_in_their_order(self) -> None:
        text = (
            '[{"name": " Tumour ", "color": "#D55E00", "description": "all of it"},'
            ' {"name": "T", "color": "#0f0", "description": null}, {"name": "none"}]'
        )
        assert read_label_set(text.encode()) == [
            NewLabel("Tumour", "#d55e00", "all of it"),
            NewLabel("T", "#00ff00"),
            NewLabel("none", None),
        ]
        assert read_label_set(b"[]") == []

    def test_everything_wrong_is_told_at_once(self) -> None:
        labels = [
            {"name": "a", "color": "red"},
            {"color": "#ff0000"},
            "b",
            {"name": "c", "colour": "#ff0000"},
            {"name": "c", "description": 7.5},
            {"name": "n" * 201},
            {"name": "x\u202ey"},
        ]
        found = problems_of(read_label_set, json.dumps(labels).encode())
        assert [problem.split(":")[0] for problem in found] == [
            "Label 1, 'color'",
            "Label 2, 'name'",
            "Label 3",
            "Label 4, 'colour'",
            "Label 5, 'description'",
            "Label 5",
            "Label 6, 'name'",
            "Label 7, 'name'",
        ]

    def test_what_is_no_list_is_refused(self) -> None:
        for data in (b'{"name": "a"}', b"", b"null", b"[" * 100, b"[1" + b" " * (5 << 20) + b"]"):
            with pytest.raises(Invalid):
                read_label_set(data)

    def test_problems_without_end_have_one(self) -> None:
        assert len(problems_of(read_label_set, b"[" + b"1," * 100_000 + b"1]")) == 1001


class TestSlideTables:
    ROW = SlideRow("HNL-14", "A1", 2, 3, "H&E", ("good", "new"), "S1", is_left_out=False)

    def test_a_json_tells_of_one_slide(self) -> None:
        said = {
            "specimen": "HNL-14", "block": "A1", "stain": "H&E", "section": 2, "slide_number": 3,
            "cert": "certain", "tags": ["good", "new"],
        }  # fmt: skip
        assert read_slide_table(json.dumps(said).encode(), "/a/b/S1.json") == [self.ROW]
        least = b'\xef\xbb\xbf {"specimen": "c", "block": 4, "stain": "Tau"}'
        assert read_slide_table(least, "D:\\x\\S.2.json") == [
            SlideRow("c", "4", 0, 0, "Tau", (), "S.2", is_left_out=False)
        ]

    @pytest.mark.parametrize(
        "said",
        [{"cert": "duplicate"}, {"cert": " Exclude"}, {"duplicate": True}, {"exclude": True}],
    )
    def test_slides_may_be_left_out(self, said: dict[str, Any]) -> None:
        members = {"specimen": "c", "block": "1", "stain": "Tau"}
        for more, expected in ((said, True), ({"cert": "sure", "duplicate": False}, False)):
            (row,) = read_slide_table(json.dumps(members | more).encode(), "a.json")
            assert row.is_left_out is expected

    def test_everything_wrong_with_a_json_is_told_at_once(self) -> None:
        said = {"block": [], "section": "2", "slide_number": -1, "tags": "a;b", "stian": "Tau"}
        found = problems_of(read_slide_table, json.dumps(said).encode(), ".json\n")
        assert sorted(problem.split(":")[0] for problem in found) == [
            *("'block'", "'section'", "'slide_number'", "'specimen'", "'stain'", "'stian'"),
            "'tags'",
        ]
        for data in (b"[]", b"{", b'[{"specimen": "c"}]'):
            with pytest.raises(Invalid):
                read_slide_table(data, "a.json")

    def test_csv_needs_no_header(self) -> None:
        rows = read_slide_table(
            b"S1,H&E,A1,2,3,certain,Good; new;;\r\n\r\nS2,Tau,A2,,,duplicate\r\n", "HNL-14.csv"
        )
        left_out = SlideRow("HNL-14", "A2", 0, 0, "Tau", (), "S2", is_left_out=True)
        assert rows == [self.ROW, left_out]

    def test_a_header_may_name_the_columns_in_any_order(self) -> None:
        table = (
            "\ufeffTags,Slide_Name,unknown,Stain,Block,Section,Slide Number,Cert\n"
            '"good;new",S1,?,"H&E",A1,2.0,3,certain\n'
        )
        assert read_slide_table(table.encode(), "HNL-14.csv") == [self.ROW]
        assert read_slide_table(table.encode("utf-16"), "HNL-14.csv") == [self.ROW]
        tabs = table.replace(",", "\t").encode()
        assert read_slide_table(tabs, "HNL-14.txt") == [self.ROW]
        assert read_slide_table(b"slide name,stain,block\n", "c.csv") == []

    def test_everything_wrong_with_a_csv_is_told_at_once(self) -> None:
        table = (
            "S1,H&E,A1,2,3,ok,\n"
            "S1,H&E,A1,2,4,ok,\n"
            "S1,H&E,A1,2,4,duplicate,\n"
            ",H&E,A1,2,4,ok,\n"
            "S3,H&E,,two,-4,ok,\n"
            "S4,H&E,A1,2,4,ok,a\x07b\n"
            "S5,H&E,A1,99999999,4\n"
        )
        found = problems_of(read_slide_table, table.encode(), "c.csv")
        assert [problem.split(":")[0] for problem in found] == [
            *("Line 2", "Line 4", "Line 5", "Line 5", "Line 5", "Line 6", "Line 7"),
        ]
        (problem,) = problems_of(read_slide_table, b"slide name,section,block\nS1,1,A\n", "c.csv")
        assert problem == "Line 1: there is no column 'stain'"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\n \n",
            b'S1,"H&E',
            b'S1,"H&E"x,A1',
            b"S1,\xff,A1",
            b"S1,a\0b,A1",
            b"S1," + b"x" * 200_000,
        ],
    )
    def test_what_is_no_table_is_refused(self, data: bytes) -> None:
        with pytest.raises(Invalid):
            read_slide_table(data, "c.csv")

    def test_large_tables_take_seconds(self) -> None:
        large = b"".join(b"S%d,H&E,A1,1,1,ok,\n" % number for number in range(300_000))
        started = time.process_time()
        assert len(read_slide_table(large, "c.csv")) == 300_000
        assert len(problems_of(read_slide_table, large.replace(b"A1", b""), "c.csv")) == 1001
        with pytest.raises(Invalid):
            read_slide_table(b"x" * (17 << 20), "c.csv")
        assert time.process_time() - started < 60


class TestPublicNames:
    def test_with_a_header_and_without(self) -> None:
        expected = {"Müller": "Case 1", "Meier, A.": "Case 2"}
        rows = 'Müller,Case 1\n\n"Meier, A.", Case 2 \n'
        for header in ("", "private,public\n", "specimen_private,specimen_public\n", "\ufeff"):
            assert read_public_names((header + rows).encode()) == expected
        assert read_public_names("Müller;Case 1\n".encode()) == {"Müller": "Case 1"}

    def test_everything_wrong_is_told_at_once(self) -> None:
        table = b"a,1\nb\na,2\nc,1\nd,\n,e\nf,g,h\n"
        assert [problem.split(":")[0] for problem in problems_of(read_public_names, table)] == [
            f"Line {line}" for line in (2, 3, 4, 5, 6, 7)
        ]
        assert problems_of(read_public_names, b" \n") == ["The table of public names is empty"]

    def test_many_names_take_seconds(self) -> None:
        large = b"".join(b"s%d,p%d\n" % (number, number) for number in range(300_000))
        started = time.process_time()
        assert len(read_public_names(large)) == 300_000
        assert time.process_time() - started < 60
