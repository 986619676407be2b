"""`python -m bench.page`: the page on this machine as Lighthouse sees it, on a phone and a desktop, and what a first visit loads.

Lighthouse is no package of this project: it is 180 MB that only this asks for. npm fetches the version below, or LIGHTHOUSE names
one that is there (`.../node_modules/.bin/lighthouse`). Its figures of speed mean nothing while the machine has other work.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser import ARGUMENTS, path_of_chromium
from tests.stack import Stack

LIGHTHOUSE = "lighthouse@13.5.0"
CATEGORIES = {"performance": 95, "accessibility": 95, "best-practices": 95}
MOST_SHIFT = 0.02
FIRST_VISIT_BYTES = 60_000
RUNS = 3
TRIES = 3
FORM_FACTORS = {"phone": [], "desktop": ["--preset=desktop"]}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        rows = [row for form_factor in FORM_FACTORS for row in looked_at(stack.url + "/", form_factor, Path(folder))]
    width = max(len(what) for what, *_ in rows)
    print(f"{'':{width}}  {'measured':>10}  goal")
    for what, measured, goal, is_met in rows:
        print(f"{what:{width}}  {measured:>10}  {goal}{'' if is_met else '  MISSED'}")
    return 0 if all(is_met for *_, is_met in rows) else 1


def looked_at(address: str, form_factor: str, folder: Path) -> list[tuple[str, str, str, bool]]:
    """Medians; what is measured, its figure, its goal, and whether that is met."""
    reports = [report(address, form_factor, folder / f"{form_factor}.json") for _ in range(RUNS)]
    rows = []
    for category, goal in CATEGORIES.items():
        score = statistics.median(each["categories"][category]["score"] * 100 for each in reports)
        rows.append((f"{form_factor}: {category}", f"{score:.0f}", f">= {goal}", score >= goal))
    shift = statistics.median(each["audits"]["cumulative-layout-shift"]["numericValue"] for each in reports)
    rows.append((f"{form_factor}: layout shift", f"{shift:.3f}", f"<= {MOST_SHIFT}", shift <= MOST_SHIFT))
    loaded = statistics.median(first_visit(each) for each in reports)
    rows.append((f"{form_factor}: bytes", f"{loaded:,.0f}", f"<= {FIRST_VISIT_BYTES:,}", loaded <= FIRST_VISIT_BYTES))
    for category in CATEGORIES:
        for name in failing(reports[-1], category):
            print(f"{form_factor}, {category}: {name}", file=sys.stderr)
    return rows


def first_visit(seen: dict[str, Any]) -> int:
    """Bytes over the network without the samples."""
    items = seen["audits"]["network-requests"]["details"]["items"]
    return sum(item.get("transferSize", 0) for item in items if "/samples/" not in item["url"])


def failing(seen: dict[str, Any], category: str) -> list[str]:
    wanted = {each["id"] for each in seen["categories"][category]["auditRefs"] if each["weight"] > 0}
    audits = [seen["audits"][name] for name in wanted]
    return sorted(
        f"{each['title']} ({each['score']:.2f})" for each in audits if each["score"] is not None and each["score"] < 0.9
    )


def report(address: str, form_factor: str, file: Path) -> dict[str, Any]:
    chromium = path_of_chromium()
    if chromium is None:
        raise SystemExit("no Chromium: apt-get install chromium fonts-noto-cjk, or set CHROMIUM")
    given = os.environ.get("LIGHTHOUSE")
    command = [given] if given else ["npm", "exec", "--yes", "--ignore-scripts", f"--package={LIGHTHOUSE}", "--", "lighthouse"]
    flags = [
        address, "--quiet", "--output=json", f"--output-path={file}", f"--only-categories={','.join(CATEGORIES)}",
        f"--chrome-flags={' '.join(ARGUMENTS)}", *FORM_FACTORS[form_factor],
    ]  # fmt: skip
    for _ in range(TRIES):
        # A trace that could not be recorded is no figure: Lighthouse asks for another run.
        done = subprocess.run([*command, *flags], check=False, timeout=300, env={**os.environ, "CHROME_PATH": chromium})
        if done.returncode == 0:
            return dict(json.loads(file.read_text()))
    raise SystemExit(f"Lighthouse failed {TRIES} times")


if __name__ == "__main__":
    sys.exit(main())
