"""What tests wait with does wait."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_waits_with_what_takes_a_promise_for_the_truth() -> None:
    """Playwright's own way (tests/browser.py says why): what was waited for by it had often not come."""
    method = "." + "wait_for_function("
    files = [path for folder in ("tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert ROOT / "tests/browser.py" in files
    assert [path.name for path in files if method in path.read_text()] == []
