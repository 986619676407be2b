"""A picture of an own job as an input: `job:<id>/<index>` where a file would be."""

import re
from collections.abc import Mapping

from shared.domain.job import is_expired
from shared.domain.problem import Mistake, Problem, ProblemError, invalid_fields
from shared.domain.sheet import missing_pictures
from shared.job_ids import is_job_id
from shared.services import Services
from shared.storage.blob_store import Missing
from triggers.job_view import is_long_over, own_document

PREFIX = "job:"
_REFERENCE = re.compile(rf"{PREFIX}([a-z0-9_]+)/([0-9]{{1,2}})")
#: What is no reference, and what is none of the caller's: the same, so that nobody learns which jobs there are.
_UNKNOWN = (
    "내 작업에 그런 그림이 없습니다. job:<작업 번호>/<그림 번호>를 확인하거나 파일을 올려 주세요.",
    "None of your jobs has such a picture. Check job:<id>/<index>, or upload a file.",
)
_NOT_THERE = (
    "그 그림은 아직 없거나 만들어지지 않았습니다. 작업이 성공한 뒤 다시 보내거나 다른 그림을 골라 주세요.",
    "That picture is not there: send it again when its job has succeeded, or choose another one.",
)


def read_pictures(app: Services, who: str, references: Mapping[str, str]) -> dict[str, bytes]:
    """The files of the pictures that are named, by field. Raises ProblemError: `validation_failed` that names each field, or
    `result_expired` for a picture whose time is over."""
    files: dict[str, bytes] = {}
    mistakes: list[Mistake] = []
    for name, reference in references.items():
        found = _find(app, who, reference)
        if isinstance(found, bytes):
            files[name] = found
        elif isinstance(found, Problem):
            raise ProblemError(found.about(name))
        else:
            mistakes.append((name, *found))
    if mistakes:
        raise ProblemError(invalid_fields(*mistakes))
    return files


def _find(app: Services, who: str, reference: str) -> bytes | Problem | tuple[str, str]:
    read = _REFERENCE.fullmatch(reference)
    job_id = read.group(1) if read and is_job_id(read.group(1)) else None
    document = own_document(app, who, job_id) if job_id else None
    if document is None and job_id and is_long_over(app, job_id):
        return Problem("result_expired")
    if read is None or document is None or int(read.group(2)) >= len(document["seeds"]):
        return _UNKNOWN
    index = int(read.group(2))
    if index in missing_pictures(document):
        return _NOT_THERE
    if is_expired(document, app.now()):
        return Problem("result_expired")
    output = next(output for output in document["outputs"] if output["index"] == index)
    try:
        return app.blobs.get_image(output["blob"])
    except Missing:
        return Problem("result_expired")
