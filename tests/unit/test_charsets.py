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
