"""What blocks runs on as many threads as are configured, whoever keeps the loop's own busy."""

import ast
import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared import threads
from shared.settings import Settings
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
#: asyncio's ways to the loop's default executor.
DEFAULT_EXECUTOR = {"to_thread", "set_default_executor"}

Configure = Callable[[str], None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    threads._executor.cache_clear()

    def count(number: str) -> None:
        monkeypatch.setenv("PYTHON_THREADPOOL_THREAD_COUNT", number)

    yield count
    threads._executor.cache_clear()


async def test_as_many_calls_block_at_once_as_there_are_threads(configure: Configure) -> None:
    configure("40")
    # More than Python gives a loop by itself, whatever the machine: nobody passes before all are there.
    everybody = threading.Barrier(40)

    await asyncio.wait_for(asyncio.gather(*(threads.run(everybody.wait, PATIENCE) for _ in range(40))), 2 * PATIENCE)


async def test_and_no_more(configure: Configure) -> None:
    configure("2")
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def block() -> None:
        begun.release()
        go_on.wait(2 * PATIENCE)

    blocked = [asyncio.ensure_future(threads.run(block)) for _ in range(3)]
    try:
        await asyncio.sleep(0.05)
        assert begun.acquire(timeout=PATIENCE)
        assert begun.acquire(timeout=PATIENCE)
        assert not begun.acquire(blocking=False)
    finally:
        go_on.set()
    await asyncio.gather(*blocked)


async def test_a_loop_whose_own_threads_are_busy_keeps_nobody_waiting(configure: Configure) -> None:
    configure("4")
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as own:
        asyncio.get_running_loop().set_default_executor(own)
        hogging = asyncio.ensure_future(asyncio.to_thread(go_on.wait, 2 * PATIENCE))
        try:
            assert await asyncio.wait_for(threads.run(lambda: "an answer"), PATIENCE) == "an answer"
        finally:
            go_on.set()
        await hogging


async def test_a_call_is_made_in_the_context_of_its_caller_and_raises_what_it_raises(configure: Configure) -> None:
    configure("1")
    trace = contextvars.ContextVar("trace", default="none")
    trace.set("of the request")

    assert await threads.run(trace.get) == "of the request"
    assert await threads.run(dict, a=1) == {"a": 1}
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 1, 0)


@pytest.mark.parametrize("count", ["0", "-1", "many", "3.5"])
def test_a_count_that_is_none_is_reported_and_breaks_nothing(count: str) -> None:
    settings = Settings.from_environ({"PYTHON_THREADPOOL_THREAD_COUNT": count})

    assert settings.python_threads == 32
    assert "PYTHON_THREADPOOL_THREAD_COUNT" in settings.problems


@pytest.mark.parametrize("room", ["activities", "triggers", "shared", "orchestrators"])
def test_nothing_of_the_app_uses_the_threads_of_the_loop(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in DEFAULT_EXECUTOR, f"{file.name}:{node.lineno}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_in_executor":
                assert not isinstance(node.args[0], ast.Constant), f"{file.name}:{node.lineno}"
