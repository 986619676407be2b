"""Episodes that were recorded: the library gives the orchestrators what the devhost gives them, and hands on what they say."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devhost import replay
from devhost.histories import read_history
from tests.histories.record import KEPT

if TYPE_CHECKING:
    from tests.worker.both import DoubleHost

HISTORIES = sorted(KEPT.glob("*.json"))


@pytest.mark.parametrize("kept", HISTORIES, ids=lambda path: path.stem)
def test_a_recorded_job(both: "DoubleHost", kept: Path) -> None:
    bodies = 0
    for instance, history in read_history(kept).items():
        started = next(e for e in history if e["EventType"] == replay.EXECUTION_STARTED)
        ends = [n for n, event in enumerate(history) if event["EventType"] == replay.ORCHESTRATOR_COMPLETED]
        for end in ends:
            bodies += 1
            body = {"history": history[:end], "input": json.loads(started["Input"]), "instanceId": instance, "isReplaying": False,
                    "parentInstanceId": None, "upperSchemaVersion": 1, "upperSchemaVersionNew": 3}  # fmt: skip
            both.run_orchestrator(started["Name"], json.dumps(body))
    assert bodies


def test_what_is_no_history(both: "DoubleHost") -> None:
    for body in ("{}", '{"history": []}', '{"history": [{"EventType": 12}], "input": null, "instanceId": "x"}'):
        with pytest.raises((AttributeError, IndexError, KeyError, TypeError)):
            both.run_orchestrator("generate_job", body)
