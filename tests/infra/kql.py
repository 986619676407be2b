"""Every KQL query of the project: where it stands, what Microsoft's analyser says of it, which of our words it uses."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.domain.job import TERMINAL
from shared.domain.problem import CATALOGUE
from shared.telemetry_names import EVENTS, METRICS
from tests.infra.compiler import ROOT
from tests.patience import PATIENCE

#: Fields that every event may carry, and what the exporters of worker and host say of who wrote a record.
COMMON_FIELDS = frozenset({"job_id", "index", "request_id", "generator", "logger_name", "CategoryName"})
_NODE = ROOT / "node_modules/node/bin/node"
_STRINGS = r"""['"][^'"]*['"]"""
_COMPARED = r"""{name}\)?\s*(?:==|=~|!=|!~|(?:!?in~?)\s*\()\s*({strings}(?:\s*,\s*{strings})*)"""


@dataclass(frozen=True)
class Query:
    where: str
    text: str


@dataclass(frozen=True)
class Analysis:
    problems: list[str]
    columns: list[str]


def query_files(project: Path) -> list[Query]:
    return [Query(f"infra/queries/{file.name}", file.read_text()) for file in sorted(project.glob("infra/queries/*.kql"))]


def workbook_queries(project: Path) -> list[Query]:
    """The workbook's queries, with its parameters filled in."""
    items = json.loads((project / "infra/workbook.json").read_text())["items"]
    return [
        Query(f"infra/workbook.json: {item['name']}", item["content"]["query"].replace("{JobId}", "job_1"))
        for item in items
        if item["type"] == 3
    ]


def documented_queries(project: Path) -> list[Query]:
    """The kusto blocks of the documentation."""
    return [
        Query(f"{file.relative_to(project)}: {number}", block)
        for file in sorted(project.glob("docs/**/*.md"))
        for number, block in enumerate(re.findall(r"```kusto\n(.*?)```", file.read_text(), re.DOTALL), 1)
    ]


def analyse(queries: list[Query]) -> dict[str, Analysis]:
    """By where the query stands. One process for all of them: starting it is what takes time."""
    node = str(_NODE) if _NODE.exists() else shutil.which("node") or "node"
    asked = json.dumps([{"name": query.where, "query": query.text} for query in queries])
    said = subprocess.run(
        [node, str(Path(__file__).with_name("kql.js"))],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if said.returncode:
        raise AssertionError(f"the KQL analyser did not run (npm ci installs it):\n{said.stderr}")
    answers: list[dict[str, Any]] = json.loads(said.stdout)
    return {answer["name"]: Analysis(answer["problems"], answer["columns"]) for answer in answers}


def events_in(text: str) -> set[str]:
    """The events that a query looks for."""
    return _compared_with("Message", re.sub(r"//.*", "", text))


def unknown_words(query: Query) -> Iterator[str]:
    """Event and metric names, fields, codes and states in the query that the app does not know."""
    text = re.sub(r"//.*", "", query.text)
    events = events_in(text)
    metrics = {name for name in _compared_with(r"\bName", text) if "AppMetrics" in text}
    yield from (f"event {name}" for name in sorted(events - EVENTS.keys()))
    yield from (f"metric {name}" for name in sorted(metrics - METRICS.keys()))
    if "AppTraces" in text and re.search(r"\bMessage\s+(?:has|contains|startswith|matches)", text):
        yield "Message is to be compared with == or in: other searches hide a name that no longer exists"

    known = set(COMMON_FIELDS)
    known |= {field for name in events & EVENTS.keys() for field in EVENTS[name]}
    known |= {attribute for name in metrics & METRICS.keys() for attribute in METRICS[name][1]}
    fields = set(re.findall(r"\bProperties\.(\w+)", text)) | set(re.findall(r"\bProperties\[['\"](\w+)", text))
    yield from (f"field {name}" for name in sorted(fields - known))

    yield from _not_in(text, "code", CATALOGUE)
    if "'problem'" not in text:  # there, status is HTTP's
        yield from _not_in(text, "status", TERMINAL)


def uncounted(query: Query) -> Iterator[str]:
    """Where rows are counted instead of what they stand for: telemetry is sampled, and ItemCount says how many a row is.

    Once rows have been grouped (by job, say), the groups may be counted. AppMetrics is aggregated before it is sent, and bytes
    are those of the rows themselves.
    """
    is_raw = False
    for part in re.split(r"(\bApp(?!Metrics)[A-Z]\w+|\bAppMetrics\b|\||;)", re.sub(r"//.*", "", query.text)):
        if re.fullmatch(r"App[A-Z]\w+", part):
            is_raw = part != "AppMetrics"
        elif is_raw:
            if re.match(r"\s*count\s*$", part):
                yield "count counts rows, not what they stand for"
            yield from (f"{found} counts rows, not what they stand for" for found in re.findall(r"\bd?count(?:if)?\(", part))
            sums = re.findall(r"\bsum(?:if)?\((?!ItemCount\b|_BilledSize\b)[^,|]*", part)
            yield from (f"{found.strip()} adds up rows, not what they stand for" for found in sums)
            is_raw = not re.match(r"\s*(?:summarize|distinct)\b", part)


def miscounted_requests(query: Query) -> Iterator[str]:
    """AppRequests also has the Durable extension's row for each orchestration and activity: those of requests have a URL. And
    Azure's exporters call every 4xx unsuccessful."""
    text = re.sub(r"//.*", "", query.text)
    if "AppRequests" in text and "isnotempty(Url)" not in text and "_BilledSize" not in text:
        yield "AppRequests without isnotempty(Url) counts orchestrations and activities as requests"
    if "AppRequests" in text and re.search(r"\bSuccess\b", text):
        yield "Success of AppRequests takes refusals (4xx) for failures: compare ResultCode"


def _not_in(text: str, name: str, allowed: Iterable[str]) -> Iterator[str]:
    yield from (f"{name} {value}" for value in sorted(_compared_with(rf"\b{name}", text) - set(allowed)))


def _compared_with(name: str, text: str) -> set[str]:
    """The literals that a column or a field of that name is compared with."""
    comparisons = re.findall(_COMPARED.format(name=name, strings=_STRINGS), text)
    return {literal[1:-1] for found in comparisons for literal in re.findall(_STRINGS, found)}
