"""A backend for the page's tests: the HTTP contract, with every answer decided by the test."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import mimetypes
import threading
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from tests.patience import PATIENCE

WEB = Path(__file__).parents[2] / "web"
SECURITY = json.loads((WEB / "staticwebapp.config.json").read_text())["globalHeaders"]
LONGEST_HOLD_SECONDS = 5

#: What the translator makes of anything.
ENGLISH = "A smiling character in a café"
STAGES = ("validating", "translating", "waiting", "submitting", "generating", "storing")
SHAPES = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1", "1:2"]
OPTIONS = {
    "aspect_ratios": ["match_input_image", *SHAPES],
    "output_formats": ["png", "jpeg"],
    "safety_tolerance": {"min": 0, "max": 2, "default": 2},
    "seed": {"min": 0, "max": 4294967295},
    "n": {"min": 1, "max": 4, "default": 1},
    "translator": True,
    "sheet": {"max_presets": 9},
    "prompt": {"min_length": 1, "max_length": 2000},
    "image": {
        "max_bytes": 5242880,
        "max_pixels": 40000000,
        "content_types": ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/heif", "image/gif"],
    },
    "presets": [
        {"id": "tshirt", "name": {"ko": "티셔츠", "en": "T-shirt"}, "aspect_ratio": "1:1"},
        {"id": "mug", "name": {"ko": "머그컵", "en": "Mug"}, "aspect_ratio": "4:3"},
        {"id": "keyring", "name": {"ko": "아크릴 키링", "en": "Acrylic keyring"}, "aspect_ratio": "1:1"},
        {"id": "sticker", "name": {"ko": "스티커", "en": "Sticker"}, "aspect_ratio": "1:1"},
        {"id": "tote_bag", "name": {"ko": "에코백", "en": "Tote bag"}, "aspect_ratio": "3:4"},
        {"id": "phone_case", "name": {"ko": "폰 케이스", "en": "Phone case"}, "aspect_ratio": "9:16"},
    ],
}

IMAGES = {"ppl": ["input_image_1", "input_image_2"], "goods": ["input_image"]}
TWO_IMAGES_MAX, KONTEXT_MAX = "flux-kontext-apps/multi-image-kontext-max", "flux-kontext-max"
FLUX2_PRO, FLUX2_KLEIN = "flux-2-pro", "flux-2-klein-9b"


@dataclass(frozen=True)
class Model:
    """What the options tell of a model, whichever kind it makes."""

    provider: str
    name: dict[str, str]
    good_for: dict[str, str]
    expected_seconds: int
    price_usd: float


MODELS = {
    TWO_IMAGES_MAX: Model(
        "replicate",
        {"ko": "Kontext Max (두 이미지)", "en": "Kontext Max (two images)"},
        {"ko": "캐릭터와 제품을 한 장면에 담습니다.", "en": "Puts character and product into one scene."},
        20,
        0.08,
    ),
    KONTEXT_MAX: Model(
        "bfl",
        {"ko": "Kontext Max", "en": "Kontext Max"},
        {"ko": "캐릭터를 그대로 지킵니다.", "en": "Keeps the character as it is."},
        15,
        0.08,
    ),
    FLUX2_PRO: Model(
        "bfl",
        {"ko": "FLUX.2 Pro", "en": "FLUX.2 Pro"},
        {"ko": "대부분의 그림에 좋습니다.", "en": "Right for most pictures."},
        10,
        0.045,
    ),
    FLUX2_KLEIN: Model(
        "bfl",
        {"ko": "클라인", "en": "Klein"},
        {"ko": "값싸게 시안을 봅니다.", "en": "Drafts for little money."},
        3,
        0.017,
    ),
}


def generators(**models: list[str]) -> list[dict[str, Any]]:
    """The options' entries of each kind's models, the first of which is its default."""
    return [
        {
            "kind": kind,
            "path": f"/api/{kind}-gen/generate",
            "model": model,
            "is_default": number == 0,
            "images": IMAGES.get(kind, ["input_image"]),
            **asdict(MODELS[model]),
        }
        for kind, names in models.items()
        for number, model in enumerate(names)
    ]


@dataclass(frozen=True)
class Problem:
    """A refusal, with its words in both languages."""

    status: int
    code: str
    title: dict[str, str]
    detail: dict[str, str]
    retryable: bool = False
    charged: str = "no"
    errors: tuple[dict[str, str], ...] = ()

    def body(self, language: str) -> dict[str, Any]:
        return {
            "type": f"https://toonconnect.example/problems/{self.code}",
            "title": self.title[language],
            "status": self.status,
            "detail": self.detail[language],
            "code": self.code,
            "retryable": self.retryable,
            "charged": self.charged,
            "request_id": "req_stub_1",
            "errors": list(self.errors),
            "error": self.detail[language],
        }


MODERATED = Problem(
    422,
    "content_moderated",
    {"ko": "안전성 검사를 통과하지 못했습니다", "en": "The safety check refused the request"},
    {
        "ko": "안전성 검사 실패: 입력 이미지 또는 프롬프트가 제공자의 기준에 맞지 않습니다.",
        "en": "Safety check failed: the input image or the prompt does not meet the provider's rules.",
    },
)
UNUSABLE = Problem(
    422,
    "image_unusable",
    {"ko": "쓸 수 없는 이미지", "en": "Unusable image"},
    {
        "ko": "이 이미지로는 그림을 만들 수 없습니다: 한 가지 색입니다. 비용은 발생하지 않았습니다.",
        "en": "No picture can be made of this image: it is of one colour. Nothing was charged.",
    },
    errors=({"field": "input_image_2", "message": "한 가지 색이라 보이는 것이 없습니다."},),
)
TOO_LARGE = Problem(
    413,
    "image_too_large",
    {"ko": "이미지가 너무 큽니다", "en": "The image is too large"},
    {"ko": "이미지는 5 MB 이하여야 합니다.", "en": "Images may have at most 5 MB."},
)
INVALID_PROMPT = Problem(
    422,
    "validation_failed",
    {"ko": "입력을 확인해 주세요", "en": "Please check the input"},
    {"ko": "입력값이 올바르지 않습니다.", "en": "Some fields are not valid."},
    errors=(
        {"field": "prompt", "message": "프롬프트는 2000자 이하여야 합니다."},
        {"field": "seed", "message": "시드는 정수여야 합니다."},
    ),
)
UNKNOWN_MODEL = replace(INVALID_PROMPT, errors=({"field": "model", "message": "다음 중 하나여야 합니다."},))
INTERNAL = Problem(
    500,
    "internal",
    {"ko": "내부 오류", "en": "Internal error"},
    {"ko": "내부 오류가 발생했습니다.", "en": "Something went wrong on our side."},
    retryable=True,
)
UNAVAILABLE = Problem(
    503,
    "provider_unavailable",
    {"ko": "이미지 생성 서비스에 연결할 수 없습니다", "en": "The image service cannot be reached"},
    {"ko": "Replicate 모델 생성 실패: 잠시 뒤 다시 시도해 주세요.", "en": "Replicate failed: please try again later."},
    retryable=True,
    charged="unknown",
)


@dataclass
class Submission:
    """One POST as it arrived."""

    path: str
    idempotency_key: str
    language: str
    fields: dict[str, str]
    files: dict[str, bytes]


@dataclass
class StubJob:
    id: str
    kind: str
    fields: dict[str, str]
    step: int = -1
    status: str = "queued"
    problem: Problem | None = None
    version: int = 0
    queue_position: int | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def has_ended(self) -> bool:
        return self.status in ("succeeded", "failed", "canceled")


class StubBackend:
    """Serves the page and the API. A job has ended at the first look at it, unless `hold_at` names the stage it stays in."""

    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.jobs: dict[str, StubJob] = {}
        self.refusals: list[Problem] = []  # answers to the next submits
        self.job_problem: Problem | None = None  # how the jobs made from now on end
        self.options: dict[str, Any] = {**OPTIONS, "generators": generators(ppl=[TWO_IMAGES_MAX], goods=[KONTEXT_MAX])}
        self.warnings: list[dict[str, Any]] = []  # of every job: `code`, `field`, and `detail` in both languages
        self.fallback_to: str | None = None  # the model that takes over from the default
        self.hold_at: str | None = None
        self.queue_position: int | None = None
        self.overdue = False  # jobs are later than expected
        self.dropping = False  # the API closes connections without an answer
        self.drops = 0
        self.translator = True
        self.limits: list[dict[str, Any]] = []  # of the caller's budget
        self.results_asked_for: list[str] = []
        self.owner_tokens: dict[str, list[str | None]] = {"/api/": [], "/blob/": []}  # of each call, by what was called
        self.claims: list[list[str]] = []
        self.takes_claims = True
        self.image_cors = True
        self.expired_signatures: set[int] = set()
        self.signatures = 0
        self.options_ready = threading.Event()
        self.options_ready.set()
        self.changed = threading.Condition()
        self.result_image = _picture()
        self._keys: dict[str, str] = {}
        stub = self

        class Handler(_Handler):
            backend = stub

        self._server = _server(Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # Another host name is another origin to a browser, as the storage account is.
        self.storage_url = f"http://localhost:{self.port}"
        # Closing waits as long as the server looks away: half a second a test, unless told otherwise.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.options_ready.set()
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def release(self) -> None:
        """Lets held jobs go on to their end."""
        with self.changed:
            self.hold_at = None
            self.changed.notify_all()

    def touch(self) -> None:
        """There is something to tell of every job."""
        with self.changed:
            for job in self.jobs.values():
                job.version += 1
            self.changed.notify_all()

    def finish(self) -> None:
        """Ends every job at once."""
        with self.changed:
            for job in self.jobs.values():
                job.step, job.status, job.version = len(STAGES) - 1, "succeeded", job.version + 1
            self.changed.notify_all()

    def start(self, submission: Submission) -> StubJob:
        with self.changed:
            self.submissions.append(submission)
            known = self._keys.get(submission.idempotency_key)
            if known:
                return self.jobs[known]
            job = StubJob(
                id=f"job_{len(self.jobs):08x}",
                kind=submission.path.split("/")[2].removesuffix("-gen"),
                fields=submission.fields,
                problem=self.job_problem,
                queue_position=self.queue_position,
            )
            self.jobs[job.id] = job
            self._keys[submission.idempotency_key] = job.id
            return job

    def look(self, job: StubJob, seen: str | None, seconds: float) -> bool:
        """Moves the job on, and holds while there is no news. Says whether it differs from what was seen."""
        with self.changed:
            self._advance(job)
            if seen == etag(job) and seconds and not job.has_ended:
                self.changed.wait(min(seconds, LONGEST_HOLD_SECONDS))
                self._advance(job)
            return seen != etag(job)

    def _advance(self, job: StubJob) -> None:
        """To the stage at which it is held, or to its end: the page takes a quarter of a second for each stage it is told of."""
        if job.has_ended:
            return
        stage = STAGES.index(self.hold_at) if self.hold_at else len(STAGES) - 1
        status = "processing" if self.hold_at else "failed" if job.problem else "succeeded"
        if (stage, status) != (job.step, job.status):
            job.step, job.status, job.version = stage, status, job.version + 1

    def cancel(self, job: StubJob) -> None:
        with self.changed:
            job.status = "canceled"
            job.version += 1
            self.changed.notify_all()

    @staticmethod
    def _is_translated(job: StubJob) -> bool:
        return "language" not in job.fields and any("가" <= letter <= "힣" for letter in job.fields.get("prompt", ""))

    def document(self, job: StubJob, language: str) -> dict[str, Any]:
        ended = job.has_ended
        stage = STAGES[max(job.step, 0)]
        usual = next((entry["model"] for entry in self.options["generators"] if entry["kind"] == job.kind), None)
        asked = job.fields.get("model")
        falls_back = self.fallback_to is not None and asked is None
        outputs = []
        if job.status == "succeeded":
            self.signatures += 1
            count = int(job.fields.get("n", "1"))
            outputs = [self._output(job, index) for index in range(count)]
        return {
            "id": job.id,
            "kind": job.kind,
            "status": job.status,
            "stage": stage,
            "progress": 100 if job.status == "succeeded" else max(job.step, 0) * 16,
            "queue_position": job.queue_position if stage == "waiting" else None,
            "eta_seconds": None if ended or self.overdue else 12,
            "overdue": self.overdue and not ended,
            "created_at": job.created_at.isoformat(),
            "started_at": job.created_at.isoformat(),
            "completed_at": (job.created_at + timedelta(seconds=14)).isoformat() if ended else None,
            "expires_at": (job.created_at + timedelta(days=30)).isoformat(),
            "input": {
                "prompt": job.fields.get("prompt", ""),
                "prompt_sent": job.fields.get("prompt", ""),
                "prompt_translated": ENGLISH if self.translator and self._is_translated(job) else None,
                "language": job.fields.get("language"),
                "aspect_ratio": job.fields.get("aspect_ratio"),
                "output_format": job.fields.get("output_format"),
                "safety_tolerance": int(job.fields.get("safety_tolerance", "2")),
                "seed": int(job.fields["seed"]) if "seed" in job.fields else None,
                "n": int(job.fields.get("n", "1")),
                "model": asked,
            },
            "outputs": outputs,
            "pictures": [
                {
                    "index": index,
                    "status": job.status,
                    "preset": None,
                    "seed": int(job.fields.get("seed", 4207 + index)),
                    "charged": "yes" if job.status == "succeeded" else "unknown",
                    "error": None,
                    "cost_usd": 0.08 if job.status == "succeeded" else 0.0,
                }
                for index in range(int(job.fields.get("n", "1")))
            ],
            "warnings": [{**warning, "detail": warning["detail"][language]} for warning in self.warnings],
            "usage": {"cost_usd": 0.08, "estimated": True, "settled": ended},
            "sample": bool(self.options.get("sandbox")),
            "error": job.problem.body(language) if job.problem and job.status == "failed" else None,
            "provider": "replicate",
            "model": self.fallback_to if falls_back else asked or usual,
            "fallback_used": falls_back,
            "fallback": {"from": usual, "to": self.fallback_to} if falls_back else None,
            "attempts": 1,
            "metadata": {},
            "urls": {"self": f"/api/jobs/{job.id}"},
        }

    def _output(self, job: StubJob, index: int) -> dict[str, Any]:
        link = f"{self.storage_url}/blob/{job.id}/{index}.png?sig={self.signatures}"
        return {
            "index": index,
            "url": link,
            "thumbnail_url": f"{link}&thumbnail=1",
            "content_type": "image/png",
            "width": 768,
            "height": 960,
            "bytes": len(self.result_image),
            "sha256": hashlib.sha256(self.result_image).hexdigest(),
            "seed": int(job.fields.get("seed", 4207 + index)),
            "preset": job.fields.get("preset"),
        }


_ports: set[int] = set()


def _server(handler: type[_Handler]) -> ThreadingHTTPServer:
    """On a port that none had before it: a page that was open for another test finds nothing of that test's in its browser."""
    while True:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        if server.server_address[1] not in _ports:
            _ports.add(server.server_address[1])
            return server
        server.server_close()


