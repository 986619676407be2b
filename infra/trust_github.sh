#!/usr/bin/env bash
# Let the workflows of a GitHub repository deploy the azd environment that is selected here, and nothing else:
#
#     bash infra/trust_github.sh OWNER/REPOSITORY dev
#
# `dev` is the GitHub environment. Run it after the environment's first `azd up`, as owner of the subscription and administrator
# of the repository, signed in with az, azd and gh. It may be run again, and has to be once the app's identity was made anew.
set -euo pipefail

if [ $# != 2 ]; then
  echo "usage: bash infra/trust_github.sh OWNER/REPOSITORY ENVIRONMENT" >&2
  exit 2
fi
repository=$1
environment=$2
value() { azd env get-value "$1"; }

group=$(value AZURE_RESOURCE_GROUP)
subscription=/subscriptions/$(value AZURE_SUBSCRIPTION_ID)
az account set --subscription "$(value AZURE_SUBSCRIPTION_ID)" # az has a default of its own
app_identity=$(az identity list --resource-group "$group" --query '[0].principalId' --output tsv)
if [ -z "$app_identity" ]; then
  echo "$group holds no identity: run azd up first" >&2
  exit 1
fi

# Who the workflow is. An application of the same name is taken over, not made twice.
client=$(az ad app create --display-name "toonconnect-deploy-$group" --query appId --output tsv)
principal=$(az ad sp show --id "$client" --query id --output tsv 2> /dev/null || az ad sp create --id "$client" --query id --output tsv)

# Whom it is believed: runs for this environment of this repository, spelt as GitHub spells it in its tokens. With the ids of owner
# and repository for those that were made or renamed since July 2026: a name alone could become another's.
# https://docs.github.com/actions/reference/security/oidc#immutable-subject-claims
prefix=$(gh api "repos/$repository/actions/oidc/customization/sub" --jq '.sub_claim_prefix // empty')
credential='{"name": "github-%s", "issuer": "https://token.actions.githubusercontent.com", "subject": "%s:environment:%s", "audiences": ["api://AzureADTokenExchange"]}'
# shellcheck disable=SC2059 # the format is ours
credential=$(printf "$credential" "$environment" "${prefix:-repo:$repository}" "$environment")
known=$(az ad app federated-credential list --id "$client" --query "[?name=='github-$environment'].id" --output tsv)
if [ -n "$known" ]; then
  az ad app federated-credential update --id "$client" --federated-credential-id "$known" --parameters "$credential"
else
  az ad app federated-credential create --id "$client" --parameters "$credential" --output none
fi

# What it may do on the subscription: start deployments. What these make needs the roles below. Names of roles are unique in the whole
# tenant, and one role per subscription needs no rights on the others.
deployment="ToonConnect deployment $(value AZURE_SUBSCRIPTION_ID)"
definition='{"Name": "%s", "Description": "Starts deployments; what they make needs further roles.", "Actions": ["Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/resourceGroups/read"], "AssignableScopes": ["%s"]}'
if [ -z "$(az role definition list --name "$deployment" --scope "$subscription" --query '[0].id' --output tsv)" ]; then
  # shellcheck disable=SC2059
  az role definition create --role-definition "$(printf "$definition" "$deployment" "$subscription")" --output none
fi
give() {
  az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal --output none "$@"
}
# A role that was just made takes a while to be found.
for wait in 10 20 40 80 last; do
  give --role "$deployment" --scope "$subscription" && break
  if [ "$wait" = last ]; then exit 1; fi
  sleep "$wait"
done

# In its group: make and change everything, and give the app's identity, and nobody else, the roles of infra/app/rbac.bicep. The
# key operator's is not among them: it is given by hand.
give --role 'Contributor' --scope "$subscription/resourceGroups/$group"
roles=$(paste -sd, - <<'END'
b7e6dc6d-f1e8-4753-8033-0f276bb0955b
974c5e8b-45b9-4653-ba55-5f855dd0fb88
0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3
ba92f5b4-2d11-453d-a403-e96b0029c9fe
4633458b-17de-408a-b874-0445c86b69e6
3913510d-42f4-4e42-8a64-420c390055eb
0ad04412-c4d5-4796-b79c-f76d14c8d402
END
)
assignment=Microsoft.Authorization/roleAssignments
only() { # of a request or a resource: these roles, to this identity
  echo "@$1[$assignment:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {$roles} AND @$1[$assignment:PrincipalId] ForAnyOfAnyValues:GuidEquals {$app_identity}"
}
condition="((!(ActionMatches{'$assignment/write'})) OR ($(only Request))) AND ((!(ActionMatches{'$assignment/delete'})) OR ($(only Resource)))"
administrator='Role Based Access Control Administrator'
# A condition that was given before is taken away first: create does not change it. And az refuses to delete what is not there
# (https://github.com/Azure/azure-cli/issues/20775).
given=$(az role assignment list --assignee "$principal" --role "$administrator" --scope "$subscription/resourceGroups/$group" --query '[].id' --output tsv)
if [ -n "$given" ]; then
  # shellcheck disable=SC2086 # one or more ids, without spaces
  az role assignment delete --ids $given
fi
give --role "$administrator" --scope "$subscription/resourceGroups/$group" --condition-version 2.0 --condition "$condition"

# What it deploys
gh api --method PUT "repos/$repository/environments/$environment" --silent
set_variable() { gh variable set "$1" --repo "$repository" --env "$environment" --body "$2"; }
set_variable AZURE_CLIENT_ID "$client"
set_variable AZURE_TENANT_ID "$(value AZURE_TENANT_ID)"
set_variable AZURE_SUBSCRIPTION_ID "$(value AZURE_SUBSCRIPTION_ID)"
set_variable AZURE_ENV_NAME "$(value AZURE_ENV_NAME)"
set_variable AZURE_LOCATION "$(value AZURE_LOCATION)"
echo "runs for the environment $environment of $repository may deploy $group"
