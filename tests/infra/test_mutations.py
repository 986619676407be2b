"""The checks see what they are for: each of these mistakes, made in a copy of infra/, turns one of them red.

Mistakes that do not disturb each other share a copy, since a snapshot takes seconds.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra import checks
from tests.infra.compiler import Infra


@dataclass(frozen=True)
class Mistake:
    what: str
    file: str
    right: str
    wrong: str
    #: Part of what a check must say of it.
    finding: str

    def make(self, infra: Infra) -> None:
        text = infra.text(self.file)
        assert text.count(self.right) >= 1, f"{self.what}: {self.file} no longer holds {self.right!r}"
        infra.path(self.file).write_text(text.replace(self.right, self.wrong, 1))


#: Found by the compiler, its linter and its formatter.
COMPILED = [
    Mistake(
        "a misspelt property",
        "infra/app/api.bicep",
        "httpsOnly: true",
        "httpOnly: true",
        'BCP089: The property "httpOnly"',
    ),
    Mistake("a wrong type", "infra/app/alerts.bicep", "Frequency: 300", "Frequency: '300'", 'BCP036: The property "Frequency"'),
    Mistake(
        "an API version that does not exist", "infra/app/web.bicep", "staticSites@2025-03-01", "staticSites@2025-03-31", "BCP081"
    ),
    Mistake(
        "a parameter that nobody uses",
        "infra/app/identity.bicep",
        "@description('Required. Region",
        "param spare string\n\n@description('Required. Region",
        "no-unused-params",
    ),
    Mistake(
        "a parameter without description",
        "infra/app/identity.bicep",
        "@description('Required. Tags of the identity.')\n",
        "",
        "use-description-params",
    ),
    Mistake(
        "an address of one cloud",
        "infra/app/storage.bicep",
        "account.properties.primaryEndpoints.blob",
        "'https://${name}.blob.core.windows.net/'",
        "no-hardcoded-env-urls",
    ),
    Mistake(
        "a secret in an output",
        "infra/app/key-vault.bicep",
        "output uri string = vault.properties.vaultUri",
        "output uri string = '${vault.properties.vaultUri}${bflApiKey}'",
        "outputs-should-not-contain-secrets",
    ),
    Mistake(
        "a name that is too long",
        "infra/abbreviations.json",
        '"durableTaskSchedulers": "dts-"',
        '"durableTaskSchedulers": "the-scheduler-that-runs-the-orchestrations-of-toonconnect-"',
        "BCP332",
    ),
    Mistake(
        "a line out of format",
        "infra/app/budget.bicep",
        "  name: name",
        "    name:   name",
        "infra/app/budget.bicep is not formatted",
    ),
    Mistake(
        "a parameter that does not exist",
        "infra/tests/dev.bicepparam",
        "param location",
        "param region = 'koreacentral'\nparam location",
        "dev.bicepparam: ",
    ),
]

#: Found by comparing what a deployment would make with what the code needs: the compiler has no objection.
DEPLOYED = [
    # roles
    Mistake(
        "a missing role",
        "infra/app/rbac.bicep",
        "resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (durableBackend == 'azureStorage')",
        "resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (durableBackend == 'tables')",
        "dev: app lacks Storage Table Data Contributor on host storage",
    ),
    Mistake(
        "a role that is too much",
        "infra/app/rbac.bicep",
        "name: guid(imagesStorage.id, identity.id, roles.blobDataContributor)\n  scope: imagesStorage\n  properties: {\n"
        "    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)",
        "name: guid(imagesStorage.id, identity.id, roles.blobDataOwner)\n  scope: imagesStorage\n  properties: {\n"
        "    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataOwner)",
        "dev: app has Storage Blob Data Owner on images storage without need",
    ),
    Mistake(
        "an app that does not wait for its roles", "infra/main.bicep", "  dependsOn: [rbac]\n", "", "api does not wait for rbac"
    ),
    # settings
    Mistake(
        "a renamed setting",
        "infra/main.bicep",
        "QUEUE_TIMEOUT_SECONDS:",
        "QUEUE_TIMEOUT:",
        "dev: QUEUE_TIMEOUT_SECONDS is not set",
    ),
    Mistake(
        "a setting that nobody reads",
        "infra/main.bicep",
        "AI_LABEL: aiLabel",
        "AI_LABEL: aiLabel\n  AI_LABELS: aiLabel",
        "nobody reads AI_LABELS",
    ),
    Mistake(
        "a translator that the app is not told of",
        "infra/main.bicep",
        "TRANSLATOR_ENDPOINT: translatorEndpoint",
        "TRANSLATOR_ADDRESS: translatorEndpoint",
        "nobody reads TRANSLATOR_ADDRESS",
    ),
    Mistake(
        "a setting that Flex Consumption refuses",
        "infra/main.bicep",
        "  AZURE_CLIENT_ID:",
        "  FUNCTIONS_WORKER_RUNTIME: 'python'\n  AZURE_CLIENT_ID:",
        "Flex Consumption refuses FUNCTIONS_WORKER_RUNTIME",
    ),
    Mistake(
        "site configuration that Flex Consumption refuses",
        "infra/app/api.bicep",
        "minTlsVersion: '1.2'",
        "minTlsVersion: '1.2'\n      alwaysOn: false",
        "siteConfig.alwaysOn",
    ),
    Mistake(
        "an origin that only the app knows",
        "infra/main.bicep",
        "    allowedOrigins: callingOrigins\n    instanceMemoryMB",
        "    allowedOrigins: [page.outputs.uri, environment().portal]\n    instanceMemoryMB",
        "the app exposes headers to others",
    ),
    Mistake(
        "cookies of other sites",
        "infra/app/api.bicep",
        "supportCredentials: false",
        "supportCredentials: true",
        "options: cookies of other sites would be taken",
    ),
    Mistake(
        "a portal that may not test",
        "infra/app/api.bicep",
        "cors: { allowedOrigins: allowedOrigins,",
        "cors: { allowedOrigins: take(allowedOrigins, 1),",
        "options: the portal's Test/Run may not call the app",
    ),
    Mistake(
        "a portal whose posts the app turns away",
        "infra/main.bicep",
        "concat(allowedOrigins, [environment().portal])",
        "allowedOrigins",
        "options: the app refuses what the portal's Test/Run posts",
    ),
    Mistake(
        "an origin with a slash at its end",
        "infra/main.bicep",
        "endsWith(origin, '/')",
        "endsWith(origin, '//')",
        "https://studio.toonconnect.example/ is no origin",
    ),
    Mistake(
        "a default unlike the code's",
        "infra/main.bicep",
        "param pollMaxAttempts int = 120",
        "param pollMaxAttempts int = 100",
        "poll_max_attempts is 100, the code's default is 120",
    ),
    Mistake(
        "a value that the code refuses",
        "infra/main.bicep",
        "? 'true' : 'false'",
        "? 'yes' : 'no'",
        "SYNC_RESPONSES must be one of",
    ),
    Mistake(
        "a key in a setting",
        "infra/main.bicep",
        "BFL_MODEL: bflModel",
        "BFL_MODEL: '${bflModel}-8f14e45fceea167a5a36dedd4bea2543'",
        "BFL_MODEL looks like a key",
    ),
    Mistake(
        "a parameter that azd cannot set",
        "infra/main.parameters.json",
        '    "softDeleteDays": { "value": "${SOFT_DELETE_DAYS}" },\n',
        "",
        "lacks softDeleteDays",
    ),
    Mistake(
        "a parameter under another's name",
        "infra/main.parameters.json",
        "${BFL_MAX_ACTIVE}",
        "${REPLICATE_MAX_ACTIVE}",
        "gives bflMaxActive ${REPLICATE_MAX_ACTIVE}",
    ),
    # providers and models
    Mistake(
        "an account that is as small as the share of one model",
        "infra/main.bicep",
        "param bflMaxActive int = 24",
        "param bflMaxActive int = 6",
        "bfl_max_active is 6, the code's default is 24",
    ),
    Mistake(
        "a model that may have the whole account",
        "infra/main.bicep",
        "BFL_KONTEXT_MAX_ACTIVE: string(bflKontextMaxActive)",
        "BFL_KONTEXT_MAX_ACTIVE: string(max(bflKontextMaxActive, bflMaxActive))",
        "options: BFL_KONTEXT_MAX_ACTIVE is 20, its parameter bflKontextMaxActive says 4",
    ),
    Mistake(
        "a kind that is made by another's models",
        "infra/main.bicep",
        "PPL_MODELS: pplModels\n  GOODS_MODELS: goodsModels",
        "PPL_MODELS: goodsModels\n  GOODS_MODELS: pplModels",
        "options: PPL_MODELS is flux-2-klein-9b,flux-kontext-max, its parameter pplModels says",
    ),
    Mistake(
        "a model that the code does not know",
        "infra/main.bicep",
        "param bflModel string = 'flux-kontext-max'",
        "param bflModel string = 'flux-kontext-maxi'",
        "dev: goods is made by flux-kontext-maxi",
    ),
    Mistake(
        "a setting that is on though nobody asks for it",
        "infra/main.bicep",
        "param imagesByLink string = ''",
        "param imagesByLink string = 'true'",
        "dev: IMAGES_BY_LINK is set, though nothing asks for it",
    ),
    Mistake(
        "a list of models that azd cannot set",
        "infra/main.parameters.json",
        '    "pplModels": { "value": "${PPL_MODELS}" },\n',
        "",
        "lacks pplModels",
    ),
    # storage
    Mistake(
        "public blob access",
        "infra/app/storage.bicep",
        "allowBlobPublicAccess: false",
        "allowBlobPublicAccess: true",
        "allowBlobPublicAccess is not False",
    ),
    Mistake(
        "shared keys",
        "infra/app/storage.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
        "allowSharedKeyAccess is not False",
    ),
    Mistake(
        "a public container",
        "infra/app/storage.bicep",
        "publicAccess: 'None'",
        "publicAccess: 'Blob'",
        "container documents is open to the public",
    ),
    Mistake(
        "a container the code does not know",
        "infra/main.bicep",
        ": ['images', 'documents']",
        ": ['pictures', 'documents']",
        "the account has ['documents', 'pictures']",
    ),
    Mistake(
        "no container for what producers upload",
        "infra/main.bicep",
        "['images', 'documents', 'intake']",
        "['images', 'documents']",
        "options: the code uses documents, images, intake, the account has ['documents', 'images']",
    ),
    Mistake(
        "queues that nobody asked for",
        "infra/main.bicep",
        "queues: intakeQueue ? ['generation-requests', 'generation-results', 'generation-requests-poison'] : []",
        "queues: ['generation-requests', 'generation-results', 'generation-requests-poison']",
        "dev: the code uses the queues []",
    ),
    Mistake(
        "what producers upload is kept for ever",
        "infra/main.bicep",
        "      { name: 'intake', prefix: 'intake/', days: 7 }\n",
        "",
        "dev: what producers upload is deleted after",
    ),
    Mistake(
        "a queue that the app may not read",
        "infra/app/rbac.bicep",
        "if (durableBackend == 'azureStorage' || intakeQueue)",
        "if (durableBackend == 'azureStorage' && !intakeQueue)",
        "options: app lacks Storage Queue Data Contributor on host storage",
    ),
    Mistake(
        "poison messages that nobody hears of",
        "infra/app/alerts.bicep",
        "loadTextContent('../queries/intake-poison.kql')",
        "loadTextContent('../queries/given-up.kql')",
        "options: no alert asks infra/queries/intake-poison.kql",
    ),
    Mistake(
        "a queue whose jobs are nobody's",
        "infra/main.bicep",
        "INTAKE_OWNER: intakeOwner",
        "INTAKE_OWNER: intakeQueue ? '' : intakeOwner",
        "options: INTAKE_OWNER is missing",
    ),
    Mistake(
        "a retention of its own",
        "infra/main.bicep",
        "prefix: 'documents/jobs/', days: retentionDays",
        "prefix: 'documents/jobs/', days: 365",
        "'documents/jobs/': 365",
    ),
    Mistake(
        "uploads looked for where none are",
        "infra/main.bicep",
        "prefix: 'images/uploads/'",
        "prefix: 'images/input/'",
        "dev: uploads are deleted after {'images/': 30, 'images/input/': 7",
    ),
    Mistake(
        "lists that outlive their jobs",
        "infra/main.bicep",
        "prefix: 'documents/index/', days: retentionDays",
        "prefix: 'documents/index/', days: 365",
        "'documents/index/': 365",
    ),
    Mistake(
        "a rule that deletes keys and what earlier versions left beside them",
        "infra/main.bicep",
        "{ name: 'predictions', prefix: 'documents/predictions/', days: retentionDays }",
        "{ name: 'predictions', prefix: 'documents/', days: retentionDays }",
        "dev: documents/gates/bfl.json is deleted with documents/",
    ),
    Mistake(
        "soft delete where gates are written",
        "infra/main.bicep",
        "containers: [packageContainer, 'documents']",
        "containers: [packageContainer, 'documents']\n    softDeleteDays: 7",
        "dev: soft delete keeps a copy of every write of a gate",
    ),
    # keys and callers
    Mistake(
        "a secret in an output, through a variable",
        "infra/app/key-vault.bicep",
        "@description('Address of the vault.')",
        "var note = 'key: ${bflApiKey}'\n@description('Note.')\noutput note string = note\n@description('Address of the vault.')",
        "output note holds a secret",
    ),
    Mistake(
        "a secret in a parameter that is not secure",
        "infra/app/key-vault.bicep",
        "@secure()\nparam translatorKey",
        "param translatorKey",
        "parameter translatorKey of module keyVault takes a secret",
    ),
    Mistake(
        "the key of webhooks in a parameter that is not secure",
        "infra/app/key-vault.bicep",
        "@secure()\nparam webhookSigningKey",
        "param webhookSigningKey",
        "parameter webhookSigningKey of module keyVault takes a secret",
    ),
    Mistake(
        "a sandbox is given the key of webhooks",
        "infra/main.bicep",
        "webhookSigningKey: sandbox ? '' : webhookSigningKey",
        "webhookSigningKey: webhookSigningKey",
        "the vault of a sandbox is given webhookSigningKey",
    ),
    Mistake(
        "what leads to an untold job goes by its age",
        "infra/main.bicep",
        "      { name: 'jobs', prefix",
        "      { name: 'marks', prefix: 'documents/webhooks-due/', days: 1 }\n      { name: 'jobs', prefix",
        "documents/webhooks-due/job_1.json is deleted with documents/webhooks-due/",
    ),
    Mistake(
        "a secret under another name",
        "infra/app/key-vault.bicep",
        "name: 'bfl-api-key'",
        "name: 'bfl-key'",
        "the vault gets ['bfl-key'",
    ),
    Mistake(
        "purge protection always on",
        "infra/app/key-vault.bicep",
        "purgeProtection ? true : null",
        "purgeProtection ? true : true",
        "dev: purge protection is True",
    ),
    Mistake(
        "webhooks behind a token",
        "infra/app/api.bicep",
        "        '/api/webhooks/replicate'\n",
        "",
        "options: /api/webhooks/replicate must not need a token",
    ),
    Mistake(
        "jobs without a token",
        "infra/app/api.bicep",
        "        '/api/options'\n",
        "        '/api/options'\n        '/api/jobs'\n",
        "options: /api/jobs must need a token",
    ),
    Mistake(
        "a platform that lets everybody through",
        "infra/app/api.bicep",
        "unauthenticatedClientAction: 'Return401'",
        "unauthenticatedClientAction: 'AllowAnonymous'",
        "options: the platform lets callers in that are not signed in",
    ),
    Mistake(
        "a sign-in that cannot be taken away again",
        "infra/app/api.bicep",
        "resource auth 'Microsoft.Web/sites/config@2025-03-01' = {",
        "resource auth 'Microsoft.Web/sites/config@2025-03-01' = if (!empty(authClientId)) {",
        "dev: a sign-in that was on before stays on",
    ),
    Mistake(
        "tokens of every tenant",
        "infra/main.bicep",
        "join(authAllowedTenants, ',')",
        "join(take(authAllowedTenants, 0), ',')",
        "options: tokens of every tenant are taken",
    ),
    Mistake(
        "a marker of our own",
        "infra/main.bicep",
        "  AI_LABEL: aiLabel",
        "  WEBSITE_AUTH_ENABLED: 'true'\n  AI_LABEL: aiLabel",
        "options: WEBSITE_AUTH_ENABLED is not to be set",
    ),
    # the first deployment
    Mistake(
        "an API that is deployed before its roles have arrived",
        "azure.yaml",
        "      - azd: deploy web\n      - azd: deploy api\n",
        "      - azd: deploy --all\n",
        "azure.yaml deploys in the order ['provision', 'deploy --all']",
    ),
    Mistake(
        "an API that a workflow deploys first",
        ".github/workflows/deploy-environment.yml",
        "run: azd deploy web --no-prompt",
        "run: azd deploy api --no-prompt",
        "deploy-environment.yml deploys in the order ['provision', 'deploy api', 'deploy api']",
    ),
    Mistake(
        "a workflow that gives up at the first 403",
        ".github/workflows/deploy-environment.yml",
        " || { sleep 300; azd deploy api --no-prompt; }",
        "",
        "deploy-environment.yml does not try the API once more",
    ),
    Mistake(
        "a push that deploys production unasked",
        ".github/workflows/deploy.yml",
        "    if: inputs.prod || vars.DEPLOY_PROD == 'true'\n",
        "",
        "deploy.yml deploys prod unasked",
    ),
    Mistake(
        "production that is chosen already",
        ".github/workflows/deploy.yml",
        "default: false",
        "default: true",
        "deploy.yml takes prod as asked for by default",
    ),
    Mistake(
        "an action by its tag, which can be moved",
        ".github/workflows/deploy-environment.yml",
        "actions/checkout@df4cb1c069e1874edd31b4311f1884172cec0e10 # v6.0.3",
        "actions/checkout@v6.0.3",
        "deploy-environment.yml uses actions/checkout@v6.0.3, which names no commit",
    ),
    Mistake(
        "an action of which nobody sees the version",
        ".github/workflows/checks.yml",
        " # v6.4.0",
        "",
        "checks.yml uses actions/setup-node@48b55a011bda9f5d6aeb4c2d9c7362e8dae4041e, which names no commit with its version",
    ),
    Mistake(
        "a deployment that cuts off what is under way",
        "infra/main.bicep",
        "param updateStrategy string = 'RollingUpdate'",
        "param updateStrategy string = 'Recreate'",
        "dev: a deployment takes over by Recreate",
    ),
    Mistake(
        "a setting of the C library, which has started by then",
        "infra/main.bicep",
        "  PYTHON_THREADPOOL_THREAD_COUNT:",
        "  MALLOC_ARENA_MAX: '2'\n  PYTHON_THREADPOOL_THREAD_COUNT:",
        "dev: MALLOC_ARENA_MAX comes too late",
    ),
    Mistake(
        "uploads of which two are more than the host takes",
        "infra/main.bicep",
        "@maxValue(52297728)",
        "@maxValue(100000000)",
        "maxUploadBytes may be 100000000, but MAX_UPLOAD_BYTES must be a number of at least 1024 and at most 52297728",
    ),
    # the workflow's principal
    Mistake(
        "a repository that is believed by its name alone",
        "infra/trust_github.sh",
        '"${prefix:-repo:$repository}"',
        '"repo:$repository"',
        "trust_github.sh believes ['repo:toon/connect:environment:dev']",
    ),
    Mistake(
        "a workflow that may change the whole subscription",
        "infra/trust_github.sh",
        "give --role 'Contributor' --scope \"$subscription/resourceGroups/$group\"",
        "give --role 'Contributor' --scope \"$subscription\"",
        "trust_github.sh gives Contributor on /subscriptions/",
    ),
    Mistake(
        "a workflow that may let itself read keys",
        "infra/trust_github.sh",
        "4633458b-17de-408a-b874-0445c86b69e6\n",
        "4633458b-17de-408a-b874-0445c86b69e6\nb86a8fe4-44ce-4948-aee5-eccb2c155cd7\n",
        "trust_github.sh lets Key Vault Secrets Officer be given",
    ),
    Mistake(
        "a workflow that cannot give the app a role",
        "infra/trust_github.sh",
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3\n",
        "",
        "trust_github.sh does not let Storage Table Data Contributor be given",
    ),
    Mistake(
        "a workflow that may give anybody roles",
        "infra/trust_github.sh",
        " AND @$1[$assignment:PrincipalId] ForAnyOfAnyValues:GuidEquals {$app_identity}",
        "",
        "trust_github.sh lets roles be given to others than the app",
    ),
    Mistake(
        "a role whose name another subscription of the tenant has taken",
        "infra/trust_github.sh",
        'deployment="ToonConnect deployment $(value AZURE_SUBSCRIPTION_ID)"',
        'deployment="ToonConnect deployment"',
        "trust_github.sh gives ToonConnect deployment on /subscriptions/",
    ),
    # a sandbox
    Mistake(
        "an environment that is a sandbox unasked",
        "infra/main.bicep",
        "param sandbox bool = false",
        "param sandbox bool = true",
        "dev: SANDBOX is true",
    ),
    Mistake(
        "a sandbox with a real key in its vault",
        "infra/main.bicep",
        "bflApiKey: sandbox ? '' : bflApiKey",
        "bflApiKey: bflApiKey",
        "the vault of a sandbox is given bflApiKey",
    ),
    Mistake(
        "an app that does not know what its environment is for",
        "infra/main.bicep",
        "ENVIRONMENT_TYPE: environmentType",
        "ENVIRONMENT_TYPE: 'prod'",
        "options: ENVIRONMENT_TYPE is prod",
    ),
    # what the types leave open
    Mistake("a misspelt SKU", "infra/app/api.bicep", "name: 'FC1'", "name: 'FCl'", "sku.name is FCl"),
    Mistake(
        "a Python that does not exist", "infra/app/api.bicep", "version: '3.12'", "version: '3.21'", "runtime.version is 3.21"
    ),
    Mistake(
        "a task hub that the host does not know",
        "infra/app/scheduler.bicep",
        "name: taskHubName",
        "name: '${taskHubName}-hub'",
        "/ToonConnect2-hub",
    ),
    Mistake(
        "a name that is none",
        "infra/app/workbook.bicep",
        "name: guid(resourceGroup().id, 'operations')",
        "name: 'operations'",
        "Microsoft.Insights/workbooks cannot be called operations",
    ),
    Mistake(
        "another API version",
        "infra/app/web.bicep",
        "staticSites@2025-03-01",
        "staticSites@2024-04-01",
        "Microsoft.Web/staticSites@2024-04-01 has not been looked at",
    ),
    Mistake(
        "a tag unlike azure.yaml",
        "infra/app/web.bicep",
        "'azd-service-name': 'web'",
        "'azd-service-name': 'page'",
        "resources are tagged {'page': 1, 'api': 1}",
    ),
    # what bounds the app, and what makes it quick
    Mistake(
        "queues that are looked at twice a minute",
        "host.json",
        '"maxQueuePollingInterval": "00:00:01"',
        '"maxQueuePollingInterval": "00:00:30"',
        "host.json: an idle queue is looked at every 00:00:30",
    ),
    Mistake(
        "requests that no instance waits for",
        "infra/app/api.bicep",
        "{ name: 'http', instanceCount: alwaysReadyHttpInstances }",
        "{ name: 'web', instanceCount: alwaysReadyHttpInstances }",
        "options: always ready are {'durable': 3, 'web': 2}",
    ),
    Mistake(
        "partitions that no parameter changes",
        "infra/main.bicep",
        "partitionCount: string(partitionCount)",
        "partitionCount: string(2 * partitionCount)",
        "dev: the task hub gets 8 partitions",
    ),
    Mistake(
        "a task hub whose name does not arrive",
        "infra/main.bicep",
        "durableTask__hubName: taskHubName",
        "durableTask__hubName: 'ToonConnect'",
        "options: the task hub is called ToonConnect, it should be ToonConnect2",
    ),
    Mistake(
        "fewer threads than activities",
        "infra/main.bicep",
        "param pythonThreads int = 32",
        "param pythonThreads int = 8",
        "dev: 8 threads serve 16 activities",
    ),
    # what operators see
    Mistake(
        "a renamed event in a query",
        "infra/queries/breaker-opened.kql",
        "'breaker_opened'",
        "'breaker_open'",
        "breaker-opened.kql: the app has no event breaker_open",
    ),
    Mistake(
        "a renamed field in a query",
        "infra/queries/gate-saturated.kql",
        "Properties.waited_ms",
        "Properties.waited",
        "gate-saturated.kql: the app has no field waited",
    ),
    Mistake(
        "a code that does not exist",
        "infra/queries/timeouts-by-provider.kql",
        "'generation_timeout'",
        "'generation_timed_out'",
        "the app has no code generation_timed_out",
    ),
    Mistake(
        "a column that does not exist",
        "infra/queries/missing-key.kql",
        "project TimeGenerated",
        "project Timestamp",
        "missing-key.kql: The name 'Timestamp' does not refer",
    ),
    Mistake(
        "a function that does not exist",
        "infra/workbook.json",
        "p95 = percentile(seconds, 95) by",
        "p95 = percentil(seconds, 95) by",
        "infra/workbook.json: durations: The name 'percentil'",
    ),
    Mistake(
        "a metric that does not exist",
        "infra/workbook.json",
        "'toonconnect.gate.active'",
        "'toonconnect.gate.running'",
        "gate: the app has no metric toonconnect.gate.running",
    ),
    Mistake(
        "an alert that compares no column",
        "infra/app/alerts.bicep",
        "measure: 'failed_percent'",
        "measure: 'failure_percent'",
        "P1: Most jobs fail: there is no column failure_percent",
    ),
    Mistake(
        "an alert that wakes the wrong people",
        "infra/app/alerts.bicep",
        "actionGroups: [actionGroups[severities[rule.severity]].id]",
        "actionGroups: [actionGroups[2].id]",
        "P1: Most jobs fail is told to",
    ),
    Mistake(
        "an alert above its target",
        "infra/app/alerts.bicep",
        "threshold: thresholds.?jobFailurePercent ?? 5",
        "threshold: thresholds.?jobFailurePercent ?? 25",
        "the target of job-failure-rate is 5, the alert is raised above 25",
    ),
    Mistake(
        "an alert of a model above its target",
        "infra/app/alerts.bicep",
        "failurePercent: thresholds.?jobFailurePercent ?? 5",
        "failurePercent: thresholds.?jobFailurePercent ?? 25",
        "the target failurePercent of default is 5, the table has 25",
    ),
    Mistake(
        "an alert of a kind above its target",
        "infra/app/alerts.bicep",
        "thresholds.?goodsMeanSeconds ?? 60",
        "thresholds.?goodsMeanSeconds ?? 80",
        "the target meanSeconds of goods is 60, the table has 80",
    ),
    Mistake(
        "targets of a model that does not exist",
        "infra/app/alerts.bicep",
        "'flux-2-klein-9b': {",
        "'flux-2-klein': {",
        "the table of targets has a row for flux-2-klein, which is no model",
    ),
    Mistake(
        "a target that no job of its model can keep",
        "infra/app/alerts.bicep",
        "'flux-kontext-pro': { p95Seconds: 80, meanSeconds: 40",
        "'flux-kontext-pro': { p95Seconds: 80, meanSeconds: 12",
        "goods/flux-kontext-pro usually takes 10 s, its targets are 12 and 80 s",
    ),
    Mistake(
        "a target below the list price",
        "infra/app/alerts.bicep",
        "'flux-2-flex': { predictionCents: 17 }",
        "'flux-2-flex': { predictionCents: 12 }",
        "ppl/flux-2-flex costs 15.0 cents by the list, its target is 12",
    ),
    Mistake(
        "targets of models that are not taken over",
        "infra/app/alerts.bicep",
        "thresholds.?models ?? {}",
        "{}",
        "options: the target p95Seconds of flux-2-klein-9b is 20",
    ),
    Mistake(
        "an alert that has no targets",
        "infra/app/alerts.bicep",
        "replace(loadTextContent('../queries/prediction-cost.kql'), noTargets, targetsAsKql)",
        "loadTextContent('../queries/prediction-cost.kql')",
        "dev: the alert prediction-cost has not the targets of the others",
    ),
    Mistake(
        "an alert that throws all models of a kind together",
        "infra/app/alerts.bicep",
        "splitBy: ['job_kind', 'model']",
        "splitBy: ['job_kind']",
        "the alert job-failure-rate-by-model compares ['job_kind'] with 100",
    ),
    Mistake(
        "a query that does not say the model",
        "infra/queries/job-duration-mean.kql",
        "project job_kind, model, jobs",
        "project job_kind, jobs",
        "infra/queries/job-duration-mean.kql has no column model",
    ),
    Mistake(
        "no tile of jobs that another model made",
        "infra/workbook.json",
        '"name": "fallbacks"',
        '"name": "fallback"',
        "workbook: fallbacks does not tell models apart",
    ),
    Mistake(
        "an alert above a few starts again",
        "infra/app/alerts.bicep",
        "thresholds.?restarts ?? 5",
        "thresholds.?restarts ?? 50",
        "the target of restarts is 5, the alert is raised above 50",
    ),
    Mistake(
        "an alert of a start that is never reached",
        "infra/queries/last-start.kql",
        "toint(Properties.starts) >= 5",
        "toint(Properties.starts) >= 6",
        "a job is started again 5 times, the alert of the last start looks for [6]",
    ),
    Mistake(
        "an alert that looks for another event of a death",
        "infra/queries/given-up.kql",
        "'job_given_up'",
        "'job_restarted'",
        "given-up.kql does not look for job_given_up",
    ),
    Mistake(
        "an alert of jobs that are started again without its query",
        "infra/app/alerts.bicep",
        "loadTextContent('../queries/restarts.kql')",
        "loadTextContent('../queries/stuck-jobs.kql')",
        "no alert asks infra/queries/restarts.kql",
    ),
    Mistake(
        "a renamed field of the ledger's tile",
        "infra/workbook.json",
        "tostring(Properties.settled)",
        "tostring(Properties.is_settled)",
        "ledger: the app has no field is_settled",
    ),
    Mistake(
        "a tile of starts that keeps quiet of those that failed",
        "infra/workbook.json",
        ", 'restart_failed')",
        ")",
        "workbook: starts does not tell of restart_failed",
    ),
    Mistake(
        "no tile of watches",
        "infra/workbook.json",
        '"name": "watches"',
        '"name": "watched"',
        "workbook: watches does not tell of leftover_ended",
    ),
    # what is sent, and how it is counted
    Mistake(
        "a worker that sends the records of every logger, its own sending's too",
        "infra/main.bicep",
        "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME: 'toonconnect'",
        "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME: ''",
        "the worker sends the log records of every logger",
    ),
    Mistake(
        "a host that tells of everything",
        "host.json",
        '"default": "Warning"',
        '"default": "Information"',
        "host.json: default tells of everything (Information)",
    ),
    Mistake(
        "a host that sends the app's records once more",
        "host.json",
        '  "telemetryMode": "OpenTelemetry",\n',
        "",
        "host.json: the host does not leave the app's records to the worker",
    ),
    Mistake(
        "a query that counts rows",
        "infra/queries/job-failure-rate.kql",
        "jobs = sum(ItemCount)",
        "jobs = count()",
        "infra/queries/job-failure-rate.kql: count( counts rows",
    ),
    Mistake(
        "a tile that counts some rows",
        "infra/workbook.json",
        "sumif(ItemCount, Success)",
        "countif(Success)",
        "infra/workbook.json: availability: countif( counts rows",
    ),
    Mistake(
        "a query that adds up rows",
        "infra/queries/prediction-cost.kql",
        "sum(ItemCount * toreal(Properties.cost_usd))",
        "sum(toreal(Properties.cost_usd))",
        "infra/queries/prediction-cost.kql: sum(toreal(Properties.cost_usd)) adds up rows",
    ),
    Mistake(
        "an alert that counts rows up to a number",
        "infra/app/alerts.bicep",
        "    measure: 'failures'\n",
        "",
        "the alert internal-errors compares a number of rows with 5",
    ),
    Mistake(
        "orchestrations counted as requests",
        "infra/workbook.json",
        "AppRequests\\n| where isnotempty(Url)",
        "AppRequests\\n| where isnotempty(Name)",
        "infra/workbook.json: requests: AppRequests without isnotempty(Url)",
    ),
    Mistake(
        "refusals counted as failures",
        "infra/workbook.json",
        "failed = sumif(ItemCount, ResultCode startswith '5')",
        "failed = sumif(ItemCount, Success == false)",
        "infra/workbook.json: requests: Success of AppRequests takes refusals (4xx) for failures",
    ),
    Mistake(
        "nobody is told that logs are no longer taken in",
        "infra/app/alerts.bicep",
        "name: 'daily-cap'",
        "name: 'daily-quota'",
        "no alert daily-cap looks for _LogOperation",
    ),
    Mistake(
        "nobody is told that most of a limit in dollars is used",
        "infra/app/alerts.bicep",
        "name: 'spending-near-limit'",
        "name: 'spending'",
        "no alert spending-near-limit looks for 'spending_near_limit'",
    ),
    Mistake(
        "a limit in dollars that does not reach the app",
        "infra/main.bicep",
        "  MONTHLY_USD: monthlyUsd",
        "  MONTHLY_DOLLARS: monthlyUsd",
        "options: nobody reads MONTHLY_DOLLARS",
    ),
    Mistake(
        "an alert of silence that looks for jobs that were heard of",
        "infra/queries/not-begun.kql",
        "followed == 0",
        "followed > 0",
        "no alert not-begun looks for followed == 0",
    ),
    Mistake(
        "an alert of silence that waits for an hour",
        "infra/queries/not-begun.kql",
        "accepted_at < ago(5m)",
        "accepted_at < ago(1h)",
        "no alert not-begun looks for ago(5m)",
    ),
    Mistake(
        "an availability test of no address",
        "infra/app/alerts.bicep",
        "${apiUri}/api/health",
        "${apiUri}/health",
        "the availability test asks",
    ),
]


def _findings(infra: Infra, mistakes: list[Mistake], found_by: list[checks.Check]) -> list[str]:
    for mistake in mistakes:
        mistake.make(infra)
    return [finding for check in found_by for finding in check(infra)]


BY_COMPILER: list[checks.Check] = [checks.check_compiler, checks.check_format, checks.check_parameter_files]


@pytest.fixture(scope="session")
def compiled(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    infra = Infra(tmp_path_factory.mktemp("compiled") / "project", compiler, environments=["dev"])
    return _findings(infra, COMPILED, BY_COMPILER)


@pytest.fixture(scope="session")
def deployed(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    infra = Infra(tmp_path_factory.mktemp("deployed") / "project", compiler, environments=["dev", "options"])
    return _findings(infra, DEPLOYED, [check for check in checks.CHECKS if check not in BY_COMPILER])


@pytest.mark.parametrize("mistake", COMPILED, ids=lambda mistake: mistake.what)
def test_the_compiler_tells(mistake: Mistake, compiled: list[str]) -> None:
    assert any(mistake.finding in finding for finding in compiled), compiled


@pytest.mark.parametrize("mistake", DEPLOYED, ids=lambda mistake: mistake.what)
def test_a_check_tells(mistake: Mistake, deployed: list[str]) -> None:
    assert any(mistake.finding in finding for finding in deployed), deployed


def test_a_budget_without_its_first_month_deploys_nothing(compiler: str, tmp_path: Path) -> None:
    infra = Infra(tmp_path / "project", compiler, environments=["prod"])
    Mistake("", "infra/tests/prod.bicepparam", "param budgetStartDate = '2026-12-01'\n", "", "").make(infra)
    with pytest.raises(AssertionError, match="MONTHLY_BUDGET needs BUDGET_START_DATE"):
        assert infra.snapshots


@pytest.mark.parametrize(("environment", "called"), [("prod", "toon-prod"), ("prod", "toon"), ("dev", "Toon-PROD-2")])
def test_production_is_no_sandbox_by_its_type_or_by_its_name(
    environment: str, called: str, compiler: str, tmp_path: Path
) -> None:
    infra = Infra(tmp_path / "project", compiler, environments=[environment])
    file = infra.path(f"infra/tests/{environment}.bicepparam")
    file.write_text(file.read_text().replace(f"'toon-{environment}'", f"'{called}'") + "\nparam sandbox = true\n")
    with pytest.raises(AssertionError, match="SANDBOX is not for production"):
        assert infra.snapshots


def test_no_two_mistakes_are_the_same_finding() -> None:
    said = [mistake.finding for mistake in COMPILED + DEPLOYED]
    assert len(set(said)) == len(said)
