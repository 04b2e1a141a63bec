from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from wsi_lab.errors import Conflict, HomeUnusable
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Study
from wsi_lab.service.lab import Lab, LabSettings


def test_home_is_made_with_everything_in_it(settings: LabSettings) -> None:
    Lab.open(settings).close()
    assert {path.name for path in settings.home.iterdir()} == {
        *("lab.sqlite3", "slides", "cache"),
        *("uploads", "annotations", "attachments", "attached"),
    }


def test_lab_keeps_what_it_knows(settings: LabSettings) -> None:
    with Lab.open(settings) as lab:
        owner = lab.people.owner(name="owner")
        study = lab.studies.create(owner, "s")
        key = lab.server_key()
    with Lab.open(settings) as lab:
        assert lab.studies.get(lab.people.owner(name="owner"), study.id) == study
        assert lab.server_key() == key


def test_home_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(HomeUnusable):
        Lab.open(LabSettings(tmp_path / "home"))


def test_closing_twice_is_closing_once(settings: LabSettings) -> None:
    lab = Lab.open(settings)
    lab.close()
    lab.close()


def test_backup_is_restored_into_an_empty_home_only(
    lab: Lab, study: Study, settings: LabSettings, tmp_path: Path
) -> None:
    key = lab.server_key()
    lab.backup(tmp_path / "backup")
    elsewhere = LabSettings(tmp_path / "restored")
    Lab.restore(elsewhere, tmp_path / "backup")
    with Lab.open(elsewhere) as restored:
        assert restored.studies.list(restored.people.owner(name="owner")).items == (study,)
        assert restored.server_key() == key
    for home in (settings, elsewhere):
        with pytest.raises(Conflict):
            Lab.restore(home, tmp_path / "backup")


def test_opening_a_lab_needs_none_of_the_heavy_libraries(settings: LabSettings) -> None:
    # Making a home runs migrations, and sqlite-utils brings pandas along for them.
    Lab.open(settings).close()
    script = (
        "import sys; from pathlib import Path; from wsi_lab.service.lab import Lab, LabSettings\n"
        "with Lab.open(LabSettings(Path(sys.argv[1]))) as lab:\n"
        "    lab.people.list(lab.people.owner())\n"
        "heavy = {'large_image', 'pandas', 'geopandas', 'PIL', 'ipyleaflet', 'numpy', 'tornado', "
        "'shapely'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = [sys.executable, "-c", script, str(settings.home)]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "[]\n"


def test_eight_threads_lose_no_change_and_no_entry(
    lab: Lab, owner: Actor, study: Study, entries
) -> None:
    before = len(entries())

    def work(thread: int) -> None:
        for number in range(20):
            case = lab.cases.create(owner, study.id, f"{thread}-{number}")
            lab.cases.change(owner, case.id, revision=1, public_name="P")
            lab.cases.list(owner, study.id, limit=5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    found = lab.cases.list(owner, study.id, limit=1000).items
    assert {case.name for case in found} == {f"{t}-{n}" for t in range(8) for n in range(20)}
    assert {case.revision for case in found} == {2}
    assert len(entries()) == before + 2 * 160


def test_two_processes_write_one_home_at_once(
    lab: Lab, owner: Actor, study: Study, settings: LabSettings
) -> None:
    script = (
        "import sys; from pathlib import Path; from wsi_lab.service.lab import Lab, LabSettings\n"
        "with Lab.open(LabSettings(Path(sys.argv[1]))) as lab:\n"
        "    owner = lab.people.owner(name='owner')\n"
        "    print('ready', flush=True)\n"
        "    for n in range(150): lab.cases.create(owner, 1, f'other-{n}')\n"
    )
    run = [sys.executable, "-c", script, str(settings.home)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        mine = 0
        while other.poll() is None or mine < 150:
            lab.cases.create(owner, study.id, f"mine-{mine}")
            mine += 1
    assert other.returncode == 0
    names = set()
    cursor = None
    while True:
        page = lab.cases.list(owner, study.id, limit=1000, cursor=cursor)
        names |= {case.name for case in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
    assert names == {f"other-{n}" for n in range(150)} | {f"mine-{n}" for n in range(mine)}


@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.lists(strategies.tuples(strategies.integers(0, 3), strategies.booleans())))
def test_whoever_did_not_read_the_last_change_changes_nothing(
    lab: Lab, owner: Actor, steps: list[tuple[int, bool]]
) -> None:
    """Several people read and change one study in any order: each stale change is refused."""
    study = lab.studies.create(owner, f"study {len(lab.studies.list(owner, limit=1000).items)}")
    read = dict.fromkeys(range(4), 1)
    history = [study.description]
    for number, (person, writes) in enumerate(steps):
        if not writes:
            read[person] = lab.studies.get(owner, study.id).revision
            continue
        fresh = read[person] == len(history)
        write = partial(
            lab.studies.change, owner, study.id, revision=read[person], description=str(number)
        )
        if fresh:
            read[person] = write().revision
            history.append(str(number))
        else:
            with pytest.raises(Conflict) as refused:
                write()
            assert refused.value.details["current"] == len(history)
    now = lab.studies.get(owner, study.id)
    assert (now.description, now.revision) == (history[-1], len(history))


def test_one_of_many_changes_from_the_same_revision_wins(
    lab: Lab, owner: Actor, study: Study
) -> None:
    together = threading.Barrier(8)

    def change(thread: int) -> bool:
        together.wait(10)
        try:
            lab.studies.change(owner, study.id, revision=1, description=str(thread))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change, range(8))) == 1


def test_home_of_the_systems_own_sqlite_can_still_be_read(settings: LabSettings) -> None:
    """The file format is everybody's: a lab's data can be had without the lab."""
    with Lab.open(settings) as lab:
        lab.people.owner(name="owner")
    connection = sqlite3.connect(f"file:{settings.home / 'lab.sqlite3'}?mode=ro", uri=True)
    assert connection.execute("SELECT email FROM users").fetchall() == [("owner@localhost",)]
    connection.close()
