"""Processes in which inputs are tried: what each costs is measured there, and one that dies is a verdict, not an end."""

import contextlib
import gc
import io
import multiprocessing
import resource
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import psutil
from PIL import Image

from tests.corpus.real import Refused, Taken, take


@dataclass(frozen=True)
class Limits:
    cpu_seconds: float = 3.0
    megabytes: float = 400.0


LIMITS = Limits()
#: Where the process is ended: so that an input that never comes back is told apart from one that is merely slow.
_HOPELESS_CPU_SECONDS = 40.0
_HOPELESS_SECONDS = 300
#: Of address space, so that one input cannot take the machine with it.
_ADDRESS_SPACE_BYTES = 3 << 30


@dataclass(frozen=True)
class Verdict:
    """`what`: the code of a refusal, or what went wrong. `megabytes` at the worst moment, over those of an idle process."""

    kind: Literal["taken", "refused", "fault"]
    what: str
    cpu_seconds: float = 0.0
    megabytes: float = 0.0
    sent: bytes = b""
    detail: str = ""


class Worker:
    """One process at a time; another is started where that one died. `function` is found by name there."""

    def __init__(self, function: Callable[[bytes], Taken | Refused] = take, limits: Limits = LIMITS) -> None:
        self._function, self._limits = function, limits
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def try_out(self, *files: bytes) -> Verdict:
        """Several are tried at the same moment, in threads of one process: what they cost together, and the worst verdict."""
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._pipe is not None
        self._pipe.send(files)
        # Waits by the clock, judges by CPU time: a busy machine is no fault of an input.
        for _ in range(_HOPELESS_SECONDS):
            if self._pipe.poll(1.0):
                break
            if (spent := _cpu_of(self._process.pid)) > _HOPELESS_CPU_SECONDS:
                self._end()
                return Verdict("fault", f"no end: over {_HOPELESS_CPU_SECONDS:.0f} s of CPU", spent)
        else:
            self._end()
            return Verdict("fault", "no end, and no CPU used")
        try:
            verdict = self._pipe.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._end()
            return Verdict("fault", f"the process died: exit code {code}")
        assert isinstance(verdict, Verdict)
        if "MemoryError" in verdict.what:
            self._end()
        return verdict

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs, self._function, self._limits), daemon=False)
        self._process.start()
        theirs.close()

    def _end(self) -> None:
        if self._process is not None and self._pipe is not None:
            family: list[psutil.Process] = []
            with contextlib.suppress(psutil.Error):
                family = psutil.Process(self._process.pid).children(recursive=True)
            self._pipe.close()
            self._process.kill()
            self._process.join()
            for child in family:
                with contextlib.suppress(psutil.Error):
                    child.kill()
        self._process = self._pipe = None


def _serve(pipe: Connection, function: Callable[[bytes], Taken | Refused], limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What an import costs is no input's doing; what stays behind after an input is counted again with the next.
    with contextlib.suppress(Exception):
        function(b"warm up")
    _idle.kilobytes = sum(map(_resident, _family()))
    while True:
        try:
            files = pipe.recv()
        except EOFError:
            return
        pipe.send(_measured(files, function, limits))


def _measured(files: Sequence[bytes], function: Callable[[bytes], Taken | Refused], limits: Limits) -> Verdict:
    """In this process; its children's share is counted where the app uses any."""
    gc.collect()
    with _measuring() as cost, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if len(files) == 1:
            outcomes = [_outcome(files[0], function)]
        else:
            with ThreadPoolExecutor(len(files)) as pool:
                outcomes = list(pool.map(lambda data: _outcome(data, function), files))
    verdict = max(
        (_verdict(outcome, said) for outcome in outcomes), key=lambda one: ("taken", "refused", "fault").index(one.kind)
    )
    verdict = replace(verdict, cpu_seconds=cost.cpu_seconds, megabytes=cost.megabytes)
    name = f"({verdict.kind} {verdict.what})"
    if verdict.kind != "fault" and verdict.cpu_seconds > limits.cpu_seconds * len(files):
        return replace(verdict, kind="fault", what=f"slow {name}", detail=f"{verdict.cpu_seconds:.1f} s of CPU")
    if verdict.kind != "fault" and verdict.megabytes > limits.megabytes:
        return replace(verdict, kind="fault", what=f"memory {name}", detail=f"{verdict.megabytes:.0f} MB")
    return verdict


def _outcome(data: bytes, function: Callable[[bytes], Taken | Refused]) -> Taken | Refused | BaseException:
    try:
        return function(data)
    except BaseException as error:  # noqa: BLE001  (whatever it is, it is the finding)
        return error


def _verdict(outcome: Taken | Refused | BaseException, said: Sequence[warnings.WarningMessage]) -> Verdict:
    if isinstance(outcome, BaseException):
        last = traceback.extract_tb(outcome.__traceback__)[-1]
        what = f"{type(outcome).__name__} in {Path(last.filename).name}:{last.name}"
        return Verdict("fault", what, detail="".join(traceback.format_exception(outcome)))
    notes = "; ".join(sorted({f"{warning.category.__name__}: {warning.message}" for warning in said}))
    if isinstance(outcome, Refused):
        if not all(sentence and "{" not in sentence for sentence in outcome.sentences):
            return Verdict("fault", "a sentence with a gap", detail=str(outcome.sentences))
        return Verdict("refused", outcome.code, detail=f"{outcome.by}: {outcome.sentences[1]}")
    wrong = _wrong_with(outcome)
    return Verdict("fault" if wrong else "taken", wrong or outcome.content_type, sent=outcome.data, detail=notes)


def _wrong_with(taken: Taken) -> str:
    """What a provider gets is a whole picture and nothing beside it."""
    with Image.open(io.BytesIO(taken.data)) as sent:
        sent.load()
        strange = sorted(set(sent.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"})
        if strange:
            return f"sent with {', '.join(strange)}"
        if Image.MIME[sent.format or ""] != taken.content_type or sent.size != (taken.width, taken.height):
            return "sent under a wrong description"
        if sent.mode not in ("RGB", "L", "P") or max(sent.size) > 1024:
            return f"sent as {sent.mode}, {sent.width}x{sent.height}"
    return ""


class _Idle:
    kilobytes = 0.0


_idle = _Idle()


class _Cost:
    cpu_seconds = 0.0
    megabytes = 0.0


@contextlib.contextmanager
def _measuring() -> Iterator[_Cost]:
    """CPU of all threads, and the peak of memory over that of an idle process (proc_pid_clear_refs(5): 5 resets the peak)."""
    cost = _Cost()
    family = _family()
    for process in family:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    spent = _cpu_here()
    yield cost
    cost.cpu_seconds = _cpu_here() - spent
    cost.megabytes = max(0.0, sum(map(_peak, _family())) - _idle.kilobytes) / 1024


def _family() -> list[psutil.Process]:
    own = psutil.Process()
    return [own, *own.children(recursive=True)]


def _resident(process: psutil.Process) -> float:
    return _kilobytes(process, "VmRSS")


def _peak(process: psutil.Process) -> float:
    return _kilobytes(process, "VmHWM")


def _kilobytes(process: psutil.Process, name: str) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return float(line.split()[1])
    return 0.0


def _cpu_here() -> float:
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(_cpu_of(child.pid) for child in psutil.Process().children(recursive=True))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime + running


def _cpu_of(pid: int | None) -> float:
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0
