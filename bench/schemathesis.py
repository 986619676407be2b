"""`python -m bench.schemathesis`: thousands of requests that are right, nearly right and wrong, made from the document that the
app serves, and every answer held against it (https://schemathesis.readthedocs.io). All checks are on.

Without `--url` it starts a stack of its own, with quick simulators.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.stack import ROOT, Stack

#: A picture a moment, and as many at once as come.
_QUICK = {"BFL_MAX_ACTIVE": "64", "BFL_KONTEXT_MAX_ACTIVE": "64", "REPLICATE_MAX_ACTIVE": "64"}

_CONFIG = """\
[phases.coverage]
# A repeated query parameter is not refused: the last one counts.
generate-duplicate-query-parameters = false
# TRACE and OPTIONS are answered by the host.
unexpected-methods = ["GET", "PUT", "POST", "DELETE", "PATCH"]

[checks.positive_data_acceptance]
# A key may stand for something else, a job may have failed or have one picture only, and nobody signs Replicate's calls.
expected-statuses = ["2xx", "302", "304", "401", "404", "409", "410", "422", "429", "501", "502", "503", "504"]

[checks.not_a_server_error]
# These are told of a job, or of a part that is away: only a 500 is a failure of the app.
expected-statuses = ["2xx", "3xx", "4xx", "501", "502", "503", "504"]
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.schemathesis", description=__doc__)
    parser.add_argument("--url", help="of a host that runs already")
    parser.add_argument("--max-examples", type=int, default=200, help="of each operation and phase")
    parser.add_argument("--max-time", type=int, help="seconds for the whole run")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.url:
        return report(asked.url, asked)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), **_QUICK) as stack:
        stack.configure(bfl={"delay_seconds": 0.2, "max_active": 64}, replicate={"delay_seconds": 0.2})
        return report(stack.url, asked)


def report(url: str, asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        config, told = Path(folder, "schemathesis.toml"), Path(folder, "report.json")
        config.write_text(_CONFIG)
        run = ["--config-file", str(config), "run", f"{url}/api/openapi.json", "--url", url, "--checks", "all"]
        bounds = ["--phases", asked.phases, "--max-examples", str(asked.max_examples), "--seed", str(asked.seed)]
        # Python 3.11 cannot parse in two threads at once (python/cpython issue 106905), which schemathesis would.
        bounds += ["--workers", "1", *(["--max-time", str(asked.max_time)] if asked.max_time else [])]
        reports = ["--continue-on-failure", "--report", "json", "--report-json-path", str(told)]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path, "SCHEMATHESIS_HOOKS": "bench.schemathesis_hooks", "NO_COLOR": "1"}
        # It keeps notes where it is run.
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", *run, *bounds, *reports], cwd=folder, env=environment, check=False
        )
        print(json.dumps(figures(json.loads(told.read_text()))))
    return done.returncode


def figures(told: dict[str, Any]) -> dict[str, Any]:
    """What there was of each, and how much of what was right was taken."""
    rates = [rate for phases in told["valid_rates"].values() for rate in phases.values()]
    return {
        "operations": told["operations"]["tested"], "requests": told["test_cases"], "failures": len(told["failures"]),
        "errors": len(told["errors"]), "seconds": round(told["running_time"]), "seed": told["seed"],
        "taken": sum(rate["accepted"] for rate in rates), "refused": sum(rate["rejected"] for rate in rates),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
