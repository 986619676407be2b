"""What `make e2e HOST=...` tells a host, and what it does not ask of one that is not its own."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import local.__main__ as launcher
from local.ports import free_port
from tests import given_host
from tests.given_host import GivenHost, needs_a_host_of_its_own, settings
from tests.stack import Stack


def test_the_settings_are_those_of_make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "azurite.json").write_text('{"blob": 1, "queue": 2, "table": 3}')
    monkeypatch.setattr(os, "environ", {})
    ours = launcher.environment(launcher.Plan(7071, 7090, tmp_path, simulators=True))

    asked = settings(7090)
    assert asked.pop("AzureWebJobsStorage") == "UseDevelopmentStorage=true"
    assert {name: ours[name] for name in ours if name != "AzureWebJobsStorage"}.items() <= asked.items()
    # The worker's language is the devhost's own, and limits that hold nobody up are the tests'.
    assert asked.keys() - ours.keys() == {"FUNCTIONS_WORKER_RUNTIME", "BFL_MAX_ACTIVE", "BFL_KONTEXT_MAX_ACTIVE"}


@pytest.mark.parametrize(
    "ask", [lambda h: h.log, lambda h: h.connection_string, lambda h: h.kill_host(), lambda h: h.kill_everything()]
)
def test_what_another_host_cannot_do_is_skipped_and_said(tmp_path: Path, ask: Callable[[GivenHost], Any]) -> None:
    with pytest.raises(pytest.skip.Exception, match="only the devhost does that"):
        ask(GivenHost(tmp_path, "http://127.0.0.1:7071"))


def test_a_stack_of_other_settings_is_skipped_where_a_host_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_a_host_of_its_own(Stack(tmp_path, BFL_MAX_ACTIVE="1"))

    monkeypatch.setattr(given_host, "HOST", "http://127.0.0.1:7071")
    needs_a_host_of_its_own(GivenHost(tmp_path, given_host.HOST))
    with pytest.raises(pytest.skip.Exception, match="a host of its own with BFL_MAX_ACTIVE"):
        needs_a_host_of_its_own(Stack(tmp_path, BFL_MAX_ACTIVE="1"))


def test_a_host_that_does_not_answer_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_host, "SIM_PORT", free_port())
    monkeypatch.setattr(given_host, "PATIENCE", 1.0)
    with pytest.raises(RuntimeError, match=r"ConnectionError.*make e2e-settings"):
        GivenHost(tmp_path, "http://127.0.0.1:9").start()
