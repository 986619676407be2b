"""What a creator wrote, brought to the one form in which it is counted, compared, kept and sent."""

import re
import unicodedata

#: What Unicode reads as the end of a line (UTS #18, RL1.6): browsers send CR LF (HTML, 4.10.21.8), PowerPoint copies VT.
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
#: Controls besides tab and line feed, and the byte-order mark: nobody sees them, and databases behind providers refuse NUL.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
#: Those of them that no text has, and that show what is no UTF-8 although it can be read as such: UTF-16 without its mark has
#: NUL, of Cyrillic letters 04, and ISO-2022 has ESC, SO and SI (ISO/IEC 2022, 6).
_MISREAD = re.compile("[\x00-\x08\x0e-\x1f]")
#: Nothing is seen of these although their categories are a letter's, a symbol's or none: Unicode's Default_Ignorable_Code_Point
#: (DerivedCoreProperties.txt), where Hangul's fillers belong, Braille's blank and music's null notehead.
_UNSEEN = re.compile("[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U0001d159\U000e0000-\U000e0fff]")
#: Marks, separators, controls, formats, surrogates: they show nothing without a character that does.
_UNSEEN_CATEGORIES = ("M", "Z", "Cc", "Cf", "Cs")
#: Half a character (JSON can spell it), and what a decoder puts for one that it could not read.
_DAMAGE = re.compile("[\ud800-\udfff\ufffd]")
#: Code points of one composed character: none has more (UAX #15, table 5).
_LONGEST_DECOMPOSITION = 4


class TooLong(ValueError):
    """More characters than are allowed."""


def nfc(text: str, most: int) -> str:
    """The text in NFC. Raises TooLong for more than `most` characters then."""
    # Before anything is done with it: sorting a long run of marks takes the square of its length.
    if len(text) > most * _LONGEST_DECOMPOSITION or len(text := unicodedata.normalize("NFC", text)) > most:
        raise TooLong
    return text


def composed(text: str, most: int) -> str:
    """The text in NFC, without controls and spaces around it, each end of a line as one line feed: at most `most` characters.

    Raises TooLong. macOS writes Hangul decomposed, the same text (UAX #15): 798 syllables of it are not 2,394 characters.
    """
    return nfc(_CONTROL.sub("", _LINE_END.sub("\n", text)).strip(), most).strip()


def trimmed(text: str) -> str:
    """The text without spaces around it, each end of a line as one line feed."""
    return _LINE_END.sub("\n", text).strip()


def is_blank(text: str) -> bool:
    """Whether there is nothing in it that can be seen. A character that this Python's Unicode does not know can be."""
    return all(unicodedata.category(c).startswith(_UNSEEN_CATEGORIES) or _UNSEEN.fullmatch(c) for c in text)


def is_misread(text: str) -> bool:
    """Whether it was written in another encoding than it was read in, before anything is dropped of it: `composed` would leave
    letters of something else."""
    return _MISREAD.search(text) is not None


def is_damaged(text: str) -> bool:
    """Whether characters of it were lost on the way here: what is left would be sent, and paid for."""
    return _DAMAGE.search(text) is not None
