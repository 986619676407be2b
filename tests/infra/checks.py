"""What must hold of infra/. Each check takes a copy of it and tells, in sentences, what is wrong: nothing, if all is well."""

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.domain.job import MAX_STARTS
from shared.domain.kinds import KINDS
from shared.domain.queue_messages import INTAKE, POISON, REQUESTS, RESULTS
from shared.generators.registry import MODELS
from shared.secrets import VAULT_NAMES
from shared.settings import Settings
from shared.storage.blob_store import DOCUMENTS, IMAGES
from shared.storage.gate_store import gate_name
from shared.storage.image_names import UPLOADS
from shared.storage.job_index import folder_of
from shared.storage.job_store import job_name, mark_name, prediction_name, submission_name
from shared.storage.key_store import key_name
from shared.storage.quota_store import owner_name
from shared.storage.webhook_store import expected_name, versions_name
from shared.telemetry import LOGGER
from tests.infra import kql, trust
from tests.infra.compiler import Infra, Snapshot

Check = Callable[[Infra], Iterator[str]]

#: Depends on today's date: a clean file would fail on some morning.
DATED_RULES = {"use-recent-api-versions"}

#: What shared/settings.py reads and a deployment leaves out, and why.
LEFT_OUT = {
    "AzureWebJobsStorage": "a connection string holds a key; the account is reached by identity",
    "AzureWebJobsStorage__accountName": "the short form of the three __*ServiceUri settings, which are set",
    "REPLICATE_API_TOKEN": "is in the vault",
    "BFL_API_KEY": "is in the vault",
    "TRANSLATOR_KEY": "is in the vault",
    "WEBHOOK_SIGNING_KEY": "is in the vault",
    "WEBHOOK_EXTRA_HOSTS": "opens addresses that are not public to users' webhooks: local work only",
    "REPLICATE_API_BASE_URL": "the code's default is the provider's own address",
    "BFL_API_BASE_URL": "the code's default is the provider's own address",
    "PROVIDER_EXTRA_HOSTS": "opens plain http to further hosts: local work only",
    "WEBSITE_HOSTNAME": "set by the platform",
    "WEBSITE_AUTH_ENABLED": "set by the platform where its sign-in is on: what we set ourselves would prove nothing",
    "AUTH_STAND_IN": "something other than the platform signs callers in: local work only",
    "SANDBOX_PORT": "the code's default is free on an instance: local work only",
}
#: What shared/settings.py reads and a deployment sets only where a parameter asks for it.
OPTIONAL = {
    "PUBLIC_BASE_URL", "MAX_ACTIVE_JOBS_PER_OWNER", "DAILY_JOBS_PER_OWNER", "TRANSLATOR_ENDPOINT", "TRANSLATOR_REGION",
    "PPL_MODELS", "GOODS_MODELS", "IMAGES_BY_LINK", "MAX_ACTIVE_JOBS", "DAILY_JOBS", "DAILY_USD_PER_OWNER",
    "MONTHLY_USD_PER_OWNER", "DAILY_USD", "MONTHLY_USD",
    "INTAKE_QUEUE", "INTAKE_OWNER",
}  # fmt: skip
#: What a deployment sets for others than shared/settings.py, and who reads it.
PLATFORM_SETTINGS = {
    "AzureWebJobsStorage__credential": "the host: by identity",
    "AzureWebJobsStorage__tableServiceUri": "the host: Durable's tables",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "host and worker: where telemetry goes",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "host and worker: as whom it is sent",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "the worker: sets OpenTelemetry up",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "the worker: no signed URLs in telemetry",
    "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME": "the worker: whose log records it sends",
    "OTEL_TRACES_SAMPLER": "host and worker: spans are sampled by their number",
    "OTEL_TRACES_SAMPLER_ARG": "host and worker: how many a second",
    "OTEL_METRIC_EXPORT_INTERVAL": "the worker: how often metrics are sent",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "the worker: no row more with each batch of spans",
    "AzureFunctionsJobHost__extensions__durableTask__hubName": "the host: which task hub",
}
PARTITIONS = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__partitionCount"
STORAGE_HUB_SETTINGS = {PARTITIONS: "the host: how many instances run orchestrations"}
SCHEDULER_SETTINGS = {
    "AzureFunctionsJobHost__extensions__durableTask__storageProvider__type": "the host: instead of Azure Storage",
    "AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName": "the host: which setting has it",
    "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": "the host: the scheduler's address and as whom it is called",
}
SIGN_IN_SETTINGS = {"WEBSITE_AUTH_AAD_ALLOWED_TENANTS": "the platform's sign-in: whose tokens are taken"}
#: Addresses where nobody is asked who they are, so that nothing may be believed there either.
OPEN_PATHS = {
    "/api/webhooks/replicate", "/api/health", "/api/health/ready", "/api/options", "/api/problems", "/api/openapi.json",
    "/api/docs",
    "/runtime/webhooks/durabletask",
}  # fmt: skip
#: Never on Flex Consumption: some fail the deployment, others in some regions only.
FORBIDDEN_SETTINGS = {
    "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_MAX_HTTP_CONCURRENCY", "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_CONTENTSHARE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTOVERVNET", "WEBSITE_VNET_ROUTE_ALL", "WEBSITE_DNS_SERVER",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT", "WEBSITE_MOUNT_ENABLED", "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD", "WEBSITE_TIME_ZONE", "TZ", "WEBSITE_LOAD_CERTIFICATES",
}  # fmt: skip
#: What the C library reads when a process starts. A worker is started before it is known whose app it will serve, and gets the
#: app's settings afterwards: they have no effect.
READ_AT_START = r"MALLOC_.*|GLIBC_TUNABLES|LD_.*"
FORBIDDEN_SITE_CONFIG = {
    "linuxFxVersion", "pythonVersion", "netFrameworkVersion", "javaVersion", "nodeVersion", "alwaysOn", "ftpsState",
    "use32BitWorkerProcess", "preWarmedInstanceCount", "functionAppScaleLimit", "functionsRuntimeScaleMonitoringEnabled",
}  # fmt: skip

ROLES = {
    "0ad04412-c4d5-4796-b79c-f76d14c8d402": "Durable Task Data Contributor",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
}
#: Those of the app, whatever the environment: all but the key operator's.
APP_ROLES = {guid for guid, role in ROLES.items() if role != "Key Vault Secrets Officer"}
#: (holder, role, on what) that the code needs, in every environment and beyond.
NEEDED_ROLES = {
    ("app", "Storage Blob Data Owner", "host storage"),
    ("app", "Storage Blob Data Contributor", "images storage"),
    ("app", "Key Vault Secrets User", "vaults"),
    ("app", "Monitoring Metrics Publisher", "components"),
}
DURABLE_ON_STORAGE = {
    ("app", "Storage Queue Data Contributor", "host storage"),
    ("app", "Storage Table Data Contributor", "host storage"),
}
DURABLE_ON_SCHEDULER = {("app", "Durable Task Data Contributor", "taskHubs")}
#: The queue trigger's, where there is one.
INTAKE_ROLES = {("app", "Storage Queue Data Contributor", "host storage")}
KEY_OPERATOR = {("somebody", "Key Vault Secrets Officer", "vaults")}

