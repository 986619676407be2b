"""What a file is by its first bytes; names and content types are what the sender claims. Pure."""

import re
from typing import NamedTuple

#: How much of a file is enough to tell: that of an ISO file begins with a list of what else it is.
HEAD_BYTES = 4096

#: What is taken as an upload, and how its file is called.
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/gif": "gif",
}
#: What providers answer with.
RESULT_TYPES = ("image/png", "image/jpeg", "image/webp")
#: Line art: what loses nothing by being prepared as PNG.
_KEPT_LOSSLESS = ("image/png", "image/gif")

# Brands of ISO/IEC 23008-12 (HEIF, annex B) and of AVIF 1.1 (https://aomediacodec.github.io/av1-avif/#brands).
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF = {b"mif1", b"mif2", b"msf1"}


def sniff_image(head: bytes) -> str | None:
    """The content type of a file that is taken, from at least its first 12 bytes (HEAD_BYTES for HEIC and AVIF); None for
    anything else."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    return _iso_image(head)


def prepared_type(upload_type: str) -> str:
    """The content type that an upload is prepared as."""
    return "image/png" if upload_type in _KEPT_LOSSLESS else "image/jpeg"


def _brands(head: bytes) -> list[bytes]:
    """Of an ISO base media file: the major one first, then those that it is compatible with."""
    if head[4:8] != b"ftyp":
        return []
    size = min(int.from_bytes(head[:4], "big") or len(head), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]


def _iso_image(head: bytes) -> str | None:
    brands = _brands(head)
    if not brands:
        return None
    if _AVIF & set(brands):
        return "image/avif"
    if brands[0] in _HEIC:
        return "image/heic"
    if brands[0] in _HEIF:
        return "image/heif"
    return "image/heic" if _HEIC & set(brands) else None


class OtherFile(NamedTuple):
    """A file that is not taken: what it is called, and what to do with it."""

    ko: str
    en: str
    advice_ko: str
    advice_en: str


_EXPORT = ("PNG나 JPEG로 내보낸 뒤 올려 주세요.", "Export it as PNG or JPEG and upload that.")
_SAVE = ("PNG나 JPEG로 저장한 뒤 올려 주세요.", "Save it as PNG or JPEG and upload that.")
_PAGE = ("필요한 쪽을 PNG나 JPEG로 저장해서 올려 주세요.", "Save the page that you need as PNG or JPEG and upload that.")
_FRAME = ("장면 하나를 PNG나 JPEG로 저장해서 올려 주세요.", "Save one frame of it as PNG or JPEG and upload that.")
_UNPACK = ("압축을 풀고 안에 있는 이미지를 올려 주세요.", "Unpack it and upload the image inside.")
_OTHER = (
    "PNG, JPEG, WebP, AVIF, HEIC 또는 GIF 파일을 올려 주세요.", "Upload a PNG, JPEG, WebP, AVIF, HEIC or GIF file."
)  # fmt: skip
_AGAIN = ("원본을 다시 저장하거나 다른 파일로 올려 주세요.", "Save the original again, or upload another file.")

#: By the word that problems carry.
OTHER_FILES: dict[str, OtherFile] = {
    "empty": OtherFile("빈 파일", "an empty file", *_AGAIN),
    "damaged": OtherFile("손상되었거나 끝까지 저장되지 않은 이미지", "an image that is damaged or breaks off", *_AGAIN),
    "too_complex": OtherFile(
        "풀어내는 데 너무 오래 걸리도록 만들어진 이미지", "an image that is made so that reading it takes far too long",
        "이미지 편집기에서 다시 저장한 뒤 올려 주세요.", "Save it again with an image editor and upload that.",
    ),
    "heic_off": OtherFile(
        "HEIC 이미지(이 서버에서는 읽을 수 없음)", "a HEIC image, which this server cannot read", *_SAVE,
    ),
    "pdf": OtherFile("PDF 파일", "a PDF", *_PAGE),
    "postscript": OtherFile("PostScript(EPS·AI) 파일", "a PostScript file (EPS or AI)", *_EXPORT),
    "photoshop": OtherFile("포토샵(PSD) 파일", "a Photoshop file (PSD)", *_EXPORT),
    "clip_studio": OtherFile("클립 스튜디오(CLIP) 파일", "a Clip Studio file (CLIP)", *_EXPORT),
    "gimp": OtherFile("GIMP(XCF) 파일", "a GIMP file (XCF)", *_EXPORT),
    "krita": OtherFile("크리타(KRA) 파일", "a Krita file (KRA)", *_EXPORT),
    "procreate": OtherFile("프로크리에이트 파일", "a Procreate file", *_EXPORT),
    "sai": OtherFile("페인트툴 사이 2(SAI2) 파일", "a PaintTool SAI 2 file (SAI2)", *_EXPORT),
    "medibang": OtherFile("메디방·파이어알파카(MDP) 파일", "a MediBang or FireAlpaca file (MDP)", *_EXPORT),
    "blender": OtherFile("블렌더(BLEND) 파일", "a Blender file (BLEND)", *_EXPORT),
    "tiff": OtherFile("TIFF 이미지", "a TIFF image", *_SAVE),
    "raw": OtherFile("카메라 RAW 파일", "a camera's raw file", *_EXPORT),
    "bmp": OtherFile("BMP 이미지", "a BMP image", *_SAVE),
    "netpbm": OtherFile("PPM·PGM 이미지", "a PPM or PGM image", *_SAVE),
    "icon": OtherFile("아이콘(ICO) 파일", "an icon (ICO)", *_SAVE),
    "svg": OtherFile("SVG 그림", "an SVG drawing", *_EXPORT),
    "jpeg_xl": OtherFile("JPEG XL 이미지", "a JPEG XL image", *_SAVE),
    "jpeg_2000": OtherFile("JPEG 2000 이미지", "a JPEG 2000 image", *_SAVE),
    "heif_other": OtherFile("읽을 수 없는 종류의 HEIF 이미지", "a HEIF image of a kind that cannot be read", *_SAVE),
    "video": OtherFile("동영상", "a video", *_FRAME),
    "audio": OtherFile("소리 파일", "a sound file", *_OTHER),
    "office": OtherFile("오피스 문서", "an Office document", *_PAGE),
    "hangul": OtherFile("한글(HWP) 문서", "a Hangul document (HWP)", *_PAGE),
    "archive": OtherFile("압축 파일", "an archive (ZIP or the like)", *_UNPACK),
    "html": OtherFile("웹 페이지(HTML)", "an HTML page", "페이지가 아니라 이미지 자체를 저장해서 올려 주세요.",
                      "Save the image itself, not the page that shows it, and upload that."),
    "text": OtherFile("글(텍스트) 파일", "a text file", *_OTHER),
    "": OtherFile("읽을 수 없는 파일", "a file that cannot be read as an image", *_OTHER),
}  # fmt: skip

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "pdf"), (b"%!PS", "postscript"), (b"\xc5\xd0\xd3\xc6", "postscript"), (b"8BPS", "photoshop"),
    (b"CSFCHUNK", "clip_studio"), (b"gimp xcf", "gimp"), (b"FUJIFILMCCD-RAW", "raw"), (b"IIRO", "raw"), (b"IIU\0", "raw"),
    (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"II+\0", "tiff"), (b"MM\0+", "tiff"), (b"BM", "bmp"), (b"\0\0\1\0", "icon"),
    (b"\xff\x0a", "jpeg_xl"), (b"\0\0\0\x0cJXL \r\n\x87\n", "jpeg_xl"), (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg_2000"),
    (b"\xff\x4f\xff\x51", "jpeg_2000"), (b"\x1aE\xdf\xa3", "video"), (b"\0\0\1\xba", "video"), (b"\0\0\1\xb3", "video"),
    (b"OggS", "video"), (b"FLV\1", "video"), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video"), (b"ID3", "audio"),
    (b"\xff\xfb", "audio"), (b"fLaC", "audio"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"), (b"{\\rtf", "office"),
    (b"HWP Document File", "hangul"), (b"Rar!", "archive"), (b"7z\xbc\xaf\x27\x1c", "archive"), (b"\x1f\x8b", "archive"),
    (b"\xfd7zXZ\0", "archive"), (b"SAI-CANVAS", "sai"), (b"mdipack", "medibang"),
)  # fmt: skip
#: What begins with letters that a text may begin with too: Netpbm's (https://netpbm.sourceforge.net/doc/ppm.html), Blender's of
#: before and since 5.0 (BLO_core_blend_header.hh in its sources), bzip2's with a first block or none.
_BEGINNINGS = (
    (re.compile(rb"P[1-6][ \t-\r](?:[ \t-\r]|#[^\n]*\n)*[0-9]+[ \t-\r](?:[ \t-\r]|#[^\n]*\n)*[0-9]|P7\n"), "netpbm"),
    (re.compile(rb"BLENDER(?:[-_][vV][0-9]|[0-9]{2}-[0-9]{2}v[0-9])"), "blender"),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), "archive"),
)
#: Where a TAR archive says what it is, behind its first file's name and facts (POSIX.1-2017, pax, "ustar Interchange Format").
_TAR = slice(257, 262)
#: MPEG-4 files of sound alone (https://mp4ra.org/registered-types/brands).
_SOUND = (b"M4A ", b"M4B ")
_RIFF = {b"AVI ": "video", b"WAVE": "audio"}
_TIFF_OF_CAMERAS = re.compile(rb"CR\x02\0|NIKON CORPORATION|SONY\0|OLYMPUS|PENTAX")
_BYTE_ORDERS = (b"\xff\xfe", b"\xfe\xff")
#: What may stand before a page or a drawing, piece by piece: as one pattern it would be tried in every way.
_PROLOGUE = re.compile(r"\ufeff|\s+|<\?xml[^>]*\?>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
#: Its document type tells already, whatever entities that declares before the first element, as Illustrator's do.
_ELEMENT = re.compile(r"<(?:!doctype\s+)?(?P<svg>svg)\b|<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)


def name_other(data: bytes) -> str:
    """What a file is that sniff_image does not know, as a word of OTHER_FILES; "" where it is unknown too."""
    head = data[:HEAD_BYTES]
    if not head.strip(b"\0"):
        return "" if head else "empty"
    if head.startswith(b"PK\x03\x04"):
        return _packed(data)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        brands = _brands(head)
        if brands[:1] == [b"crx "]:
            return "raw"
        if brands and brands[0] in _SOUND:
            return "audio"
        return "heif_other" if _HEIF & set(brands) else "video"
    if head[_TAR] == b"ustar":
        return "archive"
    found = next((name for start, name in _STARTS if head.startswith(start)), "")
    found = found or next((name for beginning, name in _BEGINNINGS if beginning.match(head)), "")
    if found == "tiff" and _TIFF_OF_CAMERAS.search(head):
        return "raw"
    return found or _written(head)


def _packed(data: bytes) -> str:
    """What a ZIP archive holds, by the names of its first files."""
    head = data[:HEAD_BYTES]
    if b"application/x-krita" in head:
        return "krita"
    if b"mimetypeapplication/hwp+zip" in head:
        return "hangul"
    if b"[Content_Types].xml" in head or b"mimetypeapplication/vnd.oasis" in head:
        return "office"
    return "procreate" if b"Document.archive" in data else "archive"


def _written(head: bytes) -> str:
    try:
        # What is cut off may end within a letter.
        errors = "strict" if len(head) < HEAD_BYTES else "ignore"
        text = head.decode("utf-16" if head[:2] in _BYTE_ORDERS else "utf-8", errors)
    except UnicodeDecodeError:
        return ""
    at = 0
    while piece := _PROLOGUE.match(text, at):
        at = piece.end()
    markup = _ELEMENT.match(text, at)
    if markup:
        return "svg" if markup.group("svg") else "html"
    return "text" if all(sign.isprintable() or sign in "\r\n\t\f\ufeff" for sign in text) else ""
