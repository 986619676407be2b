"""The host's messages to the worker as plain objects with the attributes that Microsoft's worker library reads and writes.

Names and kinds: FunctionRpc.proto (github.com/Azure/azure-functions-language-worker-protobuf). The library is given the module of
messages as `protos` and never looks at their classes, so that no gRPC is needed.
"""

from types import SimpleNamespace
from typing import Any


class TypedData:
    """One value with the name of its kind, as protobuf's `oneof data`."""

    def __init__(self, **kind: Any) -> None:
        assert len(kind) <= 1, "one kind at a time"
        self._kind = next(iter(kind), None)
        self.__dict__.update(kind)

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - protobuf's name
        assert group == "data"
        return self._kind

    @property
    def value(self) -> Any:
        return getattr(self, self._kind) if self._kind else None


class ParameterBinding:
    """The value of one parameter."""

    def __init__(self, *, name: str, data: TypedData) -> None:
        self.name, self.data = name, data

    def WhichOneof(self, group: str) -> str:  # noqa: N802 - protobuf's name
        assert group == "rpc_data"
        return "data"


class RpcHttp:
    """A request (method, url, headers, params, query, body) or an answer (status_code, headers, cookies, body)."""

    def __init__(self, **fields: Any) -> None:
        self.method = self.url = self.status_code = ""
        self.headers: dict[str, str] = {}
        self.params: dict[str, str] = {}
        self.query: dict[str, str] = {}
        self.cookies: list[Any] = []
        self.body = TypedData()
        self.__dict__.update({name: value for name, value in fields.items() if value is not None})


class _Message(SimpleNamespace):
    """Any other message: what it is given is what it has."""


class _Cookie(_Message):
    SameSite = type("SameSite", (), {"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


class _BindingInfo(_Message):
    #: In protobuf's order: Direction, then DataType.
    inout, out, undefined = 2, 1, 0
    locals()["in"] = 0


class _Status(_Message):
    Failure, Success = 0, 1


def message(**fields: Any) -> Any:
    """A message that the host sends."""
    return _Message(**fields)


_NAMES = (
    "FunctionLoadResponse", "FunctionMetadataResponse", "InvocationResponse", "NullableBool", "NullableDouble", "NullableString",
    "NullableTimestamp", "RpcException", "RpcFunctionMetadata", "RpcRetryOptions", "Timestamp", "WorkerInitResponse",
    "WorkerMetadata",
)  # fmt: skip
#: What the library takes for the module that is generated from FunctionRpc.proto.
protos = SimpleNamespace(
    **{name: type(name, (_Message,), {}) for name in _NAMES},
    BindingInfo=_BindingInfo, ParameterBinding=ParameterBinding, RpcHttp=RpcHttp, RpcHttpCookie=_Cookie, StatusResult=_Status,
    TypedData=TypedData,
)  # fmt: skip