#: Values that the compiler does not check, because the types allow any string there: type, path, allowed.
OPEN_ENUMS: list[tuple[str, str, set[Any]]] = [
    ("Microsoft.Storage/storageAccounts", "kind", {"StorageV2"}),
    ("Microsoft.Storage/storageAccounts", "sku.name", {"Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"}),
    ("Microsoft.Storage/storageAccounts", "properties.minimumTlsVersion", {"TLS1_2"}),
    ("Microsoft.Storage/storageAccounts", "properties.networkAcls.defaultAction", {"Allow"}),
    ("Microsoft.KeyVault/vaults", "properties.sku.family", {"A"}),
    ("Microsoft.KeyVault/vaults", "properties.sku.name", {"standard"}),
    ("Microsoft.OperationalInsights/workspaces", "properties.sku.name", {"PerGB2018"}),
    ("Microsoft.DurableTask/schedulers", "properties.sku.name", {"Consumption"}),
    ("Microsoft.Web/serverfarms", "sku.name", {"FC1"}),
    ("Microsoft.Web/serverfarms", "sku.tier", {"FlexConsumption"}),
    ("Microsoft.Web/serverfarms", "properties.reserved", {True}),
    ("Microsoft.Web/staticSites", "sku.name", {"Free"}),
    ("Microsoft.Web/sites", "kind", {"functionapp,linux"}),
    ("Microsoft.Web/sites", "identity.type", {"UserAssigned"}),
    ("Microsoft.Web/sites", "properties.httpsOnly", {True}),
    ("Microsoft.Web/sites", "properties.siteConfig.minTlsVersion", {"1.2", "1.3"}),
    ("Microsoft.Web/sites", "properties.functionAppConfig.runtime.name", {"python"}),
    ("Microsoft.Web/sites", "properties.functionAppConfig.runtime.version", {"3.12", "3.13"}),
    ("Microsoft.Web/sites", "properties.functionAppConfig.deployment.storage.type", {"blobContainer"}),
    ("Microsoft.Web/sites", "properties.functionAppConfig.deployment.storage.authentication.type", {"UserAssignedIdentity"}),
    ("Microsoft.Web/sites", "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB", {512, 2048, 4096}),
    ("Microsoft.Web/sites", "properties.functionAppConfig.siteUpdateStrategy.type", {"RollingUpdate", "Recreate"}),
    ("Microsoft.Authorization/roleAssignments", "properties.principalType", {"ServicePrincipal", "Group", "User"}),
    ("Microsoft.Insights/components", "kind", {"web"}),
    ("Microsoft.Insights/webtests", "kind", {"standard"}),
    ("Microsoft.Insights/workbooks", "kind", {"shared"}),
    ("Microsoft.Insights/scheduledQueryRules", "kind", {"LogAlert"}),
]  # fmt: skip
#: Names that come in as plain strings, whose length and letters nothing else checks.
NAMES = {
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.KeyVault/vaults": r"(?=.{3,24}$)[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*",
    "Microsoft.Web/sites": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
    "Microsoft.DurableTask/schedulers": r"[a-zA-Z0-9-]{3,64}",
    "Microsoft.Resources/resourceGroups": r"[\w().-]{1,89}[\w()-]",
    "Microsoft.Insights/workbooks": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
#: The versions that were compiled and looked at; another one is a decision.
API_VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Consumption/budgets": "2026-06-01",
    "Microsoft.DurableTask/schedulers": "2026-02-01",
    "Microsoft.DurableTask/schedulers/retentionPolicies": "2026-02-01",
    "Microsoft.DurableTask/schedulers/taskHubs": "2026-02-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/metricAlerts": "2026-01-01",
    "Microsoft.Insights/scheduledQueryRules": "2026-03-01",
    "Microsoft.Insights/webtests": "2022-06-15",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault/vaults": "2025-05-01",
    "Microsoft.KeyVault/vaults/secrets": "2025-05-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.OperationalInsights/workspaces": "2025-07-01",
    "Microsoft.Resources/resourceGroups": "2025-04-01",
    "Microsoft.Storage/storageAccounts": "2025-08-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2025-08-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2025-08-01",
    "Microsoft.Storage/storageAccounts/managementPolicies": "2025-08-01",
    "Microsoft.Storage/storageAccounts/queueServices": "2025-08-01",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "2025-08-01",
    "Microsoft.Web/serverfarms": "2025-03-01",
    "Microsoft.Web/sites": "2025-03-01",
    "Microsoft.Web/sites/config": "2025-03-01",
    "Microsoft.Web/staticSites": "2025-03-01",
}
#: The house's severities as Azure numbers them.
SEVERITIES = {"P1": 0, "P2": 1, "P3": 2}
#: The targets of operations: error rate, starts again in an hour.
TARGETS = {"restarts": 5, "job-failure-rate": 5}
#: Those of a kind, in the table that alerts look targets up in.
TARGETS_OF_KINDS = {
    "default": {"failurePercent": 5},
    "ppl": {"meanSeconds": 90, "p95Seconds": 120},
    "goods": {"meanSeconds": 60, "p95Seconds": 120},
}
#: Queries and tiles that say what they say of each kind and model.
BY_MODEL = {"job-failure-rate-by-model", "job-duration-p95", "job-duration-mean", "prediction-cost"}
TILES_BY_MODEL = {
    "models", "failing", "success-rate", "durations", "where-time-goes", "cost", "timeouts", "polls", "ledger", "fallbacks",
}  # fmt: skip
_TABLE = r"^let targets = dynamic\((\{.*\})\);$"
#: What an operator has to be told of jobs that are started again, in the workbook: by tile.
TOLD = {
    "starts": {"job_restarted", "job_at_last_start", "job_given_up", "start_failed", "restart_failed"},
    "ledger": {"job_ended"},
    "watches": {"job_ended", "leftover_ended", "job_deleted", "job_forgotten", "history_kept"},
}


# Before anything is deployed


def check_compiler(infra: Infra) -> Iterator[str]:
    for result in infra.diagnostics:
        if result["ruleId"] not in DATED_RULES:
            place = result["locations"][0]["physicalLocation"]
            file = place["artifactLocation"]["uri"].rsplit("/infra/")[-1]
            yield f"{file}:{place['region']['startLine']}: {result['ruleId']}: {result['message']['text']}"


def check_format(infra: Infra) -> Iterator[str]:
    yield from (f"{name} is not formatted" for name, text in infra.formatted.items() if text != infra.text(name))


def check_parameters(infra: Infra) -> Iterator[str]:
    """Every parameter can be set from the azd environment, under its own name in capitals."""
    given = {name: value["value"] for name, value in json.loads(infra.text("infra/main.parameters.json"))["parameters"].items()}
    yield from (f"main.parameters.json has {name}, which main.bicep has not" for name in given.keys() - infra.parameters)
    yield from (f"main.parameters.json lacks {name}" for name in infra.parameters - given.keys())
    own_names = {"environmentName": "AZURE_ENV_NAME", "location": "AZURE_LOCATION"}
    for name, value in given.items():
        variable = own_names.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
        if value != f"${{{variable}}}":
            yield f"main.parameters.json gives {name} {value}, not ${{{variable}}}"


def check_parameter_files(infra: Infra) -> Iterator[str]:
    yield from (f"{name}.bicepparam: {said}" for name, said in infra.built_parameters.items() if said)


def check_outputs(infra: Infra) -> Iterator[str]:
    """No secret leaves through an output, nor through a variable, nor into a parameter that is not secure."""
    yield from _leaks(infra.template, "main")


def _leaks(template: Mapping[str, Any], name: str) -> Iterator[str]:
    parameters = template.get("parameters", {})
    secret = {key for key, value in parameters.items() if str(value.get("type", "")).lower().startswith("secure")}
    variables = template.get("variables", {})

    def reads_secret(value: Any, seen: frozenset[str] = frozenset()) -> bool:
        text = json.dumps(value)
        if any(f"parameters('{key}')" in text for key in secret) or re.search(
            r"\blist(Keys|Secrets|\w*Sas)\(", text, re.IGNORECASE
        ):
            return True
        named = set(re.findall(r"variables\('(\w+)'\)", text)) - seen
        return any(reads_secret(variables.get(key), seen | named) for key in named)

    yield from (
        f"{name}: output {key} holds a secret" for key, value in template.get("outputs", {}).items() if reads_secret(value)
    )
    resources = template.get("resources", {})
    for key, resource in resources.items() if isinstance(resources, dict) else enumerate(resources):
        if resource["type"] == "Microsoft.Resources/deployments":
            inner = resource["properties"]["template"]
            for parameter, value in resource["properties"].get("parameters", {}).items():
                kind = str(inner["parameters"].get(parameter, {}).get("type", ""))
                if reads_secret(value) and not kind.lower().startswith("secure"):
                    yield f"{name}: parameter {parameter} of module {key} takes a secret and is not secure"
            yield from _leaks(inner, f"{name}/{key}")


def check_order(infra: Infra) -> Iterator[str]:
    """Roles are there before the app, and what they are about before the roles; the compiler sees neither."""
    resources = infra.template["resources"]
    needed = {"api": {"rbac"}, "rbac": {"identity", "hostStorage", "imagesStorage", "keyVault", "monitoring", "scheduler"}}
    for name, before in needed.items():
        missing = before - set(resources.get(name, {}).get("dependsOn", []))
        yield from (f"{name} does not wait for {other}" for other in sorted(missing))


def check_azd(infra: Infra) -> Iterator[str]:
    services = re.findall(r"^  (\w+):", infra.text("azure.yaml").partition("\nservices:\n")[2].partition("\n\n")[0], re.MULTILINE)
    for snapshot in infra.snapshots.values():
        tagged = Counter(r["tags"]["azd-service-name"] for r in snapshot.resources if "azd-service-name" in r.get("tags", {}))
        if tagged != Counter(services):
            yield f"{snapshot.environment}: azure.yaml has {services}, resources are tagged {dict(tagged)}"
        for resource in snapshot.resources:
            if "location" in resource and "azd-env-name" not in resource.get("tags", {}):
                yield f"{snapshot.environment}: {resource['name']} lacks the tag azd-env-name"


def check_deployment_order(infra: Infra) -> Iterator[str]:
    """The page goes before the API, so that the API's new roles have reached storage; the workflow tries the API once more."""
    steps = {
        "azure.yaml": re.findall(r"^      - azd: (.+)$", infra.text("azure.yaml"), re.MULTILINE),
        "deploy-environment.yml": re.findall(
            r"^ +run: azd (provision|deploy [a-z-]+)\b", infra.workflows["deploy-environment.yml"], re.MULTILINE
        ),
    }
    for file, found in steps.items():
        if found != ["provision", "deploy web", "deploy api"]:
            yield f"{file} deploys in the order {found}"
    api = "azd deploy api --no-prompt"
    if not re.search(rf"run: {api} \|\| {{ sleep \d{{3}}; {api}; }}$", infra.workflows["deploy-environment.yml"], re.MULTILINE):
        yield "deploy-environment.yml does not try the API once more"


def check_production_is_asked_for(infra: Infra) -> Iterator[str]:
    """A push alone does not deploy production: not every plan of GitHub has reviewers for it, and it may not be set up."""
    job = infra.workflows["deploy.yml"].partition("\n  prod:\n")[2]
    if "\n    if: inputs.prod || vars.DEPLOY_PROD == 'true'\n" not in f"\n{job}":
        yield "deploy.yml deploys prod unasked"
    if not re.search(r"^ +prod:\n(?: +.*\n)*? +default: false$", infra.workflows["deploy.yml"], re.MULTILINE):
        yield "deploy.yml takes prod as asked for by default"


def check_actions(infra: Infra) -> Iterator[str]:
    """Actions of others run with our token: each is pinned by its commit, since a tag can be moved, and says its version."""
    for name, text in infra.workflows.items():
        used = re.findall(r"^\s*(?:- )?uses:[ \t]*(.*)$", text, re.MULTILINE)
        for action in used:
            if not re.fullmatch(r"\./\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action):
                yield f"{name} uses {action}, which names no commit with its version"


# The app's settings


class _Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(WEBSITE_HOSTNAME="func.example")
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


def settings_of_the_code() -> set[str]:
    """The names that shared/settings.py looks for."""
    asked = _Asked()
    Settings.from_environ(asked)
    return asked.names


def check_settings(infra: Infra) -> Iterator[str]:
    code = settings_of_the_code()
    yield from (f"{name} is listed as left out, but the code does not read it" for name in LEFT_OUT.keys() - code)
    for snapshot in infra.snapshots.values():
        given = snapshot.app_settings
        hub_settings = SCHEDULER_SETTINGS if _on_scheduler(snapshot) else STORAGE_HUB_SETTINGS
        platform = PLATFORM_SETTINGS.keys() | hub_settings.keys()
        if _signs_in(snapshot):
            platform |= SIGN_IN_SETTINGS.keys()
        where = snapshot.environment
        yield from (f"{where}: {name} is not set" for name in sorted(code - given.keys() - LEFT_OUT.keys() - OPTIONAL))
        yield from (f"{where}: {name} is not set" for name in sorted(platform - given.keys()))
        yield from (f"{where}: nobody reads {name}" for name in sorted(given.keys() - code - platform))
        yield from (f"{where}: {name} is not to be set" for name in sorted(given.keys() & LEFT_OUT.keys()))
        yield from (f"{where}: Flex Consumption refuses {name}" for name in sorted(given.keys() & FORBIDDEN_SETTINGS))
        yield from (f"{where}: {name} comes too late" for name in sorted(given) if re.fullmatch(READ_AT_START, name))
        if where == "dev":
            yield from (f"{where}: {name} is set, though nothing asks for it" for name in sorted(given.keys() & OPTIONAL))
        site = snapshot.one("Microsoft.Web/sites")["properties"]["siteConfig"]
        yield from (f"{where}: siteConfig.{name} is not to be set" for name in sorted(site.keys() & FORBIDDEN_SITE_CONFIG))
        yield from (f"{where}: {name} looks like a key" for name, value in sorted(given.items()) if _looks_like_a_key(value))
        marker = {"WEBSITE_AUTH_ENABLED": "True"} if _signs_in(snapshot) else {}
        understood = Settings.from_environ({name: _plausible(name, value) for name, value in given.items()} | marker)
        yield from (f"{where}: {name} {problem}" for name, problem in understood.problems.items())
        if given.get("IMAGES_STORAGE_ACCOUNT") != _images_account(snapshot)["name"]:
            yield f"{where}: IMAGES_STORAGE_ACCOUNT names no account of this deployment"


def _signs_in(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The platform's sign-in, where it is on."""
    return [settings for settings in snapshot.all("Microsoft.Web/sites/config") if settings["properties"]["platform"]["enabled"]]


def check_defaults(infra: Infra) -> Iterator[str]:
    """Where no parameter is given, the app works as the code's defaults say."""
    for snapshot in infra.snapshots.values():
        if snapshot.environment != "dev":
            continue
        given = {name: value for name, value in snapshot.app_settings.items() if not value.startswith("[")}
        default, deployed = Settings.from_environ({}), Settings.from_environ(given)
        for field in vars(default).keys() - {"problems", "images_storage_account", "environment_secrets"}:
            if getattr(default, field) != getattr(deployed, field):
                yield f"{field} is {getattr(deployed, field)}, the code's default is {getattr(default, field)}"


def check_bounds(infra: Infra) -> Iterator[str]:
    """What a parameter allows, the code takes."""
    code = settings_of_the_code()
    bounds = re.findall(
        r"^@minValue\((\d+)\)\n(?:@maxValue\((\d+)\)\n)?param (\w+) int", infra.text("infra/main.bicep"), re.MULTILINE
    )
    for low, high, name in bounds:
        setting = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
        for value in filter(None, (low if int(low) else "", high)) if setting in code else ():
            problem = Settings.from_environ({setting: value}).problems.get(setting)
            if problem:
                yield f"{name} may be {value}, but {setting} {problem}"


def check_update_strategy(infra: Infra) -> Iterator[str]:
    """Executions end before their instance goes, unless an environment asks for another way."""
    for snapshot in infra.snapshots.values():
        strategy = (
            snapshot.one("Microsoft.Web/sites")["properties"]["functionAppConfig"].get("siteUpdateStrategy", {}).get("type")
        )
        if strategy != ("Recreate" if snapshot.environment == "options" else "RollingUpdate"):
            yield f"{snapshot.environment}: a deployment takes over by {strategy}"


def check_wiring(infra: Infra) -> Iterator[str]:
    """What an environment gives a parameter arrives in the setting of the same name."""
    code = settings_of_the_code()
    for snapshot in infra.snapshots.values():
        file = infra.text(f"infra/tests/{snapshot.environment}.bicepparam")
        for name, text, other in re.findall(r"^param (\w+) = (?:'([^'\n]*)'|(\w+))$", file, re.MULTILINE):
            setting, said = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper(), text or other
            there = snapshot.app_settings.get(setting)
            if setting in code and there != said:
                yield f"{snapshot.environment}: {setting} is {there}, its parameter {name} says {said}"


def check_models(infra: Infra) -> Iterator[str]:
    """Every kind has models to be made by, the code knows them, and they take as many images as the kind has."""
    known = {model.id: model for model in MODELS}
    for snapshot in infra.snapshots.values():
        settings = Settings.from_environ({k: v for k, v in snapshot.app_settings.items() if not v.startswith("[")})
        for kind in KINDS.values():
            for name in settings.models[kind.name]:
                if name not in known:
                    yield f"{snapshot.environment}: {kind.name} is made by {name}, which the code does not know"
                elif known[name].max_images < len(kind.images):
                    yield f"{snapshot.environment}: {kind.name} is made by {name}, which takes {known[name].max_images} images"


def check_sandbox(infra: Infra) -> Iterator[str]:
    """A sandbox is asked for, is never production, and has no key of a provider that could be used."""
    vault = infra.template["resources"]["keyVault"]["properties"]["parameters"]
    for name in ("replicateApiToken", "bflApiKey", "translatorKey", "webhookSigningKey"):
        if "if(parameters('sandbox'), createObject('value', '')" not in str(vault[name]):
            yield f"the vault of a sandbox is given {name}"
    for snapshot in infra.snapshots.values():
        given, where = snapshot.app_settings, snapshot.environment
        if (given.get("SANDBOX") == "true") is not (where == "options"):
            yield f"{where}: SANDBOX is {given.get('SANDBOX')}"
        if given.get("ENVIRONMENT_TYPE") != ("prod" if where == "prod" else "dev"):
            yield f"{where}: ENVIRONMENT_TYPE is {given.get('ENVIRONMENT_TYPE')}"
        settings = Settings.from_environ({name: _plausible(name, value) for name, value in given.items()})
        if settings.is_sandbox and (settings.key_vault_uri or "sandbox" not in settings.environment_secrets.values()):
            yield f"{where}: a sandbox knows keys"


def _takes_from_queue(snapshot: Snapshot) -> bool:
    return snapshot.app_settings.get("INTAKE_QUEUE") == "true"


def _on_scheduler(snapshot: Snapshot) -> bool:
    return bool(snapshot.all("Microsoft.DurableTask/schedulers"))


def _looks_like_a_key(value: str) -> bool:
    words = re.findall(r"[A-Za-z0-9+/_-]{32,}={0,2}", re.sub(r"reference\('[^']*'", "", value))
    return "AccountKey" in value or any(re.search(r"\d", word) and re.search(r"[A-Za-z]", word) for word in words)


def _plausible(name: str, value: str) -> str:
    """What Azure might make of an expression."""
    if not value.startswith("["):
        return value
    return "https://x.example" if name == "KEY_VAULT_URI" or name.endswith("Uri") or name == "ALLOWED_ORIGINS" else "x"


# Access


def check_roles(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        expected = NEEDED_ROLES | (DURABLE_ON_SCHEDULER if _on_scheduler(snapshot) else DURABLE_ON_STORAGE)
        if snapshot.environment == "prod":
            expected = expected | KEY_OPERATOR
        if _takes_from_queue(snapshot):
            expected = expected | INTAKE_ROLES
        given = [_role(snapshot, assignment) for assignment in snapshot.all("Microsoft.Authorization/roleAssignments")]
        for who, role, scope in sorted(expected - set(given)):
            yield f"{snapshot.environment}: {who} lacks {role} on {scope}"
        for who, role, scope in sorted(set(given) - expected):
            yield f"{snapshot.environment}: {who} has {role} on {scope} without need"
        yield from (f"{snapshot.environment}: {name} is given twice" for name, times in Counter(given).items() if times > 1)


def _role(snapshot: Snapshot, assignment: Mapping[str, Any]) -> tuple[str, str, str]:
    scope, _, _ = assignment["id"].rpartition("/providers/Microsoft.Authorization/")
    kind, name = scope.split("/")[-2:]
    if kind == "storageAccounts":
        kind = "images storage" if name == _images_account(snapshot)["name"] else "host storage"
    properties = assignment["properties"]
    role = properties["roleDefinitionId"].rsplit("/")[-1]
    identity = snapshot.one("Microsoft.ManagedIdentity/userAssignedIdentities")["id"]
    holder = "app" if identity in properties["principalId"] else "somebody"
    return holder, ROLES.get(role, role), kind


def check_trust(infra: Infra) -> Iterator[str]:
    """The workflow's principal may deploy into its group, and give the app's identity the app's roles; nothing beyond."""
    ran = trust.run(infra.path("infra/trust_github.sh"), infra.folder / "trust")
    if ran.code:
        yield f"trust_github.sh ends with {ran.code}: {ran.said}"
        return
    group = {("Contributor", trust.GROUP), ("Role Based Access Control Administrator", trust.GROUP)}
    allowed = group | {(trust.DEPLOYMENT, trust.SUBSCRIPTION)}
    yield from (f"trust_github.sh gives {role} on {scope}" for role, scope in sorted(set(ran.given) - allowed))
    yield from (f"trust_github.sh does not give {role} on {scope}" for role, scope in sorted(allowed - set(ran.given)))
    condition = ran.given.get(("Role Based Access Control Administrator", trust.GROUP), {}).get("--condition", "")
    named = set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", condition)) - {trust.APP_IDENTITY}
    yield from (f"trust_github.sh lets {ROLES.get(role, role)} be given" for role in sorted(named - APP_ROLES))
    yield from (f"trust_github.sh does not let {ROLES[role]} be given" for role in sorted(APP_ROLES - named))
    if condition.count(trust.APP_IDENTITY) != 2:
        yield "trust_github.sh lets roles be given to others than the app"
    subjects = [
        json.loads(made["--parameters"])["subject"] for made in ran.all("az", "ad", "app", "federated-credential", "create")
    ]
    if subjects != [f"{trust.IMMUTABLE}:environment:dev"]:
        yield f"trust_github.sh believes {subjects}, GitHub says {trust.IMMUTABLE}:environment:dev"


def check_storage(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        where = snapshot.environment
        for account in snapshot.all("Microsoft.Storage/storageAccounts"):
            for name, right in {
                "allowSharedKeyAccess": False, "allowBlobPublicAccess": False, "supportsHttpsTrafficOnly": True,
                "allowCrossTenantReplication": False, "defaultToOAuthAuthentication": True,
            }.items():  # fmt: skip
                if account["properties"].get(name) is not right:
                    yield f"{where}: {account['name']}: {name} is not {right}"
        containers: dict[str, set[str]] = {}
        for container in snapshot.all("Microsoft.Storage/storageAccounts/blobServices/containers"):
            account_name, _, name = container["name"].split("/")
            containers.setdefault(account_name, set()).add(name)
            if container["properties"].get("publicAccess") != "None":
                yield f"{where}: container {name} is open to the public"
        images, host = _images_account(snapshot)["name"], _host_account(snapshot)["name"]
        known = {IMAGES, DOCUMENTS} | ({INTAKE} if _takes_from_queue(snapshot) else set())
        if containers.get(images) != known:
            yield f"{where}: the code uses {', '.join(sorted(known))}, the account has {sorted(containers.get(images, set()))}"
        queues = {queue["name"] for queue in snapshot.all("Microsoft.Storage/storageAccounts/queueServices/queues")}
        wanted = {f"{host}/default/{name}" for name in (REQUESTS, RESULTS, POISON)} if _takes_from_queue(snapshot) else set()
        if queues != wanted:
            yield f"{where}: the code uses the queues {sorted(wanted)}, there are {sorted(queues)}"
        site = snapshot.one("Microsoft.Web/sites")["properties"]
        if DOCUMENTS not in containers.get(host, set()):
            yield f"{where}: gates and counters have no container in the host's account"
        package = site["functionAppConfig"]["deployment"]["storage"]["value"]
        if not any(f"'{name}')" in package for name in containers.get(host, set())):
            yield f"{where}: the package goes to a container that does not exist"


def check_retention(infra: Infra) -> Iterator[str]:
    """Pictures, jobs and what belongs to them go after their days. What has no age stays, where a write leaves no copy."""
    for snapshot in infra.snapshots.values():
        where, host = snapshot.environment, _host_account(snapshot)["name"]
        days = int(snapshot.app_settings["RETENTION_DAYS"])
        rules: dict[str, Any] = {}
        for policy in snapshot.all("Microsoft.Storage/storageAccounts/managementPolicies"):
            if policy["name"].startswith(f"{host}/"):
                yield f"{where}: a rule deletes gates and counters by their age"
            for rule in policy["properties"]["policy"]["rules"]:
                action = rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
                rules |= {prefix: action for prefix in rule["definition"]["filters"].get("prefixMatch", [""]) if rule["enabled"]}
        kept = [gate_name("bfl"), owner_name("o"), key_name("o", "goods-gen", "k"), mark_name("job_1")]
        kept += [expected_name("job_1"), versions_name("o")]
        going = [job_name("job_1"), submission_name("job_1", 0, 1), prediction_name("replicate", "p"), folder_of("o")]
        for name in (f"{DOCUMENTS}/{name}" for name in kept):
            yield from (f"{where}: {name} is deleted with {prefix}" for prefix in sorted(rules) if name.startswith(prefix))
        pictures = [f"{IMAGES}/{name}" for name in ("pictures/x", "sent/x", "job_1/output/0.png")]
        for name in [*pictures, *(f"{DOCUMENTS}/{name}" for name in going)]:
            if [after for prefix, after in rules.items() if name.startswith(prefix)] != [days]:
                yield f"{where}: RETENTION_DAYS is {days}, {name} is deleted after {rules}"
        if rules.get(f"{INTAKE}/") != 7:
            yield f"{where}: what producers upload is deleted after {rules}"
        if rules.get(f"{IMAGES}/{UPLOADS}") != min(7, days):
            yield f"{where}: uploads are deleted after {rules}"
        for service in snapshot.all("Microsoft.Storage/storageAccounts/blobServices"):
            is_kept, is_host = service["properties"]["deleteRetentionPolicy"]["enabled"], service["name"].startswith(f"{host}/")
            if is_host and is_kept:
                yield f"{where}: soft delete keeps a copy of every write of a gate"
            if not is_host and is_kept != (where != "options"):
                yield f"{where}: deleted pictures can be recovered: {is_kept}"


def check_vault(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        where = snapshot.environment
        properties = snapshot.one("Microsoft.KeyVault/vaults")["properties"]
        if not (properties.get("enableRbacAuthorization") and properties.get("enableSoftDelete")):
            yield f"{where}: the vault lacks RBAC or soft delete"
        if properties.get("enablePurgeProtection") != (True if where == "prod" else None):
            yield f"{where}: purge protection is {properties.get('enablePurgeProtection')}"
        audit = [setting["properties"]["workspaceId"] for setting in snapshot.all("Microsoft.Insights/diagnosticSettings")]
        if audit != [snapshot.one("Microsoft.OperationalInsights/workspaces")["id"]]:
            yield f"{where}: who reads keys is recorded in {audit}"
        secrets = {resource["name"].split("/")[1] for resource in snapshot.all("Microsoft.KeyVault/vaults/secrets")}
        if secrets != set(VAULT_NAMES.values()):
            yield f"{where}: the code reads {sorted(VAULT_NAMES.values())}, the vault gets {sorted(secrets)}"


def check_cors(infra: Infra) -> Iterator[str]:
    """The host, which answers preflights, and the app, which exposes headers, allow the same pages; the portal tests as well."""
    for snapshot in infra.snapshots.values():
        where = snapshot.environment
        cors = snapshot.one("Microsoft.Web/sites")["properties"]["siteConfig"].get("cors") or {"allowedOrigins": []}
        origins = [origin[1:-1] if origin.startswith("[") else f"'{origin}'" for origin in cors["allowedOrigins"]]
        if "environment().portal" not in origins:
            yield f"{where}: the portal's Test/Run may not call the app"
        if "environment().portal" not in snapshot.app_settings.get("ALLOWED_ORIGINS", ""):
            yield f"{where}: the app refuses what the portal's Test/Run posts"
        if snapshot.app_settings.get("ALLOWED_ORIGINS") != f"[join(createArray({', '.join(origins)}), ',')]":
            yield f"{where}: the host answers preflights of {origins}, the app exposes headers to others"
        if cors.get("supportCredentials") is not False:
            yield f"{where}: cookies of other sites would be taken"
        named = re.findall(r"'(https?://[^']*)'", snapshot.app_settings.get("ALLOWED_ORIGINS", ""))
        yield from (f"{where}: {origin} is no origin" for origin in named if "{" not in origin and re.search(r"\*|/$", origin))


def check_sign_in(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        if not snapshot.all("Microsoft.Web/sites/config"):
            yield f"{snapshot.environment}: a sign-in that was on before stays on, since nothing says that it is off"
        auth = _signs_in(snapshot)
        mode = snapshot.app_settings.get("AUTH_MODE")
        if mode != ("easyauth" if auth else "none"):
            yield f"{snapshot.environment}: AUTH_MODE is {mode} with {len(auth)} authentication settings"
        for settings in auth:
            validation = settings["properties"]["globalValidation"]
            excluded = set(validation["excludedPaths"])
            yield from (f"{snapshot.environment}: {path} must not need a token" for path in sorted(OPEN_PATHS - excluded))
            yield from (f"{snapshot.environment}: {path} must need a token" for path in sorted(excluded - OPEN_PATHS))
            if validation["unauthenticatedClientAction"] != "Return401" or not validation["requireAuthentication"]:
                yield f"{snapshot.environment}: the platform lets callers in that are not signed in"
            provider = settings["properties"]["identityProviders"]["azureActiveDirectory"]["validation"]
            allowed = provider["defaultAuthorizationPolicy"].get("allowedApplications", [])
            page = snapshot.outputs["AUTH_PAGE_CLIENT"]
            if allowed and page not in allowed:
                yield f"{snapshot.environment}: the page signs in as {page}, whose tokens are not taken"
            if not snapshot.app_settings.get("WEBSITE_AUTH_AAD_ALLOWED_TENANTS"):
                yield f"{snapshot.environment}: tokens of every tenant are taken"


# What the types leave open


def check_open_enums(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        for kind, path, allowed in OPEN_ENUMS:
            for resource in snapshot.all(kind):
                value: Any = resource
                for part in path.split("."):
                    value = value.get(part) if isinstance(value, dict) else None
                if value not in allowed:
                    yield f"{snapshot.environment}: {resource['name']}: {path} is {value}"


def check_names(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        hub = snapshot.app_settings.get("AzureFunctionsJobHost__extensions__durableTask__hubName")
        for kind, pattern in NAMES.items():
            for resource in snapshot.all(kind):
                if not re.fullmatch(pattern, resource["name"]):
                    yield f"{snapshot.environment}: {kind} cannot be called {resource['name']}"
        for group in snapshot.all("Microsoft.Insights/actionGroups"):
            if len(group["properties"]["groupShortName"]) > 12:
                yield f"{snapshot.environment}: {group['properties']['groupShortName']} is longer than 12"
        for task_hub in snapshot.all("Microsoft.DurableTask/schedulers/taskHubs"):
            if task_hub["name"].split("/")[1] != hub:
                yield f"{snapshot.environment}: the host's task hub is {hub}, the scheduler's {task_hub['name']}"


def check_scale(infra: Infra) -> Iterator[str]:
    """What bounds and speeds up the app is what the parameters say, by default what host.json says."""
    durable = json.loads(infra.text("host.json"))["extensions"]["durableTask"]
    storage = durable["storageProvider"]
    if storage["maxQueuePollingInterval"] != "00:00:01":
        yield f"host.json: an idle queue is looked at every {storage['maxQueuePollingInterval']}"
    for snapshot in infra.snapshots.values():
        where, settings = snapshot.environment, snapshot.app_settings
        file = infra.text(f"infra/tests/{where}.bicepparam")
        given = {name: text or number for name, text, number in re.findall(r"^param (\w+) = (?:'(.*)'|(\d+))$", file, re.M)}
        usual = "1" if where == "prod" else "0"
        groups = {"durable": "alwaysReadyInstances", "http": "alwaysReadyHttpInstances"}
        wanted = {group: count for group, name in groups.items() if (count := int(given.get(name, usual)))}
        scale = snapshot.one("Microsoft.Web/sites")["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        ready = {group["name"]: group["instanceCount"] for group in scale["alwaysReady"]}
        if ready != wanted:
            yield f"{where}: always ready are {ready}, the parameters say {wanted}"
        partitions = given.get("partitionCount", str(storage["partitionCount"]))
        if not _on_scheduler(snapshot) and settings.get(PARTITIONS) != partitions:
            yield f"{where}: the task hub gets {settings.get(PARTITIONS)} partitions, it should have {partitions}"
        hub, name = given.get("taskHubName", durable["hubName"]), "AzureFunctionsJobHost__extensions__durableTask__hubName"
        if settings.get(name) != hub:
            yield f"{where}: the task hub is called {settings.get(name)}, it should be {hub}"
        threads = int(settings.get("PYTHON_THREADPOOL_THREAD_COUNT", "0"))
        if threads < durable["maxConcurrentActivityFunctions"]:
            yield f"{where}: {threads} threads serve {durable['maxConcurrentActivityFunctions']} activities"


def check_api_versions(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        for kind, version in sorted({(resource["type"], resource["apiVersion"]) for resource in snapshot.resources}):
            if API_VERSIONS.get(kind) != version:
                yield f"{snapshot.environment}: {kind}@{version} has not been looked at"


# What operators see


def check_alerts(infra: Infra) -> Iterator[str]:
    queries = {query.text: query for query in kql.query_files(infra.folder)}
    analyses = _analyses(infra)
    for snapshot in infra.snapshots.values():
        where = snapshot.environment
        groups = {group["id"]: group for group in snapshot.all("Microsoft.Insights/actionGroups")}
        rules = snapshot.all("Microsoft.Insights/scheduledQueryRules")
        used = set()
        for rule in rules:
            properties = rule["properties"]
            title, criterion = properties["displayName"], _criterion(rule)
            if properties["enabled"] != (where != "dev"):
                yield f"{where}: {title} is switched {'on' if properties['enabled'] else 'off'}"
            if properties["severity"] != SEVERITIES.get(title[:2]):
                yield f"{where}: {title} has severity {properties['severity']}"
            for group in properties["actions"]["actionGroups"] or [""]:
                if not (group in groups and f"-{title[:2].lower()}-" in groups[group]["name"]):
                    yield f"{where}: {title} is told to {group or 'nobody'}"
            text = _as_in_its_file(criterion["query"])
            if text not in queries:
                yield f"{where}: {title} asks what is in no file"
                continue
            used.add(text)
            columns = analyses[queries[text].where].columns
            wanted = [dimension["name"] for dimension in criterion["dimensions"]] + [criterion["metricMeasureColumn"]]
            yield from (f"{where}: {title}: there is no column {name}" for name in wanted if name and name not in columns)
            if (criterion["timeAggregation"] == "Count") is not (criterion["metricMeasureColumn"] is None):
                yield f"{where}: {title} compares {criterion['timeAggregation']} of {criterion['metricMeasureColumn']}"
            if criterion["operator"] != "GreaterThan":
                yield f"{where}: {title} compares with {criterion['operator']}"
        off = set() if _takes_from_queue(snapshot) else {"infra/queries/intake-poison.kql"}
        asked = {query.where for text, query in queries.items() if text in used}
        yield from (f"{where}: no alert asks {name}" for name in sorted({q.where for q in queries.values()} - asked - off))
        yield from (f"{where}: {name} is watched, and is off" for name in sorted(asked & off))
        if {rule["properties"]["severity"] for rule in rules} != set(SEVERITIES.values()) or len(groups) != len(SEVERITIES):
            yield f"{where}: not every severity has alerts and somebody who is told"
        if where != "options":
            thresholds = {name: _criterion(rule)["threshold"] for name, rule in _rules(snapshot)}
            for name, target in TARGETS.items():
                if thresholds.get(name) != target:
                    yield f"{where}: the target of {name} is {target}, the alert is raised above {thresholds.get(name)}"


def check_targets(infra: Infra) -> Iterator[str]:
    """Alerts by kind and model look their targets up in one table, which fits what the code knows of its models."""
    for snapshot in infra.snapshots.values():
        tables = _tables(snapshot)
        told = [kql.Query(name, _criterion(rule)["query"]) for name, rule in _rules(snapshot) if name in tables]
        for name, analysis in kql.analyse(told).items():
            yield from (f"{snapshot.environment}: the alert {name}, with its targets: {problem}" for problem in analysis.problems)
        for name in sorted(BY_MODEL):
            if tables.get(name, {}) != _targets(snapshot):
                yield f"{snapshot.environment}: the alert {name} has not the targets of the others"
    if "dev" in infra.snapshots:
        yield from _usual_targets(_targets(infra.snapshots["dev"]))
    if infra.snapshots.keys() >= {"dev", "options"}:
        usual, changed = (_targets(infra.snapshots[name]) for name in ("dev", "options"))
        given = infra.text("infra/tests/options.bicepparam").partition("models: {")[2]
        for name, target, number in re.findall(r"'([\w/.-]+)': \{ (\w+): (\d+) \}", given):
            if changed.get(name, {}) != usual.get(name, {}) | {target: int(number)}:
                yield f"options: the target {target} of {name} is {number}, the table has {changed.get(name)}"


def _usual_targets(table: dict[str, dict[str, int]]) -> Iterator[str]:
    for name, row in TARGETS_OF_KINDS.items():
        for target, value in row.items():
            if table.get(name, {}).get(target) != value:
                yield f"the target {target} of {name} is {value}, the table has {table.get(name, {}).get(target)}"
    rows = {"default", *KINDS, *(model.id for model in MODELS), *(f"{kind}/{model.id}" for kind in KINDS for model in MODELS)}
    yield from (f"the table of targets has no row for {kind}" for kind in sorted({"default", *KINDS} - table.keys()))
    yield from (f"the table of targets has a row for {name}, which is no model" for name in sorted(table.keys() - rows))
    for kind, model in ((kind, model) for kind in KINDS.values() for model in MODELS if model.max_images >= len(kind.images)):
        name, price = f"{kind.name}/{model.id}", 100 * model.price_usd(len(kind.images))
        row = {key: value for source in ("default", kind.name, model.id, name) for key, value in table.get(source, {}).items()}
        mean, p95, cents = (row.get(key, 0) for key in ("meanSeconds", "p95Seconds", "predictionCents"))
        if not 2 * model.expected_seconds <= mean < p95:
            yield f"{name} usually takes {model.expected_seconds} s, its targets are {mean} and {p95} s"
        if not price < cents:
            yield f"{name} costs {price:.1f} cents by the list, its target is {cents}"


def _rules(snapshot: Snapshot) -> Iterator[tuple[str, dict[str, Any]]]:
    """Log alerts by their names in alerts.bicep."""
    for rule in snapshot.all("Microsoft.Insights/scheduledQueryRules"):
        yield rule["name"].rsplit("-", 1)[0].removeprefix("alert-"), rule


def _tables(snapshot: Snapshot) -> dict[str, dict[str, dict[str, int]]]:
    """The tables of targets that were put into queries, by alert."""
    found = ((name, re.search(_TABLE, _criterion(rule)["query"], re.MULTILINE)) for name, rule in _rules(snapshot))
    return {name: json.loads(table.group(1)) for name, table in found if table}


def _targets(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    return _tables(snapshot).get("job-duration-p95", {})


def _as_in_its_file(query: str) -> str:
    """A deployed query without its table of targets."""
    return re.sub(_TABLE, "let targets = dynamic({});", query, flags=re.MULTILINE)


def check_by_model(infra: Infra) -> Iterator[str]:
    """What differs by model is told, compared and alerted by kind and model."""
    analyses = _analyses(infra)
    for name in sorted(BY_MODEL):
        missing = {"job_kind", "model", "percent_of_target"} - set(analyses[f"infra/queries/{name}.kql"].columns)
        yield from (f"infra/queries/{name}.kql has no column {column}" for column in sorted(missing))
    for snapshot in infra.snapshots.values():
        for name, rule in _rules(snapshot):
            criterion = _criterion(rule)
            split = {dimension["name"] for dimension in criterion["dimensions"]}
            if name in BY_MODEL and (split != {"job_kind", "model"} or criterion["threshold"] != 100):
                yield f"{snapshot.environment}: the alert {name} compares {sorted(split)} with {criterion['threshold']}"
    tiles = {query.where.rsplit(": ")[-1]: query.text for query in kql.workbook_queries(infra.folder)}
    for name in sorted(TILES_BY_MODEL):
        for field in ("kind", "model"):
            if f"Properties.{field})" not in tiles.get(name, ""):
                yield f"workbook: {name} does not tell {field}s apart"


def _criterion(rule: Mapping[str, Any]) -> dict[str, Any]:
    criterion: dict[str, Any] = rule["properties"]["criteria"]["allOf"][0]
    return criterion


def check_availability(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        test = snapshot.one("Microsoft.Insights/webtests")
        alert = snapshot.one("Microsoft.Insights/metricAlerts")["properties"]
        component = snapshot.one("Microsoft.Insights/components")["id"]
        if "{0}/api/health'" not in test["properties"]["Request"]["RequestUrl"]:
            yield f"{snapshot.environment}: the availability test asks {test['properties']['Request']['RequestUrl']}"
        if f"hidden-link:{component}" not in test["tags"]:
            yield f"{snapshot.environment}: the availability test is not linked to Application Insights"
        if alert["scopes"] != [test["id"], component] or not alert["actions"] or alert["severity"] != SEVERITIES["P1"]:
            yield f"{snapshot.environment}: nobody is told that the app is out of reach"
        if alert["enabled"] != (snapshot.environment != "dev") or test["properties"]["Enabled"] != alert["enabled"]:
            yield f"{snapshot.environment}: availability is watched: {alert['enabled']}"


def check_workbook(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        content = snapshot.one("Microsoft.Insights/workbooks")["properties"]["serializedData"]
        if re.search(r"__[A-Z_]+__", content):
            yield f"{snapshot.environment}: a placeholder of the workbook was not filled in"
        items = {item["name"]: item["content"] for item in json.loads(content)["items"]}
        workspace = snapshot.one("Microsoft.OperationalInsights/workspaces")["id"]
        for name, item in items.items():
            if "query" in item and item["crossComponentResources"] != [workspace]:
                yield f"{snapshot.environment}: workbook: {name} searches elsewhere"


def check_starting_again(infra: Infra) -> Iterator[str]:
    """Alerts and workbook tell of every event of a story that dies, and know how often one is started again."""
    files = {query.where.rsplit("/")[-1].removesuffix(".kql"): query.text for query in kql.query_files(infra.folder)}
    last = [int(number) for number in re.findall(r"Properties\.starts\) >= (\d+)", files["last-start"])]
    if last != [MAX_STARTS]:
        yield f"a job is started again {MAX_STARTS} times, the alert of the last start looks for {last}"
    for name, event in {"restarts": "job_restarted", "last-start": "job_at_last_start", "given-up": "job_given_up"}.items():
        if event not in kql.events_in(files[name]):
            yield f"infra/queries/{name}.kql does not look for {event}"
    tiles = {query.where.rsplit(": ")[-1]: kql.events_in(query.text) for query in kql.workbook_queries(infra.folder)}
    for tile, events in TOLD.items():
        yield from (f"workbook: {tile} does not tell of {event}" for event in sorted(events - tiles.get(tile, set())))


def check_telemetry(infra: Infra) -> Iterator[str]:
    """What is sent is what the app tells, and what goes wrong elsewhere."""
    for snapshot in infra.snapshots.values():
        sent = snapshot.app_settings.get("PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME")
        if sent != LOGGER:
            yield f"{snapshot.environment}: the worker sends the log records of {sent or 'every logger'}, the app's is {LOGGER}"
    host = json.loads(infra.text("host.json"))
    levels = host["logging"]["logLevel"]
    if host.get("telemetryMode") != "OpenTelemetry":
        yield "host.json: the host does not leave the app's records to the worker, so that each arrives twice"
    for category, level in levels.items():
        # Of the app's own records the host sends none, since the worker does; they are in its log stream.
        if level not in ("Warning", "Error", "Critical", "None") and category != "Function":
            yield f"host.json: {category} tells of everything ({level}), job by job"
    if "default" not in levels:
        yield "host.json: categories that it does not name tell of everything"


def check_counts(infra: Infra) -> Iterator[str]:
    """Queries count what sampled rows stand for, and requests as requests."""
    for query in kql.query_files(infra.folder) + kql.workbook_queries(infra.folder):
        yield from (f"{query.where}: {said}" for said in [*kql.uncounted(query), *kql.miscounted_requests(query)])
    for snapshot in infra.snapshots.values():
        for name, rule in _rules(snapshot):
            criterion = _criterion(rule)
            if criterion["metricMeasureColumn"] is None and criterion["threshold"] > 0:
                yield f"{snapshot.environment}: the alert {name} compares a number of rows with {criterion['threshold']}"


#: Alerts that watch over the watching, and over what comes of a 202: what they must look for.
WATCHED = {
    "not-begun": ["'job_accepted'", "ago(5m)", "followed == 0"],
    "daily-cap": ["_LogOperation", "'OverQuota'"],
    "spending-near-limit": ["'spending_near_limit'"],
}


def check_silence(infra: Infra) -> Iterator[str]:
    for snapshot in infra.snapshots.values():
        rules = dict(_rules(snapshot))
        for name, words in WATCHED.items():
            query = _criterion(rules[name])["query"] if name in rules else ""
            yield from (f"{snapshot.environment}: no alert {name} looks for {word}" for word in words if word not in query)
            if name in rules and _criterion(rules[name])["threshold"]:
                yield f"{snapshot.environment}: the alert {name} waits for more than one"


def check_queries(infra: Infra) -> Iterator[str]:
    """Every query can be run, and names only events, metrics, fields, codes and states that the app has."""
    for where, analysis in _analyses(infra).items():
        yield from (f"{where}: {problem}" for problem in analysis.problems)
    for query in kql.query_files(infra.folder) + kql.workbook_queries(infra.folder):
        yield from (f"{query.where}: the app has no {word}" for word in kql.unknown_words(query))


@functools.cache
def _analyses(infra: Infra) -> dict[str, kql.Analysis]:
    return kql.analyse(kql.query_files(infra.folder) + kql.workbook_queries(infra.folder))


def _images_account(snapshot: Snapshot) -> dict[str, Any]:
    return snapshot.one("Microsoft.Storage/storageAccounts", "stimages")


def _host_account(snapshot: Snapshot) -> dict[str, Any]:
    return snapshot.one("Microsoft.Storage/storageAccounts", "sthost")


CHECKS: list[Check] = [check for name, check in sorted(globals().items()) if name.startswith("check_")]
