"""What trust_github.sh asks of Azure and GitHub, seen from programs in their place."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra import trust
from tests.infra.checks import APP_ROLES
from tests.infra.compiler import ROOT
from tests.infra.trust import APP_IDENTITY, DEPLOYMENT, GROUP, IMMUTABLE, SUBSCRIPTION, Ran

Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda **answers: trust.run(ROOT / "infra/trust_github.sh", tmp_path, answers.get("answers"))


def test_a_run_is_believed_by_the_subject_that_github_itself_says(run: Run) -> None:
    ran = run()

    assert ran.code == 0, ran.said
    credential = json.loads(ran.one("az", "ad", "app", "federated-credential", "create")["--parameters"])
    assert credential["subject"] == f"{IMMUTABLE}:environment:dev"
    assert credential["issuer"] == "https://token.actions.githubusercontent.com"
    assert credential["audiences"] == ["api://AzureADTokenExchange"]


def test_where_github_says_none_the_subject_is_made_of_names(run: Run) -> None:
    ran = run(answers={"gh api repos/toon/connect/actions": ""})

    parameters = ran.one("az", "ad", "app", "federated-credential", "create")["--parameters"]
    assert json.loads(parameters)["subject"] == "repo:toon/connect:environment:dev"


def test_it_may_deploy_into_one_group_and_give_the_app_its_roles(run: Run) -> None:
    ran = run()

    assert set(ran.given) == {
        (DEPLOYMENT, SUBSCRIPTION), ("Contributor", GROUP), ("Role Based Access Control Administrator", GROUP),
    }  # fmt: skip
    assert all(options["--assignee-object-id"] == "principal" for options in ran.given.values())
    definition = json.loads(ran.one("az", "role", "definition", "create")["--role-definition"])
    assert definition["Name"] == DEPLOYMENT, "names of roles are unique in a tenant, which may have several subscriptions"
    assert definition["Actions"] == ["Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/resourceGroups/read"]
    assert definition["AssignableScopes"] == [SUBSCRIPTION]


def test_its_condition_holds_for_giving_and_taking_away(run: Run) -> None:
    condition = run().given["Role Based Access Control Administrator", GROUP]["--condition"]

    write, delete = condition.split(" AND ((!")
    for part, verb, about in ((write, "write", "@Request"), (delete, "delete", "@Resource")):
        assert f"ActionMatches{{'Microsoft.Authorization/roleAssignments/{verb}'}}" in part
        assert set(re.findall(r"@\w+", part)) == {about}
        roles, identities = re.findall(r"GuidEquals \{([^}]*)\}", part)
        assert set(roles.split(",")) == set(APP_ROLES)
        assert identities == APP_IDENTITY
    assert condition.count("(") == condition.count(")")


def test_the_workflow_is_told_what_it_deploys(run: Run) -> None:
    ran = run()
    told = {call[3]: _after(call, "--body") for call in ran.calls if call[:3] == ["gh", "variable", "set"]}

    assert told == {
        "AZURE_CLIENT_ID": "client", "AZURE_TENANT_ID": "tenant", "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION.rpartition("/")[2],
        "AZURE_ENV_NAME": "toon-dev", "AZURE_LOCATION": "koreacentral",
    }  # fmt: skip
    assert all(_after(call, "--env") == "dev" for call in ran.calls if call[:2] == ["gh", "variable"])


def test_run_again_it_makes_nothing_twice_and_renews_the_condition(run: Run) -> None:
    again: dict[str, Any] = {
        "az ad sp show": "principal", "az ad app federated-credential list": "known", "az role definition list": "there",
        "az role assignment list": f"{GROUP}/one\n{GROUP}/two",
    }  # fmt: skip
    ran = run(answers=again)

    assert ran.code == 0, ran.said
    assert ran.all("az", "ad", "sp", "create") == ran.all("az", "role", "definition", "create") == []
    assert ran.all("az", "ad", "app", "federated-credential", "create") == []
    assert ran.one("az", "ad", "app", "federated-credential", "update")["--federated-credential-id"] == "known"
    verbs = [call[3] for call in ran.calls if call[1:3] == ["role", "assignment"]]
    assert verbs == ["create", "create", "list", "delete", "create"]
    (deleted,) = [call for call in ran.calls if call[:4] == ["az", "role", "assignment", "delete"]]
    assert deleted[4:] == ["--ids", f"{GROUP}/one", f"{GROUP}/two"]
    looked_for = ran.one("az", "role", "assignment", "list")
    assert (looked_for["--assignee"], looked_for["--role"]) == ("principal", "Role Based Access Control Administrator")
    assert looked_for["--scope"] == GROUP


def test_the_first_run_deletes_nothing_since_az_fails_where_nothing_is(run: Run) -> None:
    ran = run()

    assert ran.code == 0, ran.said
    assert ran.all("az", "role", "assignment", "delete") == []
    assert len(ran.given) == 3
    asked = [call for call in ran.calls if call[0] == "az"]
    assert asked[0] == ["az", "account", "set", "--subscription", SUBSCRIPTION.rpartition("/")[2]], "az has a default of its own"


@pytest.mark.parametrize(("missing", "code", "waits"), [(2, 0, ["10", "20"]), (9, 1, ["10", "20", "40", "80"])])
def test_a_new_role_is_given_once_it_is_found(run: Run, missing: int, code: int, waits: list[str]) -> None:
    ran = run(answers={"not yet found": missing})

    assert ran.code == code, ran.said
    assert [call[1] for call in ran.calls if call[0] == "sleep"] == waits
    assert (("Contributor", GROUP) in ran.given) == (code == 0)


def test_a_script_that_deletes_without_looking_ends_there(tmp_path: Path) -> None:
    """A mistake of its own, since no check sees anything of a script that has ended."""
    text = (ROOT / "infra/trust_github.sh").read_text()
    right = 'if [ -n "$given" ]; then'
    assert right in text
    script = tmp_path / "trust_github.sh"
    script.write_text(text.replace(right, "if true; then").replace("--ids $given", '--assignee "$principal"'))

    ran = trust.run(script, tmp_path / "run")

    assert ran.code != 0
    assert "No matched assignments were found to delete" in ran.said


@pytest.mark.parametrize(("answers", "said"), [({"az identity list": ""}, "run azd up first"), ({"gh api repos": None}, "")])
def test_it_gives_no_role_when_it_cannot_know_to_whom(run: Run, answers: dict[str, Any], said: str) -> None:
    ran = run(answers={**answers, "gh api repos/toon/connect/actions": answers.get("gh api repos", IMMUTABLE)})

    assert ran.code != 0
    assert said in ran.said
    assert ran.given == {}


def _after(call: list[str], option: str) -> str:
    return call[call.index(option) + 1]
