from __future__ import annotations

import random
import subprocess
import sys

from wsi_lab.model.case_order import case_order

CASES = list(range(1, 101))


def test_order_holds_each_case_once() -> None:
    assert sorted(case_order(1, "anna@lab", [*CASES, *CASES])) == CASES
    assert case_order(1, "anna@lab", []) == ()


def test_order_is_the_same_whatever_order_the_cases_come_in() -> None:
    mixed = random.Random(3).sample(CASES, len(CASES))
    assert case_order(1, "anna@lab", mixed) == case_order(1, "anna@lab", CASES)


def test_order_is_the_same_on_every_machine() -> None:
    # Written down, so that a study that is under way keeps its orders in later versions.
    assert case_order(7, "anna@lab", range(1, 9)) == (8, 3, 2, 5, 7, 6, 4, 1)
    code = "from wsi_lab.model.case_order import *; print(case_order(7, 'anna@lab', range(1, 9)))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "(8, 3, 2, 5, 7, 6, 4, 1)"


def test_readers_and_seeds_have_orders_of_their_own() -> None:
    orders = {
        case_order(seed, f"reader{number}@lab", CASES) for seed in range(10) for number in range(10)
    }
    assert len(orders) == 100
    assert tuple(CASES) not in orders


def test_reader_is_the_same_in_any_case() -> None:
    assert case_order(1, " Anna@Lab ", CASES) == case_order(1, "anna@lab", CASES)


def test_case_that_is_added_leaves_the_others_in_their_order() -> None:
    before = case_order(1, "anna@lab", CASES[:-1])
    assert tuple(each for each in case_order(1, "anna@lab", CASES) if each != 100) == before


def test_first_places_are_shared_out_evenly() -> None:
    first = [case_order(5, f"r{number}@lab", range(4))[0] for number in range(2000)]
    assert all(430 < first.count(case) < 570 for case in range(4))
