"""What a result is called when it is saved: `toonconnect-goods-mug-20260630-0.png`, and in Korean beside it."""

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from shared.domain.image_kind import EXTENSIONS
from shared.domain.presets import PRESETS

_KINDS_KO = {"ppl": "PPL", "goods": "굿즈"}
#: The day of the people who name their files by it: Korea has had no other offset since 1988 (IANA tz, Asia/Seoul).
_KOREA = timezone(timedelta(hours=9))


def content_disposition(document: dict[str, Any], output: dict[str, Any]) -> str:
    """The header (RFC 6266) for a picture of a job, which is shown unless somebody saves it. In ASCII: the Korean name is spelt
    as RFC 8187 has it, and clients that cannot read that take the other one. It tells nothing of the job's id."""
    made = datetime.fromisoformat(document["completed_at"] or document["created_at"]).astimezone(_KOREA)
    preset = PRESETS.get(output["preset"] or "")
    extension = EXTENSIONS.get(output["content_type"], "bin")
    plain = ["toonconnect", document["kind"], *([preset.id] if preset else []), f"{made:%Y%m%d}", str(output["index"])]
    korean = [
        "툰커넥트", _KINDS_KO.get(document["kind"], document["kind"]), *([preset.name_ko] if preset else []),
        f"{made:%Y-%m-%d}", str(output["index"]),
    ]  # fmt: skip
    return f"inline; filename=\"{'-'.join(plain)}.{extension}\"; filename*=UTF-8''{quote('_'.join(korean), safe='')}.{extension}"
