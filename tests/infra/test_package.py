"""What `azd deploy api` uploads: the app with what a sandbox needs, and nothing that stands beside it."""

from fnmatch import fnmatch

from tests.infra.compiler import ROOT

THE_APP = {"host.json", "function_app.py", "requirements.txt", "triggers", "orchestrators", "activities", "shared"}
#: Imported in a sandbox only.
A_SANDBOX = {"sandbox", "simulators"}


def test_only_the_app_is_deployed() -> None:
    patterns = [line.strip("/") for line in (ROOT / ".funcignore").read_text().split()]
    present = {path.name for path in ROOT.iterdir()} - {"htmlcov", "test-results"}

    assert {name for name in present if not any(fnmatch(name, pattern) for pattern in patterns)} == THE_APP | A_SANDBOX
