"""The task hub over Durable's management API: what an orchestration did, and words to it."""

from typing import Any
from urllib.parse import quote

import requests

from ops.failing import UNREACHABLE, CannotDo

_SECONDS = 30.0
ENDED = ("Completed", "Failed", "Terminated", "Canceled")


class TaskHub:
    """`url` ends in /runtime/webhooks/durabletask; on Azure its system key is needed, locally none."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        if key:
            # In a header: addresses are logged on the way.
            self._session.headers["x-functions-key"] = key

    def status(self, instance: str, *, with_history: bool = False) -> dict[str, Any] | None:
        """The instance, or None when there is none."""
        history = {"showHistory": "true", "showHistoryOutput": "true"} if with_history else {}
        answer = self._ask("GET", f"instances/{quote(instance, safe='')}", params={"showInput": "false", **history})
        if answer.status_code == 404:
            return None
        try:
            return dict(answer.json())
        except (ValueError, TypeError):
            raise CannotDo(f"the task hub answered {answer.status_code} without a status", UNREACHABLE) from None

    def raise_event(self, instance: str, name: str) -> bool:
        """Whether there is a running instance that will hear of it."""
        return self._ask("POST", f"instances/{quote(instance, safe='')}/raiseEvent/{name}", json={}).status_code == 202

    def _ask(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        try:
            answer = self._session.request(method, f"{self._url}/{path}", timeout=_SECONDS, **kwargs)
        except requests.RequestException as error:
            raise CannotDo(f"the task hub at {self._url} gave no answer ({type(error).__name__})", UNREACHABLE) from None
        if answer.status_code in (401, 403):
            raise CannotDo(
                "the task hub wants its system key: put durabletask_extension's key into TOONCONNECT_DURABLE_KEY", UNREACHABLE
            )
        return answer
