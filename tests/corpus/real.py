"""The app's own functions, as an upload meets them: the only place that names them."""

from dataclasses import dataclass

from shared.domain.problem import ProblemError
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.scaling import PROVIDER_MIN_SIDE_PX
from shared.pictures.upload import inspect_upload
from shared.settings import Settings

_SETTINGS = Settings.from_environ({})
MAX_UPLOAD_BYTES, DECODE_MEMORY_MB = _SETTINGS.max_upload_bytes, _SETTINGS.decode_memory_mb


@dataclass(frozen=True)
class Taken:
    content_type: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Refused:
    code: str
    by: str
    sentences: tuple[str, str]


def take(data: bytes) -> Taken | Refused:
    """First what the upload's trigger asks, then what the job's first step does. Anything but a Problem comes through."""
    by = "inspect"
    try:
        inspect_upload(data, MAX_UPLOAD_BYTES, DECODE_MEMORY_MB, PROVIDER_MIN_SIDE_PX)
        by = "prepare"
        sent = prepare_for_provider(data)
    except ProblemError as error:
        korean, english = (str(error.problem.to_document(language)["detail"]) for language in ("ko", "en"))
        return Refused(error.problem.code, by, (korean, english))
    return Taken(sent.facts.content_type, sent.data, sent.facts.width, sent.facts.height)
