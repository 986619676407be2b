"""The app as its clients see it, over its public HTTP API: by the client that everybody may use."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

# Where it lies in this checkout: an operator has nothing to install for it.
from clients.python.toonconnect import ApiError, Client, NoAnswer
from ops.failing import UNREACHABLE, CannotDo
from shared.domain.kinds import Kind

Job = dict[str, Any]
#: A readiness check asks two providers and storage.
_SECONDS = 60.0


class AppApi:
    """Nothing is tried again by itself: an operator is told of the first failure."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self._session = requests.Session()
        self._client = Client(url, token=token, language="en", retries=0, timeout=_SECONDS, session=self._session)

    def readiness(self) -> dict[str, Any]:
        """Also of an app that is not ready, whose answer is a problem."""
        try:
            return dict(self._session.get(f"{self.url}/api/health/ready", timeout=_SECONDS).json())
        except requests.JSONDecodeError:
            raise CannotDo(f"the app at {self.url} did not answer as one", UNREACHABLE) from None
        except requests.RequestException as error:
            raise self._away(error) from None

    def make(
        self, kind: Kind, fields: Mapping[str, Any], images: Mapping[str, bytes], key: str | None = None
    ) -> tuple[Job, bool]:
        """A job (a sheet where the fields have `presets`), and whether `key` stood for it before. Raises ApiError, CannotDo."""
        answers: list[requests.Response] = []
        self._session.hooks["response"] = [lambda answer, **_: answers.append(answer)]
        calls: dict[str, Callable[..., Job]] = {
            "goods": self._client.sheet if "presets" in fields else self._client.goods, "ppl": self._client.ppl,
        }  # fmt: skip
        call = calls[kind.name]
        with self._answering():
            job = call(*(images[name] for name in kind.images), key=key, **fields)
        return job, answers[-1].headers.get("Idempotent-Replayed") == "true"

    def waited_for(self, job: Job, seconds: float) -> Job:
        """The job when it has ended, or as it is after `seconds`. Raises ApiError, CannotDo."""
        with self._answering():
            try:
                return self._client.wait(job, timeout=seconds, raise_on_failure=False)
            except TimeoutError:
                return self._client.get(job)

    def download(self, link: str) -> requests.Response:
        """What anybody gets who has the link: no credentials go along."""
        try:
            return requests.get(link, timeout=_SECONDS)
        except requests.RequestException as error:
            raise CannotDo(f"the picture's link gave no answer ({type(error).__name__})", UNREACHABLE) from None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except NoAnswer as lost:
            raise self._away(lost.__cause__ or lost) from None

    def _away(self, error: BaseException) -> CannotDo:
        return CannotDo(f"the app at {self.url} gave no answer ({type(error).__name__})", UNREACHABLE)


def problem_text(error: ApiError) -> str:
    """Code and sentence of a refused request."""
    if not error.code:
        return f"the app answered {error.status}"
    fields = "; ".join(f"{e['field']}: {e['message']}" for e in error.errors)
    return f"{error.code}: {error.detail}{' ' + fields if fields else ''}"
