"""A form, read and checked without decoding a picture or talking to anybody."""

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import azure.functions as func
from werkzeug.datastructures import Headers
from werkzeug.http import parse_options_header

from shared.domain.generation import FIELDS, MISREAD, shown
from shared.domain.kinds import Kind
from shared.domain.problem import Mistake, Problem, ProblemError, invalid_fields, unreadable
from shared.domain.text import is_misread
from shared.pictures.decoding import require_decoder
from shared.pictures.facts import ImageFacts
from shared.pictures.limits import too_large
from shared.pictures.upload import inspect_upload
from shared.settings import FORM_OVERHEAD_BYTES, LARGEST_UPLOAD_BYTES, Settings
from triggers.bodies import body_of, let_go
from triggers.charsets import UnknownCharset, decode
from triggers.multipart import MAX_PARTS, TOO_MANY_PARTS, Part, parts_of

#: What HTML forms call the field that tells the encoding of the others (HTML, 4.10.21.5; RFC 7578, 4.6).
_CHARSET_FIELD = "_charset_"
_MULTIPART, _URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
_AS_IT_IS = ("", "7bit", "8bit", "binary")
_MIME_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,60}", re.ASCII)
#: What an image field begins with that names a picture of a job.
_REFERENCE = b"job:"
#: What is longer names nothing.
_LONGEST_REFERENCE = 200
#: Fields that may come several times.
_LISTS = frozenset({"presets"})
_DATA_URI = re.compile(rb"\s*data:[\w/+.-]*[;,]", re.IGNORECASE)

_NO_FIELDS = unreadable(
    "폼에 필드가 하나도 없습니다. 이미지와 프롬프트를 담아 보내 주세요.",
    "The form has no field. Send it with its images and its prompt.",
)
_LARGE_FORM = unreadable(
    f"본문이 너무 큽니다. {FORM_OVERHEAD_BYTES // 1024}KB까지 보낼 수 있습니다.",
    f"The body is too large: send at most {FORM_OVERHEAD_BYTES // 1024} KB.",
)


