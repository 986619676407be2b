"""Either client, called by the names that both have."""

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import toonconnect
from toonconnect import ToonConnectError

from tests.patience import PATIENCE

DRIVER = Path(__file__).with_name("driver.mjs")


class Failed(Exception):
    """What the client raised: its name, and what it says of itself."""

    def __init__(self, name: str, told: dict[str, Any]) -> None:
        super().__init__(f"{name} {told}")
        self.name = name
        self.told = told


class PythonClient:
    language = "python"

    def call(self, base: str, name: str, *args: Any, options: dict[str, Any] | None = None, **fields: Any) -> Any:
        client = toonconnect.Client(base, **(options or {}))
        try:
            result = getattr(client, name)(*args, **fields)
            return list(result) if name == "list" else result
        except (ToonConnectError, TimeoutError, ValueError) as error:
            name = "NoAnswer" if isinstance(error, TimeoutError) else type(error).__name__
            raise Failed(name, {"message": str(error), **vars(error)}) from error

    def verify(self, secret: Any, headers: dict[str, str], body: bytes, now: float) -> Any:
        try:
            return toonconnect.verify_webhook(secret, headers, body, now=now)
        except toonconnect.BadSignature as error:
            raise Failed("BadSignature", {}) from error


class JavaScriptClient:
    """In one Node for all calls."""

    language = "js"

    def __init__(self) -> None:
        self._node: subprocess.Popen[str] | None = None

    def call(self, base: str, name: str, *args: Any, options: dict[str, Any] | None = None, **fields: Any) -> Any:
        given = {_camel(option): value for option, value in (options or {}).items()}
        named = {"timeout": "timeoutSeconds", "raise_on_failure": "throwOnFailure"}
        more = {named.get(field, field): _sent(value) for field, value in fields.items()}
        return self.run(base=base, options=given, call=_camel(name), args=[*map(_sent, args), *([more] if more else [])])

    def verify(self, secret: Any, headers: dict[str, str], body: bytes, now: float) -> Any:
        return self.run(call="verifyWebhook", args=[secret, headers, body.decode(), {"nowSeconds": now}])

    def run(self, **order: Any) -> Any:
        if self._node is None:
            self._node = subprocess.Popen(["node", str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps(order) + "\n")
        self._node.stdin.flush()
        told = json.loads(self._node.stdout.readline())
        if "error" in told:
            raise Failed(told["error"]["name"], told["error"])
        result = told["result"]
        return base64.b64decode(result["$bytes"]) if isinstance(result, dict) and "$bytes" in result else result

    def stop(self) -> None:
        if self._node is not None:
            self._node.communicate(timeout=PATIENCE)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _sent(value: Any) -> Any:
    return {"$bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
