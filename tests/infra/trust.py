"""infra/trust_github.sh, run with programs in place of az, azd, gh and sleep that write down what they are asked.

`az` fails, as the real one does, when it is to delete role assignments and there are none
(https://github.com/Azure/azure-cli/issues/20775).
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE

SUBSCRIPTION = "/subscriptions/22222222-2222-2222-2222-222222222222"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-toon-dev"
DEPLOYMENT = f"ToonConnect deployment {SUBSCRIPTION.rpartition('/')[2]}"
APP_IDENTITY = "55555555-5555-5555-5555-555555555555"
IMMUTABLE = "repo:toon@123456/connect@456789"
_ENVIRONMENT = {
    "AZURE_RESOURCE_GROUP": "rg-toon-dev", "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION.rpartition("/")[2], "AZURE_TENANT_ID": "tenant",
    "AZURE_ENV_NAME": "toon-dev", "AZURE_LOCATION": "koreacentral",
}  # fmt: skip
_ANSWERS = {
    "az identity list": APP_IDENTITY,
    "az ad app create": "client",
    "az ad sp show": "",
    "az ad sp create": "principal",
    "gh api repos/toon/connect/actions": IMMUTABLE,
    **{f"azd env get-value {name}": value for name, value in _ENVIRONMENT.items()},
}
_PROGRAM = """#!{python}
import json, os, sys
call = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
with open({log!r}, "a") as log:
    log.write(json.dumps(call) + "\\n")
answers = json.load(open({answers!r}))
found = max((start for start in answers if " ".join(call).startswith(start)), key=len, default=None)
if found is not None and answers[found] is None:
    sys.exit(3)
if call[:4] == ["az", "role", "assignment", "create"] and "ToonConnect deployment" in " ".join(call):
    if len(open({log!r}).read().split('"--role", "ToonConnect deployment')) <= 1 + int(answers.get("not yet found", 0)):
        sys.exit("Role 'ToonConnect deployment' doesn't exist.")
if call[:4] == ["az", "role", "assignment", "delete"]:
    there = answers.get("az role assignment list", "").split()
    if "--ids" not in call and not there:
        sys.exit("No matched assignments were found to delete")
    if not set(call[call.index("--ids") + 1 :] if "--ids" in call else []) <= set(there):
        sys.exit("(RoleAssignmentNotFound)")
print(answers.get(found, ""))
"""


@dataclass(frozen=True)
class Ran:
    code: int
    said: str
    calls: list[list[str]]

    def all(self, *start: str) -> list[dict[str, str]]:
        """The options of the calls that begin so."""
        return [_options(call[len(start) :]) for call in self.calls if call[: len(start)] == list(start)]

    def one(self, *start: str) -> dict[str, str]:
        (found,) = self.all(*start)
        return found

    @property
    def given(self) -> dict[tuple[str, str], dict[str, str]]:
        """The role assignments that were made, by role and scope."""
        return {(options["--role"], options["--scope"]): options for options in self.all("az", "role", "assignment", "create")}


def run(script: Path, folder: Path, answers: dict[str, Any] | None = None) -> Ran:
    """`answers`: what programs say to calls that begin so, where it differs; None makes them fail. `not yet found`:
    how often the new role is not there yet when it is to be given."""
    folder.mkdir(parents=True, exist_ok=True)
    log, told = folder / "calls", folder / "answers.json"
    log.write_text("")
    told.write_text(json.dumps({**_ANSWERS, "az ad sp show": None, **(answers or {})}))
    for name in ("az", "azd", "gh", "sleep"):
        program = folder / name
        program.write_text(_PROGRAM.format(python=sys.executable, log=str(log), answers=str(told)))
        program.chmod(0o755)
    done = subprocess.run(
        ["bash", str(script), "toon/connect", "dev"], env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout + done.stderr, [json.loads(line) for line in log.read_text().splitlines()])


def _options(arguments: list[str]) -> dict[str, str]:
    return {name: value for name, value in zip(arguments, [*arguments[1:], ""], strict=True) if name.startswith("--")}