def etag(job: StubJob) -> str:
    return f'"{job.id}-{job.version}"'


class _Handler(BaseHTTPRequestHandler):
    backend: StubBackend
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: the second one would wait for the browser's delayed acknowledgement, 40 ms a request.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Quiet: the test's own report is enough."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/blob/"):
            self.backend.owner_tokens["/blob/"].append(self.headers["X-Owner-Token"])
            self._blob()
        elif path.startswith("/api/"):
            self._api("GET", path)
        else:
            self._file(path)

    def do_POST(self) -> None:
        self._api("POST", urlsplit(self.path).path)

    def do_DELETE(self) -> None:
        self._api("DELETE", urlsplit(self.path).path)

    @property
    def language(self) -> str:
        return "en" if self.headers.get("Accept-Language", "").startswith("en") else "ko"

    def _api(self, method: str, path: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        backend = self.backend
        # Of these two questions everybody gets the same answer.
        if path not in ("/api/options", "/api/health/ready"):
            backend.owner_tokens["/api/"].append(self.headers["X-Owner-Token"])
        if backend.dropping:
            with backend.changed:
                backend.drops += 1
                backend.changed.notify_all()
            self.close_connection = True
            return
        parts = path.removeprefix("/api/").split("/")
        if path == "/api/options":
            backend.options_ready.wait(PATIENCE)
            self._json(200, backend.options)
        elif path == "/api/usage":
            self._json(200, {"data": [], "limits": backend.limits})
        elif path == "/api/health/ready":
            self._json(200, {"status": "ready", "checks": {}})
        elif parts == ["jobs"]:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            jobs = [backend.document(job, self.language) for job in reversed(list(backend.jobs.values()))]
            found = [job for job in jobs if all(asked.get(name, job[name]) == job[name] for name in ("kind", "status"))]
            self._json(200, {"data": found, "has_more": False, "next_cursor": None})
        elif parts[-1] == "generate":
            self._generate(path, body)
        elif parts[-1] == "translate" and backend.translator:
            self._json(200, {"translated_text": ENGLISH, "detected_language": "ko"})
        elif parts[-1] == "translate":
            words = {"ko": "번역기가 없습니다", "en": "No translator"}
            self._problem(Problem(501, "translator_not_configured", words, words))
        elif parts == ["jobs", "claim"] and backend.takes_claims:
            backend.claims.append(json.loads(body)["ids"])
            self._json(200, {"data": [{"id": job_id, "claimed": True, "error": None} for job_id in backend.claims[-1]]})
        elif parts[0] == "jobs" and len(parts) > 1 and parts[1] in backend.jobs:
            self._job(method, backend.jobs[parts[1]], parts[2:])
        else:
            words = {"ko": "작업을 찾을 수 없습니다", "en": "No such job"}
            self._problem(Problem(404, "job_not_found", words, words))

    def _generate(self, path: str, body: bytes) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        fields: dict[str, str] = {}
        files: dict[str, bytes] = {}
        parts: Any = message_from_bytes(head + body).get_payload()
        for part in parts:
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if part.get_filename():
                files[name] = content
            else:
                fields[name] = content.decode()
        submission = Submission(path, self.headers["Idempotency-Key"], self.language, fields, files)
        if self.backend.refusals:
            self.backend.submissions.append(submission)
            self._problem(self.backend.refusals.pop(0))
            return
        job = self.backend.start(submission)
        self._json(202, self.backend.document(job, self.language), {"Location": f"/api/jobs/{job.id}"})

    def _job(self, method: str, job: StubJob, rest: list[str]) -> None:
        if method == "DELETE":
            del self.backend.jobs[job.id]
            self._send(204, b"", {})
        elif rest == ["cancel"]:
            self.backend.cancel(job)
            self._json(202, self.backend.document(job, self.language))
        elif rest == ["result"]:
            self.backend.results_asked_for.append(urlsplit(self.path).query)
            self._send(200, self.backend.result_image, {"Content-Type": "image/png"})
        else:
            wait = float(parse_qs(urlsplit(self.path).query).get("wait", ["0"])[0])
            seen = self.headers.get("If-None-Match")
            if not self.backend.look(job, seen, wait):
                self._send(304, b"", {"ETag": etag(job)})
            else:
                self._json(200, self.backend.document(job, self.language), {"ETag": etag(job)})

    def _blob(self) -> None:
        signature = int(parse_qs(urlsplit(self.path).query)["sig"][0])
        if signature in self.backend.expired_signatures:
            self._send(403, b"", {})
            return
        cors = {"Access-Control-Allow-Origin": "*"} if self.backend.image_cors else {}
        self._send(200, self.backend.result_image, {"Content-Type": "image/png", **cors})

    def _file(self, path: str) -> None:
        file = (WEB / path.lstrip("/")).resolve()
        if path == "/":
            file = WEB / "index.html"
        if not file.is_file() or WEB not in file.parents:
            self._send(404, b"", {})
            return
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self._send(200, file.read_bytes(), {"Content-Type": f"{kind}; charset=utf-8", **SECURITY})

    def _problem(self, problem: Problem) -> None:
        self._json(problem.status, problem.body(self.language), {"Content-Type": "application/problem+json"})

    def _json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {"Cache-Control": "no-store", "X-Request-Id": "req_stub_1", **headers}.items():
                self.send_header(name, value)
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the page was closed or reloaded meanwhile


@functools.cache
def _picture() -> bytes:
    """A believable result: both samples in one scene."""
    scene = Image.open(WEB / "samples" / "character-haneul.jpg").resize((768, 960))
    product = Image.open(WEB / "samples" / "product-can.jpg").resize((240, 300))
    scene.paste(product, (500, 630))
    file = io.BytesIO()
    scene.save(file, "PNG")
    return file.getvalue()
