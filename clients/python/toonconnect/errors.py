"""What may go wrong: each is told apart because something else is to be done about it."""

from typing import Any


class ToonConnectError(Exception):
    """Any of them."""


class NoAnswer(ToonConnectError):
    """Offline, too slow, or no server there. A call that makes a job may have arrived: make it again with the same `key`, which
    is in here."""

    def __init__(self, text: str, key: str | None = None) -> None:
        super().__init__(text)
        self.key = key


class ApiError(ToonConnectError):
    """The server refused. `problem` is its RFC 9457 document; branch on `code`."""

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None = None) -> None:
        super().__init__(f"{problem.get('code', status)}: {problem.get('detail', '')}")
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", ""))
        #: "yes", "no" or "unknown": whether it cost anything.
        self.charged = str(problem.get("charged", "unknown"))
        self.retryable = bool(problem.get("retryable", False))
        self.request_id = problem.get("request_id")
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        #: Seconds, where the server said when to ask again.
        self.retry_after = retry_after


class JobFailed(ToonConnectError):
    """A job that was waited for has no picture. `job` is all that is known of it, `problem` its error: None of one that was
    canceled."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.problem: dict[str, Any] | None = job.get("error")
        said = (self.problem or {}).get("detail", "")
        super().__init__(f"{job['id']} {job['status']}{': ' + said if said else ''}")
