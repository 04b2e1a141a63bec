"""What the README, the changelog and the packaging say is true."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lab_processes import alone

import wsi_lab


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def _distribution(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return name.group().lower().replace("_", "-")


def test_python_of_the_readme_runs(
    readme: str,
    demo_server: Any,
    demo_slide: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "slides").mkdir()
    shutil.copy(demo_slide, tmp_path / "slides")
    monkeypatch.setenv("WSI_LAB_URL", demo_server.url)
    monkeypatch.setenv("WSI_LAB_TOKEN", demo_server.token)
    monkeypatch.setenv("WSI_LAB_BASE_URL", "/")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for snippet in _blocks(readme, "python")[:3]:
        exec(compile(snippet, "README.md", "exec"), names)  # noqa: S102 (our own README)
    names["layer"].remove()
    names["study"].remove()
    names["lab"].close()
    assert "/read/" in capsys.readouterr().out
    assert names["pixels"].shape == (512, 512, 3)
    assert list(names["shapes"]["label"]) == ["tumour"]
    assert (tmp_path / "epithelium.geojson").stat().st_size > 100
    assert list(names["table"]["name"]) == ["CMU-1-Small-Region"]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the SDK's, of what it sends
def test_scripts_for_slide_score_in_the_readme_run(
    readme: str, tmp_path: Path, demo_slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snippet, readings = (_blocks(readme, "python")[place] for place in (4, 3))
    (tmp_path / demo_slide.name).symlink_to(demo_slide)
    (tmp_path / "study.pilot.scores").write_text("Grade;DropDown;1;2;3\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with alone(tmp_path) as place:
        code = snippet.replace("http://localhost:8950", place.base)
        names: dict[str, Any] = {"token": place.token}
        exec(compile(code, "README.md", "exec"), names)  # noqa: S102 (our own README)
        lab = wsi_lab.connect(place.base, place.token)
        names["study"] = lab.studies["pilot"]
        for reader, grade in (("a@lab", "1"), ("b@lab", "2")):
            rows = [{"slide_id": names["images"][0]["id"], "reader": reader}]
            names["study"].import_results(pd.DataFrame(rows).assign(question="Grade", answer=grade))
        exec(compile(readings, "README.md", "exec"), names)  # noqa: S102 (our own README)
        lab.close()
    assert [each["name"] for each in names["images"]] == [demo_slide.stem]
    assert names["results"] == []
    assert names["ratings"].to_numpy().tolist() == [[1, 2]]


def _run_commands(readme: str, folder: Path, demo_slide: Path) -> int:
    """Run the commands of the README in a folder with the files they name; return how many."""
    row = f"{demo_slide},TCGA-1,C1,A,1,1,H&E,train;new"
    header = "path,specimen,specimen_public,block,section,slide,stain,tags"
    (folder / "slides.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    labels = [{"name": "tumour", "color": "#ff0000", "description": "malignant"}]
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    task = {"name": "outlines", "mode": "annot", "restrict-access": False, "stains": ["h&e"]}
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    lines = [line for block in _blocks(readme, "console") for line in block.splitlines()]
    commands = [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]
    slides = {"slides": str(demo_slide.parent), "slides/*.svs": str(demo_slide)}
    for program, *arguments in commands:
        assert program == "wsi-lab"
        if arguments[0] == "serve":  # it would not end; tests of the server start it
            continue
        given, into = [slides.get(each, each) for each in arguments], None
        if ">" in given:
            given, (_, into) = given[: given.index(">")], given[given.index(">") :]
        done = subprocess.run(
            [sys.executable, "-m", "wsi_lab", *given],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=folder,
        )
        assert done.returncode == 0, (given, done.stderr)
        if into is not None:
            (folder / into).write_text(done.stdout, encoding="utf-8")
    return len(commands)


@pytest.mark.timeout(400)
def test_commands_and_scripts_for_phas_and_cytomine_in_the_readme_run(
    readme: str, tmp_path: Path, demo_slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSI_LAB_HOME", str(tmp_path / "home"))
    assert _run_commands(readme, tmp_path, demo_slide) >= 14
    for_phas, for_cytomine = _blocks(readme, "python")[5:7]
    create = ("key", "create", "--user", "annotator@lab", "--for", "cytomine", "--json")
    made = subprocess.check_output([sys.executable, "-m", "wsi_lab", *create], text=True)
    names: dict[str, Any] = {
        name: text for name, text in json.loads(made).items() if name.endswith("_key")
    }
    monkeypatch.chdir(tmp_path)
    with alone(tmp_path) as place:
        for snippet in (for_phas, for_cytomine):
            code = snippet.replace("http://localhost:8950", place.base.rstrip("/"))
            exec(compile(code, "README.md", "exec"), names)  # noqa: S102 (our own README)
        drawn = names["client"].task_listing("til-project")
        names["client"].close()
    assert names["patch"].size == (512, 512)
    assert [each.location for each in names["shapes"]] == [
        "POLYGON ((100 100, 100 300, 300 300, 100 100))"
    ]
    assert {each["mode"] for each in drawn} == {"annot"}


def test_every_dependency_has_its_reason_in_the_readme(
    readme: str, project: dict[str, Any]
) -> None:
    table = readme.split("| library | why it is here |")[1].split("\n\n", maxsplit=1)[0]
    first_cells = [row.split("|")[1] for row in table.splitlines() if row.count("|") >= 3]
    told = set(re.findall(r"[a-z0-9][a-z0-9-]+", " ".join(first_cells)))
    optional = project["project"]["optional-dependencies"]["staple"]
    needed = {_distribution(each) for each in (*project["project"]["dependencies"], *optional)}
    assert needed <= told, f"no reason is given for {sorted(needed - told)}"
    assert told <= needed, f"reasons for what is not needed any more: {sorted(told - needed)}"


def test_the_changelog_speaks_of_this_version(repository: Path) -> None:
    newest = re.search(
        r"^## \[([^\]]+)\]", (repository / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert newest is not None
    assert newest.group(1) == wsi_lab.__version__


def test_every_direct_dependency_is_pinned(repository: Path, project: dict[str, Any]) -> None:
    pins = (repository / "constraints.txt").read_text(encoding="utf-8")
    pinned = {_distribution(line) for line in pins.splitlines() if "==" in line}
    direct = (
        project["project"]["dependencies"] + project["project"]["optional-dependencies"]["test"]
    )
    needed = {_distribution(each) for each in direct}
    assert needed <= pinned, f"constraints.txt lacks {sorted(needed - pinned)}"


def test_pins_carry_no_addresses(repository: Path) -> None:
    for name in ("constraints.txt", "package-lock.json", "pyproject.toml", "package.json"):
        text = (repository / name).read_text(encoding="utf-8")
        assert '"resolved"' not in text
        assert "index-url" not in text
        assert "https://" not in text, name


def test_pictures_and_links_of_the_readme_exist(repository: Path, readme: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", readme)
    assert targets
    missing = [each for each in targets if not (repository / each).exists()]
    assert not missing
