"""A multipart form, read and checked without decoding a picture or talking to anybody."""

import hashlib
from dataclasses import dataclass, field

import azure.functions as func
from werkzeug.exceptions import HTTPException

from shared.domain.kinds import Kind
from shared.domain.problem import Problem, ProblemError, invalid_fields
from shared.pictures.decoding import require_decoder
from shared.pictures.facts import ImageFacts
from shared.pictures.limits import too_large
from shared.pictures.upload import inspect_upload
from shared.settings import Settings

#: Room for the text fields and the multipart frame beside the images.
_FORM_OVERHEAD_BYTES = 256 * 1024


@dataclass(frozen=True)
class Form:
    fields: dict[str, str]
    files: dict[str, bytes] = field(repr=False)

    def fingerprint(self) -> str:
        """The same for the same request, whatever boundary and order its client chose."""
        digest = hashlib.sha256()
        for name, value in sorted(self.fields.items()):
            digest.update(f"{name}={len(value)}:{value}\n".encode())
        for name, data in sorted(self.files.items()):
            digest.update(f"{name}:{hashlib.sha256(data).hexdigest()}\n".encode())
        return digest.hexdigest()


def read_form(req: func.HttpRequest, kind: Kind, max_upload_bytes: int) -> Form:
    """Raises ProblemError: `invalid_request` for anything but a form, `image_too_large` before a huge one is parsed."""
    if len(req.get_body()) > len(kind.images) * max_upload_bytes + _FORM_OVERHEAD_BYTES:
        raise ProblemError(too_large(max_upload_bytes))
    # The second cannot carry images, but its fields can be told what is missing.
    if not req.headers.get("content-type", "").lower().startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        raise ProblemError(_unreadable("multipart/form-data"))
    try:
        fields, files = req.form, req.files
    except (ValueError, HTTPException) as error:
        raise ProblemError(_unreadable("multipart/form-data")) from error
    if fields is None or files is None or not (len(fields) or len(files)):
        raise ProblemError(_unreadable("empty form"))
    try:
        repeated = sorted(name for name in {*fields, *files} if len(fields.getlist(name)) + len(files.getlist(name)) > 1)
        if repeated:
            raise ProblemError(invalid_fields(*((name, "한 번만 보내 주세요.", "Send it once only.") for name in repeated)))
        form = Form({name: str(fields[name]) for name in fields}, {name: files[name].read() for name in files})
    finally:
        # Each may lie in a temporary file.
        for parts in files.listvalues():
            for part in parts:
                part.close()
    _release_body(req)
    return form


def _release_body(req: func.HttpRequest) -> None:
    """Let go of the raw body: the request lives as long as its answer, which may wait for minutes.

    The SDK has no way to say so; should it rename the attribute, only memory is lost (bench/ measures it).
    """
    if hasattr(req, "_HttpRequest__body_bytes"):
        req._HttpRequest__body_bytes = b""


def inspect_images(form: Form, kind: Kind, settings: Settings, min_side_px: int) -> dict[str, ImageFacts]:
    """What each image of the form is; `min_side_px`: what its generators need of what is sent. Raises ProblemError that names
    the field."""
    facts = {}
    for name in kind.images:
        try:
            facts[name] = inspect_upload(form.files[name], settings.max_upload_bytes, settings.decode_memory_mb, min_side_px)
            require_decoder(facts[name].content_type)
        except ProblemError as error:
            raise ProblemError(error.problem.about(name)) from error
    return facts


def _unreadable(reason: str) -> Problem:
    return Problem("invalid_request", params={"reason": reason})