@dataclass(frozen=True)
class Form:
    """The fields of a form as they were sent. `mistakes` are of those that could not be taken, and are in neither."""

    fields: dict[str, str]
    files: dict[str, bytes] = field(repr=False)
    mistakes: tuple[Mistake, ...] = ()
    #: Image fields that name a picture of a job, and what they say. Their files may be there too, by now.
    references: dict[str, str] = field(default_factory=dict)

    @property
    def images(self) -> set[str]:
        """The image fields that say something."""
        return {*self.files, *self.references}

    @functools.cached_property
    def image_digests(self) -> dict[str, str]:
        """What tells its images; a picture of a job is told by its name, so that it need not be there."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()} | self.references

    def spelling(self) -> str:
        """The same for the same texts and images, whatever boundary and order their client chose. A stored format: the former
        version told requests by it alone."""
        digest = hashlib.sha256()
        for name, value in sorted(self.fields.items()):
            digest.update(f"{name}={len(value)}:{value}\n".encode())
        for name, image in sorted(self.image_digests.items()):
            digest.update(f"{name}:{image}\n".encode())
        return digest.hexdigest()


def read_form(req: func.HttpRequest, kind: Kind, max_upload_bytes: int) -> Form:
    """Raises ProblemError: `invalid_request` for anything but a form, `image_too_large` before a huge one is parsed."""
    parts, charset = _parts(req, len(kind.images) * max_upload_bytes, too_large(max_upload_bytes))
    return _read(parts, {*FIELDS, "preset", *_LISTS}, kind.images, charset)


def read_fields(req: func.HttpRequest, names: set[str]) -> dict[str, str]:
    """The texts of a form without images; of a field that is none of `names` there is no text. Raises ProblemError."""
    parts, charset = _parts(req, 0, _LARGE_FORM)
    form = _read(parts, names, (), charset)
    if form.mistakes:
        raise ProblemError(invalid_fields(*form.mistakes))
    return form.fields


def _parts(req: func.HttpRequest, images_bytes: int, too_much: Problem) -> tuple[list[Part], str]:
    """The parts of a form that may have so much in images, and the charset that it names. Raises ProblemError."""
    body = body_of(req)
    if len(body) > images_bytes + FORM_OVERHEAD_BYTES:
        raise ProblemError(too_much)
    mime_type, options = parse_options_header(req.headers.get("content-type", ""))
    # Types of media are in any case (RFC 9110, 8.3.1).
    mime_type = mime_type.lower()
    if mime_type == _MULTIPART:
        found = parts_of(body, options.get("boundary", ""))
    elif mime_type == _URLENCODED:
        # It cannot carry images, but its fields can be told what is missing.
        found = _pairs_of(body)
    else:
        raise ProblemError(_no_form(mime_type))
    # Before the parts are there: two times the images are enough to have in memory.
    del body
    let_go(req)
    parts = list(found)
    if not parts:
        raise ProblemError(_NO_FIELDS)
    return parts, options.get("charset", "utf-8")


def _read(parts: list[Part], known: set[str], images: tuple[str, ...], charset: str) -> Form:
    """`known`: fields whose texts are read."""
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    references: dict[str, str] = {}
    mistakes: dict[str, Mistake] = {}
    named = [(_name(part), part) for part in parts]
    for name, part in named:
        if name == _CHARSET_FIELD:
            charset = part.data[:100].decode("latin-1").strip()
    seen: set[str] = set()
    for name, part in named:
        if name == _CHARSET_FIELD:
            continue
        try:
            if name in seen and name not in _LISTS:
                raise _Unusable("한 번만 보내 주세요.", "Send it once only.", "repeated")
            if name in images and _is_reference(part):
                references[name] = _reference(part)
            elif name in images:
                data = _image(part, charset)
                if data is not None:
                    files[name] = data
            else:
                # Whoever does not know a field does not read it either: it is told by its name.
                text = _text(part, charset) if name in known else ""
                fields[name] = f"{fields[name]},{text}" if name in fields else text
        except _Unusable as error:
            mistakes[name] = (shown(name), error.ko, error.en, error.code)
        seen.add(name)
        part.data = b""
    for name in mistakes:
        fields.pop(name, None)
        files.pop(name, None)
        references.pop(name, None)
    return Form(fields, files, tuple(mistakes.values()), references)


class _Unusable(Exception):
    """A part that cannot be taken, and what to do instead."""

    def __init__(self, ko: str, en: str, code: str) -> None:
        super().__init__(en)
        self.ko, self.en, self.code = ko, en, code


def _name(part: Part) -> str:
    """In whatever letters: of one that is not UTF-8 only the bytes are known."""
    try:
        name = part.name.encode("latin-1").decode()
    except UnicodeError:
        return part.name
    # Some clients write `presets[]` of a list (axios, jQuery).
    return name.removesuffix("[]") if name.removesuffix("[]") in _LISTS else name


def _is_reference(part: Part) -> bool:
    """No image begins so."""
    return part.data[:_LONGEST_REFERENCE].lstrip().startswith(_REFERENCE)


def _reference(part: Part) -> str:
    """The name of an own picture. Clients that go by the field's media types call it an image."""
    _require_plain(part)
    return part.data[:_LONGEST_REFERENCE].decode(errors="replace").strip()


def _image(part: Part, charset: str) -> bytes | None:
    """The file of an image field, with or without a file name; None when none was chosen."""
    _require_plain(part)
    if _DATA_URI.match(part.data[:200]):
        raise _Unusable(
            "data URI가 아니라 이미지 파일 자체를 올려 주세요.", "Upload the image file itself, not a data URI.", "wrong_type"
        )
    if part.file_name:
        return part.data
    # A browser sends an empty part, with an empty name, of a file field that nobody used.
    if not part.data.strip():
        return None
    if _is_text(part.data, charset):
        raise _Unusable(
            "텍스트가 아니라 이미지 파일을 올려 주세요(curl에서는 -F 필드=@파일).",
            "Upload an image file, not text (with curl: -F field=@file).",
            "wrong_type",
        )
    return part.data


