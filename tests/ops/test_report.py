"""What people read: columns, lengths, and nothing that must not be seen."""

import pytest

from ops.report import clean, length, size, table


def test_columns_stand_below_each_other_in_korean_too() -> None:
    lines = table(("what", "where"), [("그림", "여기"), ("picture", None)])

    assert lines == ["WHAT     WHERE", "그림     여기", "picture  -"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (-3, "0.0 s"),
        (42, "42 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (7_800, "2 h 10 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_lengths_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_sizes_have_their_unit() -> None:
    assert [size(n) for n in (7, 2048, 3_145_728)] == ["7 B", "2.0 KB", "3.0 MB"]


@pytest.mark.parametrize(
    "secret",
    [
        "https://account.blob/x.png?sv=2024&sig=abcDEF",
        "AccountKey=abcDEF==;",
        "sig=abcDEF",
        "r8_abcDEF",
        "token=abcDEF",
        "abcDEF" * 20,
    ],
)
def test_links_keys_and_image_data_are_taken_out_of_strange_text(secret: str) -> None:
    assert "abcDEF" not in clean(f"it said {secret} and failed")
    assert clean(f"it said {secret} and failed").startswith("it said ")
