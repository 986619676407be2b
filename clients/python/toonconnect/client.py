"""The HTTP API, one method a call."""

import json
import os
import random
import secrets
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import quote

import requests

from .errors import ApiError, JobFailed, NoAnswer

#: A job as the API shows it (`components.schemas.Job` of /api/openapi.json).
Job = dict[str, Any]
#: What became of each job that was to be claimed.
Claims = list[dict[str, Any]]
#: A file's path, its bytes, an open file, or `picture_of(job)`: a picture of an own job.
Image = str | os.PathLike[str] | bytes | BinaryIO

TERMINAL = frozenset({"succeeded", "failed", "canceled"})
#: Passing troubles: whoever asks again, a little later, may well get what was asked for.
PASSING = frozenset({"idempotency_in_progress", "too_many_active_jobs", "busy", "internal", "translator_unavailable"})
#: What stands before the app says so in its own words.
_PLATFORM_STATUSES = frozenset({408, 429, 502, 503, 504})
#: The server holds a request no longer.
_WAIT_SECONDS = 25
_OWN_PICTURE = "job:"
KINDS = ("goods", "ppl")


def new_owner_token() -> str:
    """A token of your own, where nobody signs in: whoever sends it owns what was posted with it. Keep it, and keep it secret."""
    return secrets.token_urlsafe(32)


def picture_of(job: Job | str, index: int = 0) -> str:
    """A picture of an own job, to be sent in place of a file."""
    return f"{_OWN_PICTURE}{_id_of(job)}/{index}"


