"""What the documentation says of the infrastructure is true of it."""

import json
import re

import pytest

from tests.infra import kql
from tests.infra.checks import ROLES
from tests.infra.compiler import ROOT

GUIDES = ["docs/deployment.en.md", "docs/deployment.ko.md"]


def test_every_query_in_the_documentation_can_be_run() -> None:
    queries = kql.documented_queries(ROOT)

    assert {where: analysis.problems for where, analysis in kql.analyse(queries).items() if analysis.problems} == {}
    assert {query.where: words for query in queries if (words := list(kql.unknown_words(query)))} == {}


def test_no_query_in_the_documentation_counts_rows_instead_of_what_they_stand_for() -> None:
    said = {
        query.where: found
        for query in kql.documented_queries(ROOT)
        if (found := [*kql.uncounted(query), *kql.miscounted_requests(query)])
    }

    assert said == {}


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("AppTraces | summarize count()", 1),
        ("AppTraces | where a == 1 | count", 1),
        ("AppTraces | summarize sum(ItemCount)", 0),
        ("AppTraces | summarize jobs = countif(a == 1), sum(ItemCount) by b", 1),
        ("AppTraces | summarize cost = sum(toreal(Properties.cost_usd)) by b", 1),
        ("AppTraces | summarize cost = sum(ItemCount * toreal(Properties.cost_usd)) by b", 0),
        ("AppDependencies | summarize by OperationId | summarize count()", 0),
        ("AppDependencies | distinct OperationId | summarize count()", 0),
        ("let a = AppTraces | summarize by x;\nAppRequests | summarize dcount(y)", 1),
        ("union (AppTraces | summarize sum(ItemCount)), (AppExceptions | summarize count())", 1),
        ("AppMetrics | summarize sum(Sum), count()", 0),
        ("AppTraces // count()\n| take 1", 0),
    ],
)
def test_the_check_of_counts_sees_what_it_is_for(text: str, finds: int) -> None:
    assert len(list(kql.uncounted(kql.Query("here", text)))) == finds


def test_the_check_of_requests_sees_what_it_is_for() -> None:
    def said(text: str) -> list[str]:
        return list(kql.miscounted_requests(kql.Query("here", text)))

    assert said("AppRequests | where isnotempty(Url) and ResultCode startswith '5'") == []
    assert "orchestrations" in said("AppRequests | where ResultCode startswith '5'")[0]
    assert "4xx" in said("AppRequests | where isnotempty(Url) and Success == false")[0]
    assert said("AppAvailabilityResults | where Success") == []


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_tells_every_parameter_and_no_other(guide: str) -> None:
    parameters = json.loads((ROOT / "infra/main.parameters.json").read_text())["parameters"].values()
    told = re.findall(r"^\| `([A-Z0-9_]+)` \|", (ROOT / guide).read_text(), re.MULTILINE)

    assert sorted(told) == sorted(parameter["value"].strip("${}") for parameter in parameters)


@pytest.mark.parametrize("guide", GUIDES)
def test_the_numbers_that_the_guide_gives_as_defaults_are_the_defaults(guide: str) -> None:
    parameters = json.loads((ROOT / "infra/main.parameters.json").read_text())["parameters"]
    defaults = dict(re.findall(r"^param (\w+) int = (\d+)$", (ROOT / "infra/main.bicep").read_text(), re.MULTILINE))
    told = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (\d+) \|", (ROOT / guide).read_text(), re.MULTILINE))

    assert told == {parameters[name]["value"].strip("${}"): number for name, number in defaults.items()}


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_tells_every_role(guide: str) -> None:
    assert [role for role in ROLES.values() if role not in (ROOT / guide).read_text()] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_the_files_that_the_guide_names_exist(guide: str) -> None:
    named = re.findall(r"`((?:infra|docs|tests|\.github|shared)/[\w./-]+)`", (ROOT / guide).read_text())

    assert [name for name in named if not (ROOT / name).exists()] == []
    assert named