def _is_text(data: bytes, charset: str) -> bool:
    try:
        return not is_misread(decode(data, charset))
    except ValueError:
        return False


def _text(part: Part, charset: str) -> str:
    """The text of a field, also of one that was sent as a file: FormData makes one of every Blob."""
    _require_plain(part)
    mime_type, options = parse_options_header(part.headers.get("content-type", ""))
    if not mime_type.lower().startswith(("text/", "application/")) and mime_type:
        raise _Unusable("텍스트로 보내 주세요.", "Send it as text.", "wrong_type")
    if len(part.data) > FORM_OVERHEAD_BYTES:
        raise _Unusable("너무 깁니다. 줄여서 다시 보내 주세요.", "It is too long: shorten it and send it again.", "too_long")
    charset = options.get("charset") or charset
    try:
        text = decode(part.data, charset)
    except UnknownCharset:
        raise _Unusable(
            "알 수 없는 문자 집합(charset)입니다. UTF-8로 보내 주세요.",
            "Its charset is not known. Send it as UTF-8.",
            "unreadable",
        ) from None
    except UnicodeDecodeError:
        raise _Unusable(
            "글자를 읽을 수 없습니다. UTF-8로 보내 주세요. Windows의 curl은 CP949로 보내므로, 글을 UTF-8 파일에 담아 "
            "-F 필드=<파일 로 보내면 됩니다.",
            "It cannot be read. Send it as UTF-8. curl on Korean Windows sends CP949: put the text into a UTF-8 file and send it "
            "with -F field=<file.",
            "unreadable",
        ) from None
    if is_misread(text):
        raise _Unusable(*MISREAD, "unreadable")
    return text


def _require_plain(part: Part) -> None:
    """Nothing undoes an encoding for the transfer, which RFC 7578 (4.7) gave up: its letters would go to a provider."""
    if part.headers.get("content-transfer-encoding", "").strip().lower() not in _AS_IT_IS:
        raise _Unusable(
            "Content-Transfer-Encoding을 쓰지 말고 내용을 그대로 보내 주세요.",
            "Send it as it is, without a Content-Transfer-Encoding.",
            "unreadable",
        )


def _pairs_of(body: bytes) -> Iterator[Part]:
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_PARTS)
    except ValueError:
        raise ProblemError(TOO_MANY_PARTS) from None
    for name, value in pairs:
        yield Part(name, None, Headers(), value.encode("latin-1"))


def _no_form(mime_type: str) -> Problem:
    if not mime_type:
        return unreadable(
            f"Content-Type이 없습니다. {_MULTIPART}로 보내 주세요(curl에서는 -F).",
            f"There is no Content-Type. Send {_MULTIPART} (with curl: -F).",
        )
    told = mime_type if _MIME_TYPE.fullmatch(mime_type) else "?"
    return unreadable(
        f"{_MULTIPART} 폼이 필요한데 {told} 본문이 왔습니다. 필드와 이미지를 폼으로 보내 주세요(curl에서는 -F).",
        f"A form ({_MULTIPART}) is needed, but the body is {told}. Send the fields and images as a form (with curl: -F).",
    )


def inspect_images(form: Form, kind: Kind, settings: Settings, min_side_px: int) -> dict[str, ImageFacts]:
    """What each image of the form is; `min_side_px`: what its generators need of what is sent. Raises ProblemError that names
    the field."""
    facts = {}
    for name in kind.images:
        try:
            # A picture that a job made may be larger than an upload may be.
            most = LARGEST_UPLOAD_BYTES if name in form.references else settings.max_upload_bytes
            facts[name] = inspect_upload(form.files[name], most, settings.decode_memory_mb, min_side_px)
            require_decoder(facts[name].content_type)
        except ProblemError as error:
            raise ProblemError(error.problem.about(name)) from error
    return facts
