"""Where the images of a job lie, all of them in one container.

What a link may lead to lies in a folder that tells nothing of its job: where nobody signs in (`AUTH_MODE=none`) the job's id is
all that it takes to read, renew, cancel or delete the job, and links are passed on. The folder follows from the id, so no record
has to lead there, and the id does not follow from it: it has 80 random bits. Nobody gets a link to an upload, so uploads lie by
the id; in a room of their own, so that what is left of them is found by one listing.
"""

import hashlib

from shared.job_ids import is_job_id

UPLOADS = "uploads/"
PICTURES = "pictures/"
#: Where images lay in earlier versions that providers fetched.
SENT_OF_BEFORE = "sent/"
#: Where all else lay in earlier versions: `job_.../input/`, `/prepared/`, `/output/`, `/thumbnail/`.
JOBS_OF_BEFORE = "job_"
_PREPARED = "prepared/"


def folders(job_id: str) -> tuple[str, ...]:
    """Everything that a job can have, those of earlier versions included."""
    return f"{UPLOADS}{job_id}/", _folder(job_id), *_folders_of_before(job_id)


def upload_name(job_id: str, field: str, extension: str, post: str = "", *, is_prepared: bool = False) -> str:
    """What a user sent, as it came. `post`: which of several POSTs that may make the job wrote it. `is_prepared`: it is the
    prepared image of a job that is made again, and is to be sent as it is."""
    return f"{UPLOADS}{job_id}/{post}{'/' if post else ''}{_PREPARED if is_prepared else ''}{field}.{extension}"


def is_prepared_upload(name: str) -> bool:
    return name.startswith(UPLOADS) and _PREPARED in name


def prepared_name(job_id: str, field: str, extension: str, post: str = "") -> str:
    """What a provider gets of an upload. `post`: which of several POSTs that may make the job prepared it."""
    return f"{_folder(job_id)}{_PREPARED}{post}{'/' if post else ''}{field}.{extension}"


def output_name(job_id: str, index: int, extension: str) -> str:
    return f"{_folder(job_id)}output/{index}.{extension}"


def thumbnail_name(job_id: str, index: int) -> str:
    return f"{_folder(job_id)}thumbnail/{index}.jpg"


def prepared_prefixes(job_id: str, field: str) -> tuple[str, ...]:
    """What the name begins with under which an upload was prepared, whatever its format: today's first."""
    jobs, sent = _folders_of_before(job_id)
    return f"{_folder(job_id)}prepared/{field}.", f"{jobs}prepared/{field}.", f"{sent}{field}."


def output_prefixes(job_id: str, index: int) -> tuple[str, ...]:
    """What the name of a picture begins with, whatever its format: today's first."""
    return f"{_folder(job_id)}output/{index}.", f"{_folders_of_before(job_id)[0]}output/{index}."


def may_be_linked(name: str) -> bool:
    """Whether the name of an image tells nothing of its job."""
    return name.startswith((PICTURES, SENT_OF_BEFORE))


def job_of_upload(name: str) -> str | None:
    """Whose upload this is, today's or of an earlier version; None where it is none."""
    parts = name.split("/")
    job_id = parts[1] if name.startswith(UPLOADS) else parts[0] if parts[1:2] == ["input"] else ""
    return job_id if is_job_id(job_id) else None


def _folder(job_id: str) -> str:
    return f"{PICTURES}{_digest('pictures', job_id)}/"


def _folders_of_before(job_id: str) -> tuple[str, str]:
    return f"{job_id}/", f"{SENT_OF_BEFORE}{_digest('sent images', job_id)}/"


def _digest(purpose: str, job_id: str) -> str:
    """Not that of the id alone, which may stand elsewhere."""
    return hashlib.sha256(f"{purpose} of {job_id}".encode()).hexdigest()[:32]
