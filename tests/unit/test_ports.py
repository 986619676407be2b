"""Ports for services that are about to start: no two of a stack's may be one."""

import pytest

from local import ports


def test_no_port_is_given_twice_before_its_service_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    # Few enough that two of sixty are one almost surely, if nobody minds.
    monkeypatch.setattr(ports, "_PORTS", range(12_000, 12_000 + 128 * ports._LANES))
    given = [ports.free_port() for _ in range(60)]
    assert len(set(given)) == 60


def test_processes_beside_each_other_are_given_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []
    for process in (4000, 4001, 4031):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        seen.append({ports.free_port() for _ in range(50)})
    assert len(set.union(*seen)) == sum(map(len, seen)) == 150
