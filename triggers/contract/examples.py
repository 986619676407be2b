"""One example of each thing, which a test holds against its schema, and each problem as the app would tell it."""

from datetime import UTC, datetime
from typing import Any

from shared.domain import quota
from shared.domain.problem import (
    CATALOGUE,
    Language,
    Problem,
    invalid_fields,
    moderated,
    timed_out,
    unreadable,
    unsupported,
    unusable,
)
from shared.pictures.limits import too_large

_ID = "job_06f3k2m8r4s9v1w5x7y0z2a4b6"
_HERE = f"https://toonconnect.example/api/jobs/{_ID}"

JOB: dict[str, Any] = {
    "id": _ID, "kind": "goods", "status": "succeeded", "stage": None, "progress": 100, "queue_position": None, "eta_seconds": None,
    "overdue": False,
    "created_at": "2026-01-02T03:04:05.000Z", "started_at": "2026-01-02T03:04:05.420Z", "completed_at": "2026-01-02T03:04:14.100Z",
    "expires_at": "2026-02-01T03:04:14.100Z",
    "input": {
        "prompt": "파란 배경", "prompt_sent": "A white ceramic mug with this character printed on its side. 파란 배경", "preset": "mug",
        "prompt_translated": None, "aspect_ratio": "1:1", "output_format": "png", "safety_tolerance": 2, "seed": 11, "n": 1, "label": "none", "model": None,
        "language": "ko", "presets": None, "images": [],
    },
    "outputs": [{
        "index": 0, "url": "https://account.blob.core.windows.net/images/9f/output/0.png?sig=...",
        "url_expires_at": "2026-01-02T04:04:20.000Z",
        "thumbnail_url": "https://account.blob.core.windows.net/images/9f/thumbnail/0.jpg?sig=...", "content_type": "image/png",
        "width": 1024, "height": 1024, "bytes": 1824075,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "seed": 11, "preset": "mug",
    }],
    "pictures": [
        {"index": 0, "status": "succeeded", "preset": "mug", "seed": 11, "charged": "yes", "error": None, "cost_usd": 0.08,
         "settled": True}
    ],
    "warnings": [], "error": None, "provider": "bfl", "model": "flux-kontext-max", "fallback_used": False, "fallback": None,
    "attempts": 1, "possible_duplicate": False, "usage": {"cost_usd": 0.08, "open_usd": 0.0, "estimated": True, "settled": True},
    "metrics": {"queue_ms": 420, "provider_ms": 7100, "overhead_ms": 900}, "sample": False, "metadata": {"episode": "12"},
    "urls": {"self": _HERE, "result": f"{_HERE}/result", "cancel": f"{_HERE}/cancel", "retry": f"{_HERE}/retry"},
}  # fmt: skip

#: The same job as the POST answers it: nothing was sent yet.
QUEUED: dict[str, Any] = {
    **JOB, "status": "queued", "progress": 0, "started_at": None, "completed_at": None, "expires_at": None, "outputs": [],
    "pictures": [{**JOB["pictures"][0], "status": "queued", "charged": "unknown", "settled": False}], "attempts": 0,
    "usage": {"cost_usd": 0.08, "open_usd": 0.08, "estimated": True, "settled": False}, "metrics": None,
}  # fmt: skip

#: Problems that say more than their code alone.
_SAID: dict[str, Problem] = {
    "invalid_request": unreadable(
        "본문이 비어 있습니다. 내용을 담아 다시 보내 주세요.", "The body is empty. Send it again with its content."
    ),
    "validation_failed": invalid_fields(
        ("seed", "0에서 4294967295 사이의 정수여야 합니다.", "Must be a whole number from 0 to 4294967295.")
    ),
    "image_too_large": too_large(5 * 1024 * 1024),
    "image_unusable": unusable("narrow", width=690, height=10000, side=71, needed=256),
    "unsupported_image": unsupported(""),
    "content_moderated": moderated("Black Forest Labs", "input", "no"),
    "generation_timeout": timed_out(120, "unknown"),
    "quota_exceeded": quota.used_up(
        quota.Standing("dollars-a-day", "own", 50, 0, usd=4.0), datetime(2026, 1, 2, 15, tzinfo=UTC)
    ).problem,
    "not_ready": Problem("not_ready", params={"checks": "storage"}),
    "webhooks_not_configured": Problem("webhooks_not_configured", params={"setting": "WEBHOOK_SIGNING_KEY"}),
    "method_not_allowed": Problem("method_not_allowed", params={"methods": "POST"}),
    "missing_api_key": Problem("missing_api_key", params={"setting": "BFL_API_KEY", "setting_ko": "BFL_API_KEY가"}),
}


def problems() -> dict[str, Any]:
    """By the name of the example: the code, in Korean with `.ko` behind it."""
    spoken: tuple[Language, ...] = ("en", "ko")
    return {
        code if language == "en" else f"{code}.ko": {
            "summary": kind.title_en if language == "en" else kind.title_ko,
            "value": _SAID.get(code, Problem(code, params={"provider": "Replicate"})).to_document(
                language, instance="/api/goods-gen/generate", request_id="5d2f0c8e9a7b4f1c8d3e6a5b4c3d2e1f"
            ),
        }
        for code, kind in CATALOGUE.items()
        for language in spoken
    }
