"""Which paths a route template fits: by hand from dotnet/aspnetcore's sources, and as a second reading of them has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.http_host import route_pattern
from tests.worker.routes import matched

#: By template: what fits, with its values.
FITS: dict[str, dict[str, dict[str, str]]] = {
    "jobs/{id}": {"jobs/a": {"id": "a"}, "JOBS/a/": {"id": "a"}, "jobs/a\nb": {"id": "a\nb"}, "jobs/a%2Fb": {"id": "a%2Fb"}},
    "echo/{id?}": {"echo": {}, "echo/": {}, "echo/7": {"id": "7"}, "echo/7/": {"id": "7"}},
    "numbers/{n:int}": {"numbers/12": {"n": "12"}, "numbers/-1/": {"n": "-1"}},
    "options": {"options": {}, "Options/": {}},
    "files/{*rest}": {
        "files": {}, "files/": {}, "files/a": {"rest": "a"}, "files/a/": {"rest": "a/"}, "files/a//": {"rest": "a//"},
        "files/a//b": {"rest": "a//b"}, "files/a\nb": {"rest": "a\nb"},
    },
    "{*rest}": {"": {}, "x": {"rest": "x"}, "x/": {"rest": "x/"}, "jobs//x": {"rest": "jobs//x"}},
}  # fmt: skip
FITS_NOT = {
    "jobs/{id}": ["jobs", "jobs/", "jobs//", "jobs//a", "jobs/a//", "jobs/a/b", "", "/jobs/a"],
    "echo/{id?}": ["echo//", "echo//7", "echo/7//", "echo/7/8", "/echo"],
    "numbers/{n:int}": ["numbers/", "numbers/a", "numbers/1//"],
    "options": ["options//", "/options", "", "/", "optionsx"],
    "files/{*rest}": ["files//", "files//a", "filesa", "/files/a", ""],
    "{*rest}": ["/", "//", "/x", "//x"],
}


def values(template: str, path: str) -> dict[str, str] | None:
    found = route_pattern(template).fullmatch(path)
    return None if found is None else {name: value for name, value in found.groupdict().items() if value is not None}


@pytest.mark.parametrize(("template", "path"), [(template, path) for template, paths in FITS.items() for path in paths])
def test_a_path_that_fits(template: str, path: str) -> None:
    assert values(template, path) == FITS[template][path]
    assert matched(f"api/{template}", f"/api/{path}") == FITS[template][path]


@pytest.mark.parametrize(("template", "path"), [(template, path) for template, paths in FITS_NOT.items() for path in paths])
def test_a_path_that_does_not(template: str, path: str) -> None:
    assert values(template, path) is None
    assert matched(f"api/{template}", f"/api/{path}") is None


pieces = st.sampled_from(["", "a", "12", "jobs", "JOBS", "echo", "files", "numbers", "options", "x y", "\n", "영웅", "%2F"])


@given(st.sampled_from(sorted(FITS)), st.lists(pieces, max_size=5))
def test_any_path_fits_what_the_second_reading_says(template: str, parts: list[str]) -> None:
    path = "/".join(parts)

    assert values(template, path) == matched(f"api/{template}", f"/api/{path}")
