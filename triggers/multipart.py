"""The parts of a multipart body as bytes. Werkzeug finds them; what their bytes mean is read elsewhere (decision 19)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import LINE_BREAK, LINE_BREAK_RE, Data, Epilogue, Field, File, MultipartDecoder, State

from shared.domain.problem import Problem, ProblemError, unreadable

#: A form has a dozen; whoever sends more is told of some that nobody knows.
MAX_PARTS = 100
#: Of one part: a name, a file's name, a content type.
MAX_HEADER_BYTES = 16 * 1024
#: Of all parts together, with room for long names of files: a header costs a hundred times what a part's content does.
MAX_HEADERS_BYTES = 64 * 1024

TOO_MANY_PARTS = unreadable(
    f"폼의 필드가 {MAX_PARTS}개를 넘습니다. 필요한 필드만 보내 주세요.",
    f"The form has more than {MAX_PARTS} fields: send only those that are needed.",
)
NO_BOUNDARY = unreadable(
    "Content-Type에 boundary가 없습니다. Content-Type을 직접 정하지 말고 폼을 만드는 도구에 맡겨 주세요(curl에서는 -F).",
    "The Content-Type has no boundary. Do not set it by hand: leave it to what makes the form (with curl: -F).",
)
BAD_BOUNDARY = unreadable(
    "Content-Type의 boundary는 ASCII 문자여야 합니다. 폼을 만드는 도구에 맡겨 주세요(curl에서는 -F).",
    "The boundary in the Content-Type must be ASCII. Leave it to what makes the form (with curl: -F).",
)
OTHER_BOUNDARY = unreadable(
    "Content-Type의 boundary가 본문에 나오지 않습니다. 둘을 같은 값으로 맞춰 다시 보내 주세요.",
    "The boundary of the Content-Type never comes in the body. Send both with the same one.",
)
CUT_OFF = unreadable(
    "본문이 마지막 boundary 전에 끊겼습니다. 전체를 다시 보내 주세요.",
    "The body breaks off before its last boundary. Send the whole of it again.",
)
NAMELESS_PART = unreadable(
    '이름이 없는 필드가 있습니다. 필드마다 Content-Disposition: form-data; name="..."을 붙여 주세요.',
    'A part of the form has no name. Give each its Content-Disposition: form-data; name="...".',
)
LONG_HEADER = unreadable(
    "폼 필드의 헤더(Content-Disposition 등)가 너무 깁니다. 필드 이름과 파일 이름을 줄여 주세요.",
    "The header of a part of the form, or of all of them together, is too long. Shorten the names of fields and files.",
)


@dataclass
class Part:
    """One field as it came. Its headers' bytes are characters of the same numbers, as in WSGI."""

    name: str
    file_name: str | None
    headers: Headers
    data: bytes = field(default=b"", repr=False)


class _Decoder(MultipartDecoder):
    """Werkzeug's refuses a part whose header is not UTF-8. File names come in the letters of their system, and are not used.

    It is given the whole body, so a part that has no end within it never gets one.
    """

    _header_bytes = 0

    def __init__(self, boundary: bytes) -> None:
        super().__init__(boundary, max_parts=MAX_PARTS)
        delimiter = re.escape(b"--" + boundary)
        # As Werkzeug's boundary_re, which begins with a choice of line breaks and so is tried at every byte; this one begins with
        # what is rare, in a quarter of the time.
        self._delimiter = re.compile(
            rb"%s(?<=[\r\n]%s)(--[^\S\r\n]*%s?|[^\S\r\n]*%s)" % (delimiter, delimiter, LINE_BREAK, LINE_BREAK)
        )

    def _parse_data(self, data: bytes | bytearray, *, start: bool) -> tuple[bytes, int, bool]:
        """As Werkzeug's for a part that ends; of one that does not nothing is used."""
        line_break = LINE_BREAK_RE.match(data) if start else None
        begins = line_break.end() if line_break else 0
        found = self._delimiter.search(data)
        if found is None:
            return b"", len(data), True
        self.state = State.EPILOGUE if found.group(1).startswith(b"--") else State.PART
        ends = found.start() - (2 if data[max(0, found.start() - 2) : found.start()] == b"\r\n" else 1)
        # A part's content is copied once.
        with memoryview(data) as view:
            return bytes(view[begins:ends]), found.end(), False

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        self._header_bytes += len(data)
        if len(data) > MAX_HEADER_BYTES or self._header_bytes > MAX_HEADERS_BYTES:
            raise ProblemError(LONG_HEADER)
        headers = super()._parse_headers(data.decode("latin-1").encode())
        # A part that begins with its content has taken the next one's header for its own, and the boundary between them.
        has_swallowed = any(name.startswith(f"--{self.boundary.decode()}".partition(":")[0]) for name, _ in headers)
        if has_swallowed or not parse_options_header(headers.get("content-disposition"))[1].get("name"):
            raise ProblemError(NAMELESS_PART)
        return headers


def parts_of(body: bytes, boundary: str) -> Iterator[Part]:
    """In their order. Raises ProblemError (`invalid_request`) that says what is wrong with the body."""
    if not boundary:
        raise ProblemError(NO_BOUNDARY)
    if not boundary.isascii():
        raise ProblemError(BAD_BOUNDARY)
    decoder = _Decoder(boundary.encode())
    # All at once: where a step ends just after a boundary, Werkzeug 3.1 takes the CR before it for the end of the part.
    decoder.receive_data(body)
    del body
    decoder.receive_data(None)
    part: Part | None = None
    while not isinstance(event := _next_event(decoder), Epilogue):
        if isinstance(event, Field | File):
            part = Part(event.name, event.filename if isinstance(event, File) else None, event.headers)
        elif isinstance(event, Data) and part is not None:
            part.data = part.data + event.data if part.data else event.data
            if not event.more_data:
                yield part
                part = None


def _next_event(decoder: MultipartDecoder) -> object:
    try:
        return decoder.next_event()
    except RequestEntityTooLarge:
        raise ProblemError(TOO_MANY_PARTS) from None
    except ValueError:
        raise ProblemError(_what_ends(decoder)) from None


def _what_ends(decoder: MultipartDecoder) -> Problem:
    if decoder.state is State.PREAMBLE:
        return OTHER_BOUNDARY
    return LONG_HEADER if decoder.state is State.PART and len(decoder.buffer) > MAX_HEADER_BYTES else CUT_OFF
