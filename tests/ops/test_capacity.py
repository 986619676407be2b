"""The figures of docs/scaling-and-cost.md are what bench/capacity.py computes, and that counts as it says."""

import json
import re
from collections import Counter

import pytest

from bench import capacity, features, way
from bench.capacity import CORES, ENGINE, GUIDE, MONTH_SECONDS, ROOT, monthly
from bench.storage_operations import (
    GB_MONTH,
    GB_SECOND,
    INSTANCE_GB,
    LOG_GB,
    LOG_KB_AN_EXECUTION,
    PER_10_000,
    PER_MILLION_EXECUTIONS,
    Counted,
)
from shared.settings import Settings

JOB = Counted("a job", "goods", Counter({"blob write": 10}), Counter(instance=1, activity=8, timer=4), episodes=11, seconds=12.0)


def test_the_guide_has_the_tables_that_are_computed_now() -> None:
    guide = GUIDE.read_text()

    assert capacity.with_tables(guide) == guide, "python -m bench.capacity --write"


def test_a_table_that_the_guide_has_no_place_for_is_missed() -> None:
    with pytest.raises(LookupError, match="first"):
        capacity.with_tables(GUIDE.read_text().replace("<!-- bench.capacity: first -->", ""))


def test_what_the_guide_says_beside_its_tables_is_what_they_are_computed_with() -> None:
    text = re.sub(r"\s+", " ", GUIDE.read_text())

    assert f"took {ENGINE.cpu:.2f} s: {ENGINE.host_cpu:.2f} in the host, {ENGINE.worker_cpu:.2f} in the Python worker" in text
    assert f"{ENGINE.operations} were counted for a job that the estimate gives {capacity.estimated_of_the_engines_job()}" in text
    assert f"busy for {100 * capacity.PLANNED:.0f} % of its time" in text
    assert f"at {GB_SECOND:.6f} USD per GB-s" in text
    assert f"{PER_MILLION_EXECUTIONS:.2f} USD per million executions" in text
    assert f"writes and lists {PER_10_000['blob write']} USD, blob reads and queues {PER_10_000['queue']}" in text
    assert f"at {GB_MONTH} USD per GB and month" in text
    assert f"{LOG_KB_AN_EXECUTION} KB of logs and traces an execution at {LOG_GB:.2f} USD per GB" in text


def test_limits_in_the_guide_are_the_defaults_of_code_and_deployment() -> None:
    told = dict(re.findall(r"\| `([A-Z_]+)` \| (\d+) \|", GUIDE.read_text()))
    defaults = dict(re.findall(r"^param (\w+) int = (\d+)$", (ROOT / "infra/main.bicep").read_text(), re.MULTILINE))

    assert set(told) >= {"BFL_MAX_ACTIVE", "BFL_KONTEXT_MAX_ACTIVE", "REPLICATE_MAX_ACTIVE", "PARTITION_COUNT", "PYTHON_THREADS"}
    for name, number in told.items():
        parameter = name[0].lower() + name.title().replace("_", "")[1:]
        assert defaults[parameter] == number, name


