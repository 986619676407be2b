"""The fixture is whole, and what is loaded is the same state at another time and place."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from tests.azurite import Azurite
from tests.former.load import STATE, Shift, load, moment
from tests.stack import Stack

KILLED_AT = datetime(2026, 7, 9, 15, 0, 5, 250000, tzinfo=UTC)
SHIFT = Shift(KILLED_AT, 86_400 + 60, 1234, 5678)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"at": "2026-07-09T14:59:59.123456+00:00"', '"at": "2026-07-10T15:00:59.123456+00:00"'),
        ('"Timestamp": "2026-07-09T15:00:00.1Z"', '"Timestamp": "2026-07-10T15:01:00.1Z"'),
        # The day in Korea, which began at 15:00 UTC; an earlier day is an earlier one still.
        ('"day": "2026-07-10"', '"day": "2026-07-11"'),
        ('"day": "2026-07-08"', '"day": "2026-07-08"'),
        (f'"seen_at": {KILLED_AT.timestamp()}', f'"seen_at": {KILLED_AT.timestamp() + 86_460}'),
        (f"VALUES('job',{int(KILLED_AT.timestamp())},0.0,-1.0)", f"VALUES('job',{int(KILLED_AT.timestamp()) + 86_460},0.0,-1.0)"),
        ("(1.78360919e+09)", "(1.78360919e+09)"),
        ("(1.7836092052500000000e+09)", f"({KILLED_AT.timestamp() + 86_460!r})"),
        # Numbers that are no time, and ids that hold one.
        ('"seed": 3985161292', '"seed": 3985161292'),
        (f'"{int(KILLED_AT.timestamp())}"', f'"{int(KILLED_AT.timestamp())}"'),
        (f"x{int(KILLED_AT.timestamp())}", f"x{int(KILLED_AT.timestamp())}"),
        ("http://localhost:1234/bfl/v1 127.0.0.1:12345", "http://localhost:5678/bfl/v1 127.0.0.1:12345"),
    ],
)
def test_times_and_the_simulators_address_are_moved_and_nothing_else(before: str, after: str) -> None:
    assert SHIFT.text(before) == after


def test_no_seed_of_the_fixture_is_taken_for_a_time() -> None:
    shift = Shift(datetime.fromisoformat(moment()["killed_at"]), 1000, moment()["sim_port"], 1)
    files = list((STATE / "documents/jobs").glob("*/job.json"))
    assert len(files) == 16
    for file in files:
        text = file.read_text()
        assert json.loads(shift.text(text))["seeds"] == json.loads(text)["seeds"]


def test_the_fixture_is_small() -> None:
    assert sum(file.stat().st_size for file in STATE.rglob("*") if file.is_file()) < 300_000


@pytest.mark.parametrize("hub", [True, False])
def test_a_stack_finds_every_blob_and_the_hub_where_it_is_wanted(tmp_path: Path, hub: bool) -> None:
    stack = Stack(tmp_path)
    before = datetime.now(UTC)
    noted = load(stack, hub=hub, seconds_ago=5)
    assert blobs_under(tmp_path) == {
        (container, file.relative_to(STATE / container).as_posix())
        for container in ("documents", "images") for file in (STATE / container).rglob("*") if file.is_file()
    }  # fmt: skip
    gate = document(tmp_path, "gates/bfl.json")
    # It had been seen in the last seconds before the kill, and the kill is 5 to 6 seconds ago.
    newest = datetime.fromtimestamp(max(slot["seen_at"] for slot in gate["active"].values()), UTC)
    assert before - timedelta(seconds=15) < newest < datetime.now(UTC)
    assert rows(tmp_path / "simulators.sqlite", "SELECT count(*) FROM predictions") == [(16,)]
    assert (tmp_path / "taskhub.sqlite").exists() is hub
    if hub:
        open_jobs = {job["id"] for job in noted["jobs"].values() if "said" not in job}
        running = {one for (one,) in rows(tmp_path / "taskhub.sqlite", "SELECT id FROM instances WHERE status = 'Running'")}
        leftover = noted["jobs"]["goods-leftover"]["id"]
        assert {one.split("-")[0] for one in running} == {*open_jobs, leftover} - unborn(noted)
        history = "".join(text for (text,) in rows(tmp_path / "taskhub.sqlite", "SELECT event FROM history"))
        assert f":{stack.sim_port}/bfl/" in history
        assert f":{noted['sim_port']}/" not in history


def unborn(noted: dict[str, Any]) -> set[str]:
    return {noted["jobs"][name]["id"] for name in ("goods-died", "ppl-refused")}


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def blobs_under(folder: Path) -> set[tuple[str, str]]:
    with Azurite(folder, folder / "azurite") as azurite:
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        return {(name, blob.name) for name in ("documents", "images") for blob in service.get_container_client(name).list_blobs()}


def document(folder: Path, name: str) -> dict[str, Any]:
    with Azurite(folder, folder / "azurite") as azurite:
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        return dict(json.loads(service.get_blob_client("documents", name).download_blob().readall()))
