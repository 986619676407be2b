"""Processes in which inputs are tried: what each costs is measured there, and one that dies is a verdict, not an end."""

import contextlib
import gc
import io
import multiprocessing
import os
import resource
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from PIL import Image

from tests.corpus.real import Refused, Taken, take
from tests.pace import slowness


@dataclass(frozen=True)
class Limits:
    """`cpu_seconds` of a quiet machine."""

    cpu_seconds: float = 3.0
    megabytes: float = 400.0


LIMITS = Limits()
#: Of CPU. Where a process is ended: so that an input that never comes back is told apart from one that is merely slow.
_HOPELESS_CPU_SECONDS = 40
#: By the clock, which nothing else is judged by: of one that waits for ever.
_HOPELESS_SECONDS = 600
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
    """A process in which all is loaded, of which each input gets a copy (fork): none finds memory that another left behind.
    `function` is found by name there."""

    def __init__(self, function: Callable[[bytes], Taken | Refused] = take, limits: Limits = LIMITS) -> None:
        self._function, self._limits = function, limits
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._pipe is not None:
            self._pipe.close()
            self._process.join()
        self._process = self._pipe = None

    def try_out(self, *files: bytes, at_once: bool = True) -> Verdict:
        """Several are tried in one process, at once or one after the other, each in a thread of its own: what they cost
        together, and the worst verdict."""
        if self._pipe is None:
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(target=_serve, args=(theirs, self._function, self._limits))
            self._process.start()
            theirs.close()
        self._pipe.send((files, at_once))
        verdict = self._pipe.recv()
        assert isinstance(verdict, Verdict)
        return verdict


def _serve(pipe: Connection, function: Callable[[bytes], Taken | Refused], limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What an import costs is no input's doing.
    with contextlib.suppress(Exception):
        function(b"warm up")
    gc.collect()
    gc.freeze()
    idle = _copied(lambda: Verdict("taken", "nothing"))
    while True:
        try:
            files, at_once = pipe.recv()
        except EOFError:
            return

        def tried(files: Sequence[bytes] = files, at_once: bool = at_once) -> Verdict:
            verdict = _copied(lambda: _worst(files, at_once, function))
            return replace(verdict, megabytes=max(0.0, verdict.megabytes - idle.megabytes))

        verdict, cpu_seconds = tried(), limits.cpu_seconds * len(files)
        if verdict.cpu_seconds > cpu_seconds:
            # Its own doing, or that of a neighbour on the same core? The machine's pace is asked only here: most cost little.
            verdict = tried()
            cpu_seconds *= slowness()
        pipe.send(_judged(verdict, replace(limits, cpu_seconds=cpu_seconds)))


def _copied(work: Callable[[], Verdict]) -> Verdict:
    """By a copy of this process, with what the system says it used from its beginning to its end: CPU of all its threads, and
    the peak of its memory."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if not pid:
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (_HOPELESS_CPU_SECONDS, _HOPELESS_CPU_SECONDS))
        try:
            theirs.send(work())
        finally:
            os._exit(0)
    theirs.close()
    try:
        is_hopeless = not ours.poll(_HOPELESS_SECONDS)
        if is_hopeless:
            os.kill(pid, signal.SIGKILL)
        verdict = ours.recv()
    except EOFError:
        verdict = None
    ours.close()
    _, status, used = os.wait4(pid, 0)
    if verdict is None:
        ended = -os.waitstatus_to_exitcode(status)
        what = f"the process died: {signal.Signals(ended).name if ended else 'without a word'}"
        if is_hopeless:
            what = "no end, and little CPU used"
        elif ended in (signal.SIGXCPU, signal.SIGKILL) and used.ru_utime + used.ru_stime > _HOPELESS_CPU_SECONDS - 1:
            what = f"no end: over {_HOPELESS_CPU_SECONDS} s of CPU"
        verdict = Verdict("fault", what)
    return replace(verdict, cpu_seconds=used.ru_utime + used.ru_stime, megabytes=used.ru_maxrss / 1024)


def _judged(verdict: Verdict, limits: Limits) -> Verdict:
    name = f"({verdict.kind} {verdict.what})"
    if verdict.kind != "fault" and verdict.cpu_seconds > limits.cpu_seconds:
        return replace(verdict, kind="fault", what=f"slow {name}", detail=f"{verdict.cpu_seconds:.1f} s of CPU")
    if verdict.kind != "fault" and verdict.megabytes > limits.megabytes:
        return replace(verdict, kind="fault", what=f"memory {name}", detail=f"{verdict.megabytes:.0f} MB")
    return verdict


def _worst(files: Sequence[bytes], at_once: bool, function: Callable[[bytes], Taken | Refused]) -> Verdict:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        threads = [_Thread(function, data) for data in files]
        for thread in threads:
            thread.start()
            if not at_once:
                thread.join()
        for thread in threads:
            thread.join()
    verdicts = [_verdict(thread.outcome, said) for thread in threads]
    return max(verdicts, key=lambda one: ("taken", "refused", "fault").index(one.kind))


class _Thread(threading.Thread):
    outcome: Taken | Refused | BaseException

    def __init__(self, function: Callable[[bytes], Taken | Refused], data: bytes) -> None:
        super().__init__()
        self._function, self._data = function, data

    def run(self) -> None:
        try:
            self.outcome = self._function(self._data)
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is the finding)
            self.outcome = error


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