def test_every_setting_that_is_a_way_out_is_a_parameter_of_the_deployment() -> None:
    parameters = (ROOT / "infra/main.parameters.json").read_text()
    ways_out = capacity.tables()["first"] + GUIDE.read_text().partition("## What gives first")[2].partition("\n## ")[0]

    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`", ways_out))
    assert named
    assert {name for name in named if f'"${{{name}}}"' not in parameters} == set()


def test_the_estimate_of_storage_operations_is_right_for_what_was_counted_on_the_engine() -> None:
    assert capacity.estimated_of_the_engines_job() == pytest.approx(ENGINE.operations, rel=0.05)


def test_the_hub_looks_at_its_queues_as_often_as_the_engine_was_measured_with() -> None:
    assert capacity.polling_interval() in {seconds for seconds, *_ in ENGINE.polling}
    assert capacity.polling_interval() == 1


def test_what_gives_first_stands_first() -> None:
    numbers = [int(row.split(" | ")[1].replace(",", "")) for row in capacity.tables()["first"].splitlines()[2:]]

    assert numbers == sorted(numbers)
    assert numbers[0] == round(60 * Settings.bfl_kontext_max_active / 12)


def test_few_jobs_cost_the_seconds_of_each_and_many_the_instances_that_they_keep_busy() -> None:
    instance = MONTH_SECONDS * INSTANCE_GB * GB_SECOND
    a_month_of_one = 60 * CORES[2048] * capacity.PLANNED / ENGINE.cpu * MONTH_SECONDS / 60

    assert JOB.executions == 20
    assert monthly(JOB, 100)["compute"] == pytest.approx(100 * 20 * 1.0 * INSTANCE_GB * GB_SECOND)
    assert monthly(JOB, int(a_month_of_one * 0.9))["compute"] == pytest.approx(instance)
    assert monthly(JOB, int(a_month_of_one * 2.5))["compute"] == pytest.approx(3 * instance)


def test_what_waits_costs_the_same_whatever_comes_and_the_rest_grows_with_the_jobs() -> None:
    few, many = monthly(JOB, 1_000), monthly(JOB, 10_000)
    fixed = {name for name in few if few[name] == many[name]}

    assert {name.partition(" ")[0] for name in fixed} == {"two", "polls", "alert", "housekeeping"}
    assert {round(many[name] / few[name], 9) for name in few.keys() - fixed} == {10}


def test_polls_are_those_of_a_ready_instance_and_of_the_platform() -> None:
    polls = next(usd for name, usd in monthly(JOB, 1).items() if name.startswith("polls"))

    # 6 a second by the instance; four control queues and the work items each ten seconds by the platform.
    assert polls == pytest.approx((6 + 5 / 10) * MONTH_SECONDS / 10_000 * 0.004)


def test_alerts_are_billed_by_how_often_they_search_and_the_test_by_the_run() -> None:
    # From five places, twelve times an hour.
    assert capacity.watching() == pytest.approx(19 * 1.50 + 2 * 0.50 + 5 * 12 * 730 * 0.0006)


def test_housekeeping_is_a_second_and_a_few_lists_every_five_minutes() -> None:
    assert capacity.tidying() == pytest.approx(8760 * (2 * 0.000026 + 0.4e-6 + 4 * 5e-6 + 2 * 4e-7))


def test_a_job_needs_the_cpu_of_its_activities() -> None:
    assert capacity.cpu_of(JOB) == pytest.approx(0.43 * 8 / 11)


def at(second: float) -> str:
    return f"2026-11-27T04:00:{second:09.6f}Z"


def test_the_time_of_a_step_ends_with_the_episode_that_has_its_answer() -> None:
    def episode(second: float, *events: dict[str, object]) -> list[dict[str, object]]:
        return [{"EventType": 12, "Timestamp": at(second)}, *events]

    def ask(number: int, name: str) -> dict[str, object]:
        return {"EventType": 4, "EventId": number, "Name": name}

    def answer(number: int) -> dict[str, object]:
        return {"EventType": 5, "TaskScheduledId": number}

    timer, fired = {"EventType": 10, "EventId": 9}, {"EventType": 11, "TimerId": 9}
    history = [
        *episode(1, ask(0, "prepare_image"), ask(1, "prepare_image")), *episode(2, answer(1)), *episode(4, answer(0)),
        *episode(4, ask(2, "submit_prediction")), *episode(5, answer(2), timer), *episode(8, fired, ask(3, "check_prediction")),
        *episode(8.5, answer(3), timer), *episode(10, fired, ask(4, "check_prediction")), *episode(12, answer(4)),
        *episode(12, ask(5, "finish_job")), *episode(13, answer(5)),
    ]  # fmt: skip
    asked = way._seconds(at(0.5))

    assert way.steps_of(history, asked, asked + 0.25) == {
        "post": (1, 0.25), "prepare_image": (2, 2.0), "submit_prediction": (1, 1.0), "wait": (2, 2.25),
        "check_prediction": (1, 0.5), "store": (1, 2.0), "finish_job": (1, 1.0), "stored": (1, 11.5),
    }  # fmt: skip


@pytest.mark.parametrize("kind", list(features.BEFORE))
def test_what_is_off_or_not_asked_for_costs_no_step(kind: str) -> None:
    rows = json.loads((ROOT / "bench/record.json").read_text())["features"]["measured"][kind]
    before, off = features.BEFORE[kind], rows[features.OFF]

    assert list(rows) == [features.OFF, features.SET_UP, *features.ASKED]
    assert capacity.beside_looks(before) >= capacity.beside_looks(off) == capacity.beside_looks(rows[features.SET_UP])
    assert off["blobs"] == rows[features.SET_UP]["blobs"]
    assert {operation: count for operation, count in off["blobs"].items() if count > before["blobs"][operation]} == {}
    asked = {what: capacity.beside_looks(rows[what]) - capacity.beside_looks(off) for what in features.ASKED}
    assert list(asked.values()) == [0, 1, 0, 1, 0], "a translation and a delivery are a step each"
    assert [what for what in rows if rows[what]["queue"]] == ["a message in the queue"]


def test_the_record_is_of_the_usual_jobs() -> None:
    record = json.loads((ROOT / "bench/record.json").read_text())

    assert [job["what"] for job in record["storage_operations"]["measured"]] == [
        "goods, polled",
        "PPL, polled",
        "PPL, told by webhook",
    ]
    assert list(record["way"]["measured"]) == list(way.MEASURED)
