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
    "iso8859_9": "cp1254", "tis_620": "cp874", "iso8859_11": "cp874",
}  # fmt: skip
#: By codec what else browsers call it: all labels of the Encoding Standard (4.2) that are no names of Python's, as Python
#: normalizes names, and a few of Windows.
_LABELS = {
    "utf_8": "unicode_1_1_utf_8 unicode11utf8 unicode20utf8 x_unicode20utf8",
    "utf_16": "unicode csunicode iso_10646_ucs_2 ucs_2",
    "utf_16_le": "unicodefeff",
    "utf_16_be": "unicodefffe",
    "cp949": "cseuckr csksc56011987 iso_ir_149 ks_c_5601_1989 ksc5601 ksc_5601 windows_949 x_windows_949",
    "cp932": "windows_31j x_sjis",
    "euc_jp": "cseucpkdfmtjapanese x_euc_jp",
    "gb18030": "csgb2312 gb_2312 gb_2312_80 x_gbk",
    "big5hkscs": "cn_big5 x_x_big5",
    "cp1252": "iso88591 x_cp1252",
    "cp1254": "iso88599 x_cp1254",
    "cp874": "dos_874 iso885911 windows_874",
    "cp1250": "x_cp1250", "cp1251": "x_cp1251", "cp1253": "x_cp1253", "cp1255": "x_cp1255", "cp1256": "x_cp1256",
    "cp1257": "x_cp1257", "cp1258": "x_cp1258",
    "iso8859_2": "iso88592", "iso8859_3": "iso88593", "iso8859_4": "iso88594", "iso8859_5": "iso88595",
    "iso8859_6": "iso88596 csiso88596e csiso88596i iso_8859_6_e iso_8859_6_i",
    "iso8859_7": "iso88597 sun_eu_greek",
    "iso8859_8": "iso88598 csiso88598e csiso88598i iso_8859_8_e iso_8859_8_i logical visual",
    "iso8859_10": "iso885910", "iso8859_13": "iso885913", "iso8859_14": "iso885914", "iso8859_15": "iso885915 csisolatin9",
    "koi8_r": "koi koi8",
    "mac_roman": "csmacintosh mac x_mac_roman",
    "mac_cyrillic": "x_mac_cyrillic x_mac_ukrainian",
}  # fmt: skip
_BROWSERS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}


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
