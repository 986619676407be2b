"""Jobs that are under way when this code is released: each kept history is replayed against it."""

from pathlib import Path
from typing import Any

import pytest

import orchestrators
from devhost import replay
from devhost.histories import HistoryMismatch, Recorded, read_history, replay_history
from shared import names
from tests.histories.record import KEPT
from tests.histories.stories import STORIES

HISTORIES = sorted(KEPT.glob("*.json"))
WHAT_TO_DO = (
    "Jobs that are under way would not survive this change: {mismatch}\n"
    "Change the story so that they do (new steps after all that they may have taken, or by `context.version`). Where that cannot "
    "be, raise names.STORY_VERSION and `defaultVersion` of host.json together: every job under way is then ended at once and "
    "started again from its records; and record the histories anew: python -m tests.histories.record"
)


def events(recorded: Recorded, kind: int) -> list[dict[str, Any]]:
    return [event for history in recorded.values() for event in history if event["EventType"] == kind]


@pytest.mark.parametrize("kept", HISTORIES, ids=lambda path: path.stem)
def test_a_job_under_way_survives_todays_code(kept: Path) -> None:
    broken = ""
    try:
        replay_history(orchestrators.blueprints, read_history(kept))
    except HistoryMismatch as mismatch:
        broken = WHAT_TO_DO.format(mismatch=mismatch)
    if broken:
        pytest.fail(broken, pytrace=False)


def test_every_story_is_kept() -> None:
    assert [path.stem for path in HISTORIES] == sorted(story.__name__ for story in STORIES)


def test_every_step_is_in_some_history() -> None:
    recorded = [read_history(path) for path in HISTORIES]
    activities = {event["Name"] for one in recorded for event in events(one, replay.TASK_SCHEDULED)}
    stories = {event["Name"] for one in recorded for event in events(one, replay.EXECUTION_STARTED)}

    assert activities == set(names.ACTIVITIES)
    assert stories == set(names.ORCHESTRATORS)


def test_the_histories_are_of_the_version_that_is_released() -> None:
    versions = {event["Version"] for path in HISTORIES for event in events(read_history(path), replay.EXECUTION_STARTED)}

    assert versions == {str(names.STORY_VERSION)}, "record them anew: python -m tests.histories.record"
