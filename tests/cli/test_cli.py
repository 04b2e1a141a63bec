from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.service.lab import Lab, LabSettings

Run = Callable[..., Any]


def test_home_is_the_option_before_the_variable(run: Run, tmp_path: Path) -> None:
    run("study", "create", "here")
    other = tmp_path / "other"
    assert run("study", "list", "--home", other, "--json").json == []
    assert len(run("study", "list", "--json").json) == 1
    assert (other / "lab.sqlite3").exists()


def test_home_without_option_and_variable_is_the_platforms(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from wsi_lab.service.home import default_home

    monkeypatch.delenv("WSI_LAB_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_home().is_relative_to(tmp_path)
    assert default_home().name == "wsi-lab"


@pytest.mark.parametrize(
    "words",
    [
        ("study", "remove", "nothing"),
        ("study", "add-slides", "nothing", "x.svs"),
        ("member", "add", "nothing", "r@lab", "--rights", "view"),
        ("token", "revoke", "99"),
        ("token", "create", "--user", "nobody@lab", "--name", "x", "--can", "all"),
        ("user", "add", "no email"),
        ("user", "add", "anna@localhost"),
    ],
)
@pytest.mark.parametrize("flag", [(), ("--json",)])
def test_what_cannot_be_done_is_one_sentence_on_standard_error(
    run: Run, words: tuple[str, ...], flag: tuple[str, ...]
) -> None:
    ended = run(*words, *flag)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err


def test_mistake_of_ours_is_told_without_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_it(_settings: LabSettings) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(Lab, "open", break_it)
    ended = run("user", "list")
    assert (ended.code, ended.out) == (1, "")
    assert "WSI_LAB_DEBUG=1" in ended.err
    assert "Traceback" not in ended.err
    monkeypatch.setenv("WSI_LAB_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("user", "list")


def test_help_and_version_need_no_home(run: Run, home: Path) -> None:
    for words in (("--help",), ("study", "add-slides", "-h"), ("--version",)):
        ended = run(*words)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out
    assert run("fly").code == 2
    assert not home.exists()


@pytest.mark.parametrize("words", [(), ("stduy", "list"), ("slides",), ("-h",)])
def test_what_names_no_command_is_not_taken_for_one(run: Run, words: tuple[str, ...]) -> None:
    ended = run(*words)
    assert ended.code == (0 if words == ("-h",) else 2)
    assert "Usage: wsi-lab [OPTIONS] COMMAND" in ended.out + ended.err


@pytest.mark.parametrize(
    ("words", "is_hinted"),
    [
        (("slides",), True),
        (("slides", "--s3-endpoint", "http://h:9"), True),
        (("stduy", "list"), False),
    ],
)
def test_lone_word_may_have_been_a_bucket(
    run: Run, words: tuple[str, ...], *, is_hinted: bool
) -> None:
    ended = run(*words)
    assert ended.code == 2
    assert f"No such command '{words[0]}'." in ended.err
    assert ("served by: wsi-lab serve slides" in ended.err) == is_hinted


@pytest.mark.parametrize(
    "words",
    [
        ("s3://slides",),
        ("--cache-slides", "0"),
        ("-p=1",),
        ("./src",),
        ("no/such/folder",),
        ("my.bucket",),
        ("folder",),
    ],
)
def test_what_can_only_mean_serve_need_not_name_it(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    ended = run(*words, "--no-such-option")
    assert ended.code == 2
    assert "Usage: wsi-lab serve" in ended.err


def test_command_is_stronger_than_a_folder_of_its_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run("study", "list", "--json").json == []


def test_version_is_told_by_what_wsi_streamer_has_it_for(run: Run) -> None:
    version = run("-V").out
    assert version.count(".") > 0
    for command in ("serve", "check"):
        assert run(command, "-V").out == version


def test_exit_code_is_that_of_the_process() -> None:
    for words, code in ((["--version"], 0), (["fly"], 2), (["check"], 1)):
        command = [sys.executable, "-m", "wsi_lab", *words]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == code, done.stderr


def test_command_works_on_a_home_that_is_open_elsewhere(home: Path) -> None:
    command = [sys.executable, "-c", "import sys; from wsi_lab.cli import main; sys.exit(main())"]
    with Lab.open(LabSettings(home)) as lab:
        owner = lab.people.owner()
        before = lab.studies.create(owner, "by the server")
        words = ["study", "create", "by the command", "--json"]
        made = subprocess.run([*command, *words], check=True, capture_output=True, text=True)
        assert json.loads(made.stdout)["id"] == before.id + 1
        names = [study.name for study in lab.studies.list(owner).items]
    assert names == ["by the server", "by the command"]


def test_command_starts_without_the_heavy_libraries(home: Path) -> None:
    # Making a home runs migrations, and sqlite-utils brings pandas along for them.
    Lab.open(LabSettings(home=home)).close()
    script = (
        "import sys; sys.argv = ['wsi-lab', 'user', 'list']\n"
        "from wsi_lab.cli import main\n"
        "assert main() == 0\n"
        "heavy = {'numpy', 'pandas', 'PIL', 'tornado', 'large_image', 'jupyter_core', 'rich'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
