"""Bytes as text by the name that came with them."""

import encodings

import pytest

from triggers.charsets import UnknownCharset, decode


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("utf-8", "utf-8"), ("UTF8", "utf-8"), ("EUC-KR", "cp949"), ("ks_c_5601-1987", "cp949"), ("windows-949", "cp949"),
        ("ms949", "cp949"), ("Shift_JIS", "cp932"), ("gb2312", "gb18030"), ("big5", "big5"), ("utf-16", "utf-16"),
        ("UTF-16LE", "utf-16-le"), (" iso-2022-kr ", "iso-2022-kr"), ("johab", "johab"),
    ],
)  # fmt: skip
def test_a_charset_goes_by_any_of_its_names(charset: str, codec: str) -> None:
    word = {"big5": "英雄", "gb18030": "英雄", "cp932": "英雄"}.get(codec, "영웅")
    assert decode(word.encode(codec), charset) == word


#: The labels of the Encoding Standard (4.2) by the codec that reads them, with a word in it.
LABELS: dict[str, tuple[str, str]] = {
    "utf-8": ("영웅 é", "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8"),
    "cp949": (
        "똠방 영웅",
        "cseuckr csKSC56011987 csEUCKR euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
    ),
    "utf-16-le": ("영웅", "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le"),
    "utf-16-be": ("영웅", "unicodefffe utf-16be"),
    "cp932": ("①英雄", "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis"),
    "euc_jp": ("英雄", "cseucpkdfmtjapanese euc-jp x-euc-jp"),
    "iso2022_jp": ("英雄", "csiso2022jp iso-2022-jp"),
    "gb18030": ("英雄€", "chinese csgb2312 csiso58gb231280 gb18030 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk"),
    "big5hkscs": ("英雄", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"),
    "cp1252": (
        "“é”",
        "cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 "
        "windows-1252 x-cp1252",
    ),
    "cp1254": ("“ğ”", "csisolatin5 iso-8859-9 iso-ir-148 iso88599 iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254"),
    "cp874": ("…ก", "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874"),
    "cp1250": ("š", "cp1250 windows-1250 x-cp1250"), "cp1251": ("я", "cp1251 windows-1251 x-cp1251"),
    "cp1253": ("ω", "cp1253 windows-1253 x-cp1253"), "cp1255": ("א", "cp1255 windows-1255 x-cp1255"),
    "cp1256": ("ع", "cp1256 windows-1256 x-cp1256"), "cp1257": ("š", "cp1257 windows-1257 x-cp1257"),
    "cp1258": ("₫", "cp1258 windows-1258 x-cp1258"), "cp866": ("я", "866 cp866 csibm866 ibm866"),
    "iso8859_2": ("š", "csisolatin2 iso-8859-2 iso-ir-101 iso88592 iso_8859-2:1987 l2 latin2"),
    "iso8859_3": ("ħ", "csisolatin3 iso-8859-3 iso-ir-109 iso88593 iso_8859-3:1988 l3 latin3"),
    "iso8859_4": ("ģ", "csisolatin4 iso-8859-4 iso-ir-110 iso88594 iso_8859-4:1988 l4 latin4"),
    "iso8859_5": ("я", "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso88595 iso_8859-5:1988"),
    "iso8859_6": (
        "ع", "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i iso-ir-127 iso88596",
    ),
    "iso8859_7": ("ω", "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso88597 sun_eu_greek"),
    "iso8859_8": (
        "א", "csiso88598e csiso88598i csisolatinhebrew hebrew iso-8859-8-e iso-8859-8-i iso-ir-138 iso88598 logical visual",
    ),
    "iso8859_10": ("ģ", "csisolatin6 iso-8859-10 iso-ir-157 iso885910 l6 latin6"), "iso8859_13": ("ģ", "iso8859-13 iso885913"),
    "iso8859_14": ("ẃ", "iso8859-14 iso885914"), "iso8859_15": ("€", "csisolatin9 iso-8859-15 iso885915 iso_8859-15 l9"),
    "iso8859_16": ("ș", "iso-8859-16"), "koi8_r": ("я", "cskoi8r koi koi8 koi8-r koi8_r"), "koi8_u": ("ї", "koi8-u"),
    "mac_roman": ("π", "csmacintosh mac macintosh x-mac-roman"), "mac_cyrillic": ("я", "x-mac-cyrillic x-mac-ukrainian"),
}  # fmt: skip


@pytest.mark.parametrize("codec", LABELS)
def test_a_charset_goes_by_whatever_browsers_call_it(codec: str) -> None:
    word, labels = LABELS[codec]
    for label in labels.split():
        for spelt in (label, label.upper(), label.replace("-", "_")):
            assert decode(word.encode(codec), spelt) == word, spelt


def test_a_charset_that_is_named_for_its_small_brother_reads_the_larger_one() -> None:
    """As browsers do: Korean pages say EUC-KR, and write syllables that it does not have."""
    with pytest.raises(UnicodeDecodeError):
        "똠방각하".encode("cp949").decode("euc-kr")
    assert decode("똠방각하".encode("cp949"), "euc-kr") == "똠방각하"
    assert decode(b"\x93a\x94", "iso-8859-1") == "“a”"


@pytest.mark.parametrize(
    "charset",
    ["", "klingon", "utf-9", "base64", "rot13", "hex", "zlib", "bz2", "uu", "unicode_escape", "raw_unicode_escape", "punycode",
     "idna", "utf-7", "undefined", "mbcs", "oem", "\x00", "utf-8\x00", "한글", "../utf_8", "aliases", "x" * 5000, "charmap"],
)  # fmt: skip
def test_what_is_no_charset_is_unknown(charset: str) -> None:
    with pytest.raises(UnknownCharset):
        decode(b"a", charset)


def test_names_that_nobody_knows_are_not_kept() -> None:
    """Python keeps each name that it was ever asked for."""
    known = len(encodings._cache)  # type: ignore[attr-defined]
    for number in range(200):
        with pytest.raises(UnknownCharset):
            decode(b"a", f"x-{number}")
    assert len(encodings._cache) == known  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("영웅".encode("cp949"), "utf-8"), ("영웅".encode("utf-16"), "utf-8"), (b"\xed\xa0\xbd\xed\xb0\xb1", "utf-8"),
        (b"\xed\xa0\xbd", "utf-8"), (b"\xc0\x80", "utf-8"), (b"\xf5\x80\x80\x80", "utf-8"), ("영웅".encode(), "us-ascii"),
        ("a영웅".encode(), "utf-16"), (b"\x81", "latin1"), (b"\x00\xd8", "utf-16-le"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_not_made_up(data: bytes, charset: str) -> None:
    with pytest.raises(UnicodeDecodeError):
        decode(data, charset)
