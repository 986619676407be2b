"""Bytes as text, by the name of a character set that came with them."""

import re
from encodings import normalize_encoding
from encodings.aliases import aliases

#: What the names of Python's codecs are looked for in: a list that ends. Asking `codecs` itself would keep every name for ever.
_NAMES = re.compile(r"[A-Za-z0-9 ._:+-]{1,40}")
#: Of Python's, these make no text of bytes, run other code of theirs, or read plain ASCII as something else.
_OTHERS = {
    "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs", "oem", "idna",
    "punycode", "utf_7", "unicode_escape", "raw_unicode_escape", "undefined",
}  # fmt: skip
_CODECS = {*aliases.values(), "utf_8_sig", "koi8_u", "koi8_t", "cp856", "cp874", "cp875", "cp1006"} - _OTHERS
#: Senders name the older set and mean the one that holds more (Encoding Standard, 4.2, as browsers read them).
_MEANT = {
    "euc_kr": "cp949", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "latin_1": "cp1252",
    "iso8859_9": "cp1254", "tis_620": "cp874",
}  # fmt: skip
#: What browsers and Windows call it and Python does not.
_BROWSERS = {"windows_949": "cp949", "x_windows_949": "cp949", "ksc5601": "cp949", "x_sjis": "cp932", "unicode": "utf_16"}


class UnknownCharset(ValueError):
    """No character set of this name can be read."""


def decode(data: bytes, charset: str) -> str:
    """Strictly. Raises UnknownCharset, and UnicodeDecodeError."""
    return data.decode(_codec(charset))


def _codec(charset: str) -> str:
    name = normalize_encoding(charset.strip()).lower() if _NAMES.fullmatch(charset) else ""
    codec = aliases.get(name) or _BROWSERS.get(name, name)
    if codec not in _CODECS:
        raise UnknownCharset(charset)
    return _MEANT.get(codec, codec)
