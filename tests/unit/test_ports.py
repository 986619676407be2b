"""Ports for services that are about to start: no two of those that run beside each other may be one."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import ports


@pytest.fixture(autouse=True)
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ports, "_GIVEN", tmp_path / "given.json")
    # Few enough that two of sixty are one almost surely, if nobody minds.
    monkeypatch.setattr(ports, "_PORTS", range(12_000, 12_128))
    return tmp_path / "given.json"


def test_no_port_is_given_twice_before_its_service_listens() -> None:
    given = [ports.free_port() for _ in range(60)]
    assert len(set(given)) == 60


def test_processes_beside_each_other_are_given_others(given: Path) -> None:
    code = (
        "import sys, pathlib; from local import ports; ports._GIVEN = pathlib.Path(sys.argv[1]); "
        "ports._PORTS = range(12_000, 12_128); print(*(ports.free_port() for _ in range(20)))"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(given)], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    seen = [port for process in started for port in process.communicate()[0].split()]
    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert len(set(seen)) == len(seen) == 80


def test_a_port_is_given_again_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_PORTS", range(12_000, 12_001))
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    assert ports.free_port() == 12_000
    monkeypatch.setattr("time.time", lambda: 1_000.0 + ports._KEPT_SECONDS)
    assert ports.free_port() == 12_000


@pytest.mark.parametrize("torn", [b"", b'{"12000": 17', b"[]", b"[1]", b"null", b'{"12000": "x"}', b"\xff\xfe"])
def test_a_file_whose_writer_was_killed_is_begun_anew(given: Path, torn: bytes) -> None:
    given.write_bytes(torn)
    first, second = ports.free_port(), ports.free_port()
    assert first != second
    assert set(json.loads(given.read_text())) == {str(first), str(second)}


def test_where_all_are_taken_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    with pytest.raises(OSError, match="all are taken"):
        ports.free_port()


def test_no_link_is_followed(given: Path) -> None:
    (given.parent / "precious").write_text("words")
    given.symlink_to(given.parent / "precious")
    with pytest.raises(OSError, match=r"given\.json"):
        ports.free_port()
    assert (given.parent / "precious").read_text() == "words"


def test_a_port_that_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", ports.free_port())) as somebody:
        theirs = somebody.getsockname()[1]
        drawn = iter([theirs, theirs, 12_127, 12_126])
        monkeypatch.setattr("secrets.choice", lambda _: next(drawn))
        # It may have been given an hour ago.
        ports._GIVEN.unlink()
        assert ports.free_port() != theirs