class Client:
    """One app at `base_url`. Where people sign in `token` is the sign-in's access token; elsewhere `owner_token` says whose jobs
    these are (`new_owner_token`).

    Calls are repeated up to `retries` times when they had no answer or a passing trouble, as long as the server does not ask
    for more than `longest_pause` seconds of patience. To be used by one thread at a time.
    """

    def __init__(
        self, base_url: str, *, owner_token: str | None = None, token: str | None = None, language: str = "ko", retries: int = 5,
        longest_pause: float = 60.0, timeout: float = 60.0, session: requests.Session | None = None,
    ) -> None:  # fmt: skip
        self.base_url = base_url.rstrip("/")
        self._retries, self._longest_pause, self._timeout = retries, longest_pause, timeout
        self._session = session or requests.Session()
        # No .netrc: its Authorization would go with every call.
        self._session.trust_env = False
        self._session.headers["Accept-Language"] = language
        if owner_token:
            self._session.headers["X-Owner-Token"] = owner_token
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    # ---- making pictures ----

    def goods(self, image: Image, prompt: str = "", *, preset: str | None = None, key: str | None = None, **fields: Any) -> Job:
        """A goods picture of a character. `fields` are those of the form (n, seed, aspect_ratio, model, metadata, ...).

        `key` is the Idempotency-Key, one of its own for each call unless you give one: a key that you keep makes the call safe
        over a restart of your program too. Raises ValueError for an image that is missing or empty, before anything is sent.
        """
        form = {"prompt": prompt, "preset": preset, **fields}
        return self._generate("goods-gen/generate", {"input_image": image}, form, key)

    def ppl(self, character: Image, product: Image, prompt: str, *, key: str | None = None, **fields: Any) -> Job:
        """A product placement picture."""
        images = {"input_image_1": character, "input_image_2": product}
        return self._generate("ppl-gen/generate", images, {"prompt": prompt, **fields}, key)

    def sheet(self, image: Image, presets: Iterable[str], prompt: str = "", *, key: str | None = None, **fields: Any) -> Job:
        """One character on several goods: one job, one picture for each preset."""
        form = {"prompt": prompt, "presets": json.dumps(list(presets)), **fields}
        return self._generate("goods-gen/sheet", {"input_image": image}, form, key)

    def retry(self, job: Job | str, *, seed: str = "same", key: str | None = None) -> Job:
        """A new job for the pictures that are missing, or for all of them where none is. `seed`: same or new."""
        return self._post_job(f"jobs/{_path_of(job)}/retry", key, json={"seed": seed})

    def translate(self, prompt: str, kind: str = "goods") -> str:
        """A prompt in English. `kind`: goods or ppl, whose route it takes. Raises ValueError for another one."""
        _require_kind(kind)
        return str(self._call("POST", f"{kind}-gen/translate", json={"prompt": prompt}).json()["translated_text"])

    # ---- following a job ----

    def get(self, job: Job | str) -> Job:
        return dict(self._call("GET", f"jobs/{_path_of(job)}").json())

    def wait(self, job: Job | str, *, timeout: float = 900.0, raise_on_failure: bool = True) -> Job:
        """The job when it has ended. Of a job with several pictures some may be missing: look at its `pictures`.

        Raises JobFailed for a job without any picture (unless told not to), TimeoutError after `timeout` seconds: the job goes
        on, and may be waited for again.
        """
        ends, path, etag = time.monotonic() + timeout, f"jobs/{_path_of(job)}", ""
        known: Job = {}
        while known.get("status") not in TERMINAL:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{_id_of(job)} has not ended in {timeout:g} seconds; it goes on")
            began = time.monotonic()
            held = max(1, min(_WAIT_SECONDS, int(left)))
            answer = self._call("GET", path, params={"wait": held}, headers={"If-None-Match": etag} if etag else {}, held=held)
            if answer.status_code != 304:  # noqa: PLR2004
                known, etag = answer.json(), answer.headers.get("ETag", "")
                if known["status"] in TERMINAL:
                    break
            # One that is not held, by whatever stands between, is not asked for all the time.
            if time.monotonic() - began < 0.5:  # noqa: PLR2004
                time.sleep(min(1.0, max(0.0, ends - time.monotonic())))
        if raise_on_failure and not known["outputs"]:
            raise JobFailed(known)
        return known

    def list(
        self, *, kind: str | None = None, status: str | None = None, preset: str | None = None, created_after: str | None = None,
        created_before: str | None = None, page_size: int = 20,
    ) -> Iterator[Job]:  # fmt: skip
        """Your jobs, newest first, page by page as you go on: `page_size` of them with each request. Raises ValueError for a
        `kind` that is none."""
        if kind is not None:
            _require_kind(kind)
        wanted = {
            "kind": kind, "status": status, "preset": preset, "created_after": created_after, "created_before": created_before,
            "limit": page_size,
        }  # fmt: skip
        params = {name: value for name, value in wanted.items() if value is not None}
        while True:
            page = self._call("GET", "jobs", params=params).json()
            yield from page["data"]
            if not page["has_more"]:
                return
            params["cursor"] = page["next_cursor"]

    def claim(self, jobs: Iterable[Job | str]) -> Claims:
        """Make jobs yours that were posted without an owner: what became of each."""
        answer = self._call("POST", "jobs/claim", json={"ids": [_id_of(job) for job in jobs]})
        return [dict(one) for one in answer.json()["data"]]

    def cancel(self, job: Job | str) -> Job:
        """Stop what can be stopped. Raises ApiError (`job_already_finished`) for a job that has ended."""
        return dict(self._call("POST", f"jobs/{_path_of(job)}/cancel").json())

    def delete(self, job: Job | str) -> None:
        """Images, documents and history are gone. One that is gone already is no error."""
        try:
            self._call("DELETE", f"jobs/{_path_of(job)}")
        except ApiError as error:
            if error.code != "job_not_found":
                raise

    # ---- pictures ----

    def download(self, job: Job | str, index: int | None = None) -> bytes:
        """The bytes of a picture, the first one there is unless `index` says which. Works for the whole retention window."""
        params = {"inline": "1", **({} if index is None else {"index": str(index)})}
        return self._call("GET", f"jobs/{_path_of(job)}/result", params=params).content

    def save(self, job: Job | str, path: str | os.PathLike[str], index: int | None = None) -> None:
        """Download a picture into a file."""
        data = self.download(job, index)
        with open(path, "wb") as file:
            file.write(data)

    # ---- the rest ----

    def options(self) -> dict[str, Any]:
        """Models, limits, presets, expected seconds."""
        return dict(self._call("GET", "options").json())

    def usage(self, from_: str | None = None, to: str | None = None) -> dict[str, Any]:
        """What you have spent, by day and kind. Dates like 2026-01-31."""
        params = {name: value for name, value in (("from", from_), ("to", to)) if value}
        return dict(self._call("GET", "usage", params=params).json())

    def webhook_secret(self) -> str:
        """What `verify_webhook` needs."""
        return str(self._call("GET", "webhooks/secret").json()["secret"])

    def rotate_webhook_secret(self) -> str:
        """A new one; for a while messages are signed with both."""
        return str(self._call("POST", "webhooks/secret/rotate").json()["secret"])

    # ---- how it is asked ----

    def _generate(self, path: str, images: Mapping[str, Image], fields: Mapping[str, Any], key: str | None) -> Job:
        files: dict[str, tuple[str | None, bytes | str]] = {}
        for name, image in images.items():
            # Read once: a repeated request sends the same bytes.
            files[name] = (None, image) if _is_own_picture(image) else (name, _bytes_of(name, image))  # type: ignore[assignment]
        for name, value in fields.items():
            if value not in (None, ""):
                files[name] = (None, json.dumps(value) if isinstance(value, dict | list) else str(value))
        return self._post_job(path, key, files=files)

    def _post_job(self, path: str, key: str | None, **kwargs: Any) -> Job:
        # One key for all tries of this call.
        key = key or str(uuid.uuid4())
        return dict(self._call("POST", path, headers={"Idempotency-Key": key}, key=key, **kwargs).json())

    def _call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, key: str | None = None, held: float = 0.0,
        **kwargs: Any,
    ) -> requests.Response:  # fmt: skip
        """Raises ApiError, NoAnswer. Every call may be repeated: what makes a job has a key, the others do the same again."""
        for tries in range(self._retries + 1):
            try:
                answer = self._session.request(
                    method, f"{self.base_url}/api/{path}", headers=headers, timeout=self._timeout + held, allow_redirects=False,
                    **kwargs,
                )  # fmt: skip
            except requests.RequestException as lost:
                if tries == self._retries:
                    raise NoAnswer(f"{self.base_url} gave no answer ({type(lost).__name__})", key) from lost
                time.sleep(_pause(tries))
                continue
            # Not to be led elsewhere: the owner's token would go along.
            if answer.ok and not answer.is_redirect:
                return answer
            error = _error_of(answer)
            pause = error.retry_after if error.retry_after is not None else _pause(tries)
            if tries == self._retries or not _is_passing(error) or pause > self._longest_pause:
                raise error
            time.sleep(pause)
        raise AssertionError("unreachable")


