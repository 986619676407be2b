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
        "    allowedOrigins: allowedOrigins\n    instanceMemoryMB",
        "    allowedOrigins: [page.outputs.uri]\n    instanceMemoryMB",
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
        "concat(allowedOrigins, [environment().portal])",
        "allowedOrigins",
        "options: the portal's Test/Run may not call the app",
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
        "{ name: 'images', deleteAfterDays",
        "{ name: 'pictures', deleteAfterDays",
        "the account has ['documents', 'pictures']",
    ),
    Mistake(
        "a retention of its own",
        "infra/main.bicep",
        "{ name: 'documents', deleteAfterDays: retentionDays }",
        "{ name: 'documents', deleteAfterDays: 365 }",
        "'documents/': 365",
    ),
    Mistake(
        "uploads looked for where none are",
        "infra/main.bicep",
        "prefix: 'uploads/'",
        "prefix: 'input/'",
        "/input/': 7",
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
        "a task hub that is not host.json's",
        "infra/app/scheduler.bicep",
        "name: taskHubName",
        "name: '${taskHubName}-hub'",
        "options: host.json's task hub is ToonConnect",
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
