"""Microsoft's worker library (PyPI: azure-functions-runtime), given what the host gives it."""

import contextvars
import copy
import inspect
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure_functions_runtime as worker
from azure_functions_runtime import handle_event

from tests.worker.protocol import ParameterBinding, TypedData, message, protos


@dataclass
class Seen:
    """What the library made of one invocation: what the function was called with, and what it gave back or raised."""

    function: str
    arguments: dict[str, Any]
    returned: Any = None
    raised: BaseException | None = None
    #: What went back to the host: a value or an RpcException.
    value: TypedData | None = None
    error: Any = None
    thread: str = ""


_current: contextvars.ContextVar[Seen | None] = contextvars.ContextVar("seen", default=None)


class WorkerLibrary:
    """The app in `folder` behind the library. There is one in a process: the library keeps its functions in a module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.functions: dict[str, Any] = {}
        self.metadata: list[Any] = []
        self.capabilities: dict[str, str] = {}
        self._ids = itertools.count(1)
        self._running: dict[str, Seen] = {}

    async def load(self) -> None:
        """Index the app, as at the worker's start. Raises RuntimeError with the library's own words."""
        worker.start_threadpool_executor()
        asked = message(
            request=message(worker_init_request=message(capabilities={}, function_app_directory=str(self.folder))),
            properties={"host": "127.0.0.1", "protos": protos},
        )
        answer = await worker.worker_init_request(asked)
        if answer.result.status != protos.StatusResult.Success:
            raise RuntimeError(answer.result.exception.message)
        self.capabilities = answer.capabilities
        self.metadata = (await worker.functions_metadata_request(asked)).function_metadata_results
        for found in self.metadata:
            info = handle_event._functions.get_function(found.function_id)
            self.functions[found.name] = info
            handle_event._functions._functions[found.function_id] = info._replace(func=self._watched(info.name, info.func))

    async def call(
        self, name: str, inputs: dict[str, TypedData], trigger: dict[str, TypedData] | None = None, traceparent: str = ""
    ) -> Seen:
        """One invocation. What the function raised, or what could not be encoded, is in the answer's `error`."""
        invocation = f"invocation-{next(self._ids)}"
        seen = Seen(name, {})
        self._running[invocation] = seen
        info = self.functions[name]
        asked = message(
            invocation_id=invocation, function_id=info.function_id,
            input_data=[ParameterBinding(name=parameter, data=data) for parameter, data in inputs.items()],
            trigger_metadata=trigger or {},
            trace_context=message(trace_parent=traceparent, trace_state="", attributes={}),
            retry_context=message(retry_count=0, max_retry_count=0, exception=None),
        )  # fmt: skip
        token = _current.set(seen)
        try:
            answer = await worker.invocation_request(message(request=message(invocation_request=asked), properties={}))
        finally:
            _current.reset(token)
            del self._running[invocation]
        assert answer.invocation_id == invocation
        if answer.result.status == protos.StatusResult.Success:
            seen.value = answer.return_value
        else:
            seen.error = answer.result.exception
        return seen

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, and a note of what comes and goes. The library has decided before whether it is a coroutine's."""

        def begin(arguments: dict[str, Any]) -> Seen:
            # Threads do not inherit the context; there the library itself says which invocation runs.
            seen = _current.get() or self._running[worker.invocation_id_cv.get()]
            assert seen.function == name
            # Copies: the app gives a request's body back when it has read it.
            seen.arguments = {parameter: copy.copy(value) for parameter, value in arguments.items()}
            seen.thread = threading.current_thread().name
            return seen

        if inspect.iscoroutinefunction(function):

            async def watched(**arguments: Any) -> Any:
                seen = begin(arguments)
                try:
                    answer = await function(**arguments)
                except BaseException as error:
                    seen.raised = error
                    raise
                # The library writes into what it encodes.
                seen.returned = copy.deepcopy(answer)
                return answer

            return watched

        def plain(**arguments: Any) -> Any:
            seen = begin(arguments)
            try:
                answer = function(**arguments)
            except BaseException as error:
                seen.raised = error
                raise
            seen.returned = copy.deepcopy(answer)
            return answer

        return plain