def _id_of(job: Job | str) -> str:
    return job if isinstance(job, str) else str(job["id"])


def _path_of(job: Job | str) -> str:
    return quote(_id_of(job), safe="")


def _is_own_picture(image: Image) -> bool:
    return isinstance(image, str) and image.startswith(_OWN_PICTURE)


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind is {' or '.join(KINDS)}, not {kind!r}")


def _bytes_of(name: str, image: Image) -> bytes:
    """Raises ValueError for what is no picture at all: a request with it would be refused."""
    if isinstance(image, bytes):
        data = image
    elif isinstance(image, str | os.PathLike) and str(image):
        with open(image, "rb") as file:
            data = file.read()
    elif hasattr(image, "read"):
        data = image.read()
    else:
        data = b""
    if not data:
        raise ValueError(f"{name} is missing or empty: give a file's path, its bytes, an open file, or picture_of(job)")
    return data


def _error_of(answer: requests.Response) -> ApiError:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    after = answer.headers.get("Retry-After", "")
    seconds = float(after) if after.isascii() and after.isdigit() else None
    return ApiError(answer.status_code, problem if isinstance(problem, dict) else {}, seconds)


def _is_passing(error: ApiError) -> bool:
    if not error.code:
        return error.status in _PLATFORM_STATUSES
    # Of codes that are newer than this client the server says itself when to come back.
    return error.retryable and (error.code in PASSING or (error.retry_after is not None and error.code != "result_not_ready"))


def _pause(tries: int) -> float:
    """Half a second, then twice as long each time, by chance up to half of it more."""
    return float(min(8.0, 0.5 * 2**tries) * random.uniform(1.0, 1.5))  # noqa: S311 - not a secret
