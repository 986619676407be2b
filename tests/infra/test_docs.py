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
