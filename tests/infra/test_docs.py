"""What the documentation says of the infrastructure is true of it."""

import json
import re

import pytest

from tests.infra import kql
from tests.infra.checks import ROLES
from tests.infra.compiler import ROOT

GUIDES = ["docs/deployment.en.md", "docs/deployment.ko.md"]
#: What azd itself keeps of an environment.
AZDS_OWN = {"AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID"}


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


def test_both_languages_have_the_same_commands() -> None:
    def commands(guide: str) -> list[str]:
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", (ROOT / guide).read_text(), re.MULTILINE | re.DOTALL)
        return [re.sub(r" +#.*|<[^>]*>", "", line).strip() for block in blocks for line in block.splitlines()]

    assert commands(GUIDES[0]) == commands(GUIDES[1])
    assert "bash infra/trust_github.sh OWNER/REPOSITORY dev" in commands(GUIDES[0])


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_says_that_production_is_asked_for_and_which_plans_have_reviewers(guide: str) -> None:
    text = (ROOT / guide).read_text()

    for word in ("DEPLOY_PROD", "-f prod=true", "GitHub Enterprise", "Pro", "Team", "Free"):
        assert word in text


@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.parametrize("word", [
    "azd env set STORAGE_SKU Standard_LRS", "az storage account migration start",
    "azd env set UPDATE_STRATEGY Recreate && azd provision        #", "az account set --subscription",
    "lacks role assignment permissions", "`MissingSubscriptionRegistration`",
])  # fmt: skip
def test_the_guide_has_the_way_out(guide: str, word: str) -> None:
    assert word in (ROOT / guide).read_text()


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_says_what_to_do_when_roles_have_not_arrived(guide: str) -> None:
    row = next(line for line in (ROOT / guide).read_text().splitlines() if line.startswith("| ") and "403" in line)

    assert "`azd deploy api`" in row
    assert "`az role assignment list" in row


def test_what_commands_ask_of_an_environment_it_has() -> None:
    outputs = set(re.findall(r"^output (\w+) ", (ROOT / "infra/main.bicep").read_text(), re.MULTILINE))
    texts = [file.read_text() for file in [*(ROOT / "docs").glob("*.md"), *(ROOT / ".github/workflows").glob("*.yml")]]
    asked = {name for text in texts for name in re.findall(r"azd env get-value (\w+)", text)}
    asked |= set(re.findall(r"\bvalue (AZURE_\w+)", (ROOT / "infra/trust_github.sh").read_text()))

    assert asked - outputs == AZDS_OWN
    assert {"HOST_STORAGE_ACCOUNT", "IMAGES_STORAGE_ACCOUNT"} <= asked
