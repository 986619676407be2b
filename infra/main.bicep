metadata description = 'ToonConnect image generation: a resource group with the app, its storage and keys, the page, and what watches over them.'

targetScope = 'subscription'

import { thresholdsType } from 'app/alerts.bicep'

// What and where

@description('Required. Name of the environment: azd\'s, and part of the names of all resources.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Required. Region: one that has Flex Consumption.')
@metadata({ azd: { type: 'location' } })
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
param location string

@description('Optional. Region of the page: static sites exist in a few only, and are served from near their readers anyway.')
@allowed(['centralus', 'eastasia', 'eastus2', 'westeurope', 'westus2'])
param pageLocation string = 'eastasia'

@description('Optional. What the environment is for. It decides the defaults of purge protection, redundancy, instances that always wait, alerts and log volume.')
@allowed(['dev', 'prod'])
param environmentType string = 'dev'

@description('Optional. Whether simulators stand in for the providers: every picture is a sample, and no key is used. Refused for production.')
param sandbox bool = false

// Keys

@description('Optional. Key of Replicate, to be put into the vault. Blank leaves the stored one as it is.')
@secure()
param replicateApiToken string = ''

@description('Optional. Key of Black Forest Labs, to be put into the vault. Blank leaves the stored one as it is.')
@secure()
param bflApiKey string = ''

@description('Optional. Key of the translator, to be put into the vault. Blank leaves the stored one as it is.')
@secure()
param translatorKey string = ''

@description('Optional. Key that the secrets of webhook receivers are made of, to be put into the vault. Blank leaves the stored one as it is.')
@secure()
param webhookSigningKey string = ''

@description('Optional. Object id of the person or group that may write keys into the vault. Blank: nobody is given that role.')
param keyOperatorId string = ''

@description('Optional. What that object id is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param keyOperatorType string = 'User'

@description('Optional. Whether nobody can purge the vault before its 90 days are over. It cannot be turned off again.')
param purgeProtection bool = environmentType == 'prod'

// Who may call

@description('Optional. Application (client) id of the API\'s app registration. Given, callers must sign in; blank, everybody may call.')
param authClientId string = ''

@description('Optional. Issuer of the tokens; this tenant\'s unless given.')
param authIssuer string = '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'

@description('Optional. Tenants whose tokens are taken; this one unless given.')
param authAllowedTenants string[] = [tenant().tenantId]

@description('Optional. Application (client) id that the page signs in with; the API\'s own unless given.')
param authPageClientId string = authClientId

@description('Optional. Client ids of the applications whose tokens are taken; empty takes those of every application.')
param authAllowedApplications string[] = []

@description('Optional. Further origins, beside the page\'s own, from which browsers may call.')
param extraAllowedOrigins string[] = []

// How the app works: the defaults are those of the code

@description('Optional. Days that images, documents and links of a job are kept.')
@minValue(1)
@maxValue(3650)
param retentionDays int = 30

@description('Optional. Days in which a deleted image or job document can be recovered by an operator; 0 deletes at once.')
@minValue(0)
@maxValue(365)
param softDeleteDays int = 7

@description('Optional. Minutes that a signed link works.')
@minValue(1)
@maxValue(10080)
param sasTtlMinutes int = 60

@description('Optional. Seconds between the first looks at a prediction.')
@minValue(1)
@maxValue(60)
param pollIntervalSeconds int = 1

@description('Optional. Looks at a prediction.')
@minValue(1)
@maxValue(10000)
param pollMaxAttempts int = 120

@description('Optional. Seconds from submit after which a job fails with generation_timeout.')
@minValue(1)
@maxValue(86400)
param generationTimeoutSeconds int = 120

@description('Optional. Seconds that a job waits for a slot at its provider.')
@minValue(1)
@maxValue(86400)
param queueTimeoutSeconds int = 600

@description('Optional. Predictions that run at Black Forest Labs at once, of all models together: the limit of the account.')
@minValue(1)
@maxValue(10000)
param bflMaxActive int = 24

@description('Optional. How many of them may be of flux-kontext-max, which Black Forest Labs limits by itself.')
@minValue(1)
@maxValue(10000)
param bflKontextMaxActive int = 6

@description('Optional. Predictions that run at Replicate at once.')
@minValue(1)
@maxValue(10000)
param replicateMaxActive int = 50

@description('Optional. Bytes that an uploaded file may have: two of the largest fit into the 104857600 that the Functions host takes of a request.')
@minValue(1024)
@maxValue(52297728)
param maxUploadBytes int = 5242880

@description('Optional. Megabytes that decoding an upload may take; formats that need more for a pixel are taken with fewer pixels.')
@minValue(100)
@maxValue(10000)
param decodeMemoryMB int = instanceMemoryMB == 512 ? 150 : 400

@description('Optional. Jobs that one caller may have running; 0 sets no limit.')
@minValue(0)
param maxActiveJobsPerOwner int = 0

@description('Optional. Jobs that one caller may start in a day; 0 sets no limit.')
@minValue(0)
param dailyJobsPerOwner int = 0

@description('Optional. Jobs that all callers together may have running; 0 sets no limit.')
@minValue(0)
param maxActiveJobs int = 0

@description('Optional. Jobs that all callers together may start in a day; 0 sets no limit.')
@minValue(0)
param dailyJobs int = 0

@description('Optional. Dollars that one caller may spend in a day, like 2.50; blank sets no limit.')
param dailyUsdPerOwner string = ''

@description('Optional. Dollars that one caller may spend in a month; blank sets no limit.')
param monthlyUsdPerOwner string = ''

@description('Optional. Dollars that all callers together may spend in a day; blank sets no limit.')
param dailyUsd string = ''

@description('Optional. Dollars that all callers together may spend in a month; blank sets no limit.')
param monthlyUsd string = ''

@description('Optional. Whether both generate routes answer with the image itself, as the old services did.')
param syncResponses bool = false

@description('Optional. Ids of the models that make PPL pictures, separated by commas: the first is the default, the next ones make a picture when those before cannot. Blank: replicateModel, then what pplFallback says.')
param pplModels string = ''

@description('Optional. The same of goods pictures. Blank: bflModel.')
param goodsModels string = ''

@description('Optional. Whether providers get images as short-lived signed links instead of inside the request. Blank: where storage is public, as it is here.')
@allowed(['', 'true', 'false'])
param imagesByLink string = ''

@description('Optional. The old form of a second model in pplModels: who makes a PPL picture when Replicate cannot.')
@allowed(['none', 'bfl'])
param pplFallback string = 'none'

@description('Optional. What jobs do while a provider is left alone after failures: wait for it, or fail at once.')
@allowed(['wait', 'fail'])
param providerDown string = 'wait'

@description('Optional. How pictures say that they were generated.')
@allowed(['metadata', 'visible'])
param aiLabel string = 'metadata'

@description('Optional. Whether batch producers may put requests into a storage queue, with their images in a container beside it.')
param intakeQueue bool = false

@description('Conditional, with intakeQueue where callers sign in. Object id of who owns the jobs of queued requests, and fetches their pictures.')
param intakeOwner string = ''

@description('Optional. The old form of the first model in pplModels. Jobs of before there was a choice are made by it.')
param replicateModel string = 'flux-kontext-apps/multi-image-kontext-max'

@description('Optional. The old form of the first model in goodsModels. Jobs of before there was a choice are made by it.')
param bflModel string = 'flux-kontext-max'

@description('Optional. Public address of the API where it has a domain of its own; the app\'s own address unless given.')
param publicBaseUrl string = ''

@description('Optional. Address of the translator; without it prompts are sent as they are.')
param translatorEndpoint string = ''

@description('Optional. Region of the translator.')
param translatorRegion string = ''

// What it runs on

@description('Optional. Memory of an instance in megabytes.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Optional. Instances there may be at once.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. Instances that always wait for orchestrations and activities: a job begins at once, for about 20 dollars a month each.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = environmentType == 'prod' ? 1 : 0

@description('Optional. Instances that always wait for HTTP requests: the first one after a quiet time is answered at once, for about 20 dollars a month each.')
@minValue(0)
@maxValue(20)
param alwaysReadyHttpInstances int = environmentType == 'prod' ? 1 : 0

@description('Optional. HTTP requests that an instance serves at once.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('Optional. Threads of the Python worker, and as many again of the app for what blocks: requests to storage and providers, images.')
@minValue(1)
@maxValue(128)
param pythonThreads int = 32

@description('Optional. How a deployment takes over: RollingUpdate lets instances end what they do, with both versions at work meanwhile; Recreate cuts them off.')
@allowed(['RollingUpdate', 'Recreate'])
param updateStrategy string = 'RollingUpdate'

@description('Optional. Redundancy of both storage accounts.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = environmentType == 'prod' ? 'Standard_ZRS' : 'Standard_LRS'

@description('Optional. Where orchestrations live. Running ones do not move along when this is changed.')
@allowed(['azureStorage', 'durableTaskScheduler'])
param durableBackend string = 'azureStorage'

@description('Optional. Partitions of the task hub on Azure Storage: so many instances at most run orchestrations. Fixed once a hub exists: another number needs another taskHubName.')
@minValue(1)
@maxValue(16)
param partitionCount int = 4

@description('Optional. Name of the task hub: letters and digits, a letter first. Under another name there is a new, empty one; jobs under way begin again in it from their records.')
@minLength(3)
@maxLength(45)
param taskHubName string = loadJsonContent('../host.json').extensions.durableTask.hubName

@description('Optional. Region of the Durable Task Scheduler, which exists in fewer regions.')
param schedulerLocation string = location

// Who is told

@description('Optional. Whether alerts and the availability test, which wakes the app every five minutes, are switched on.')
param alertsEnabled bool = environmentType == 'prod'

@description('Optional. Addresses for P1: an answer within 15 minutes.')
param alertEmailsP1 string[] = []

@description('Optional. Addresses for P2: an answer within an hour.')
param alertEmailsP2 string[] = []

@description('Optional. Addresses for P3: an answer within four hours.')
param alertEmailsP3 string[] = []

@description('Optional. Figures above which alerts are raised, where they differ from the targets of operations.')
param alertThresholds thresholdsType = {}

@description('Optional. Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Optional. Gigabytes of logs a day after which no more is taken in.')
@minValue(1)
param logDailyQuotaGb int = environmentType == 'prod' ? 5 : 1

@description('Optional. Whether telemetry is taken from identities only. Older Durable extensions then send no traces.')
param disableLocalAuth bool = false

@description('Optional. Budget a month, in the currency of the subscription; 0 sets none.')
@minValue(0)
param monthlyBudget int = 0

@description('Conditional, with a budget. First day of the month in which it is made: Azure never lets it be changed.')
param budgetStartDate string = ''

// All names are made here, of what is known before the deployment: a preview can then show them.
var abbreviations = loadJsonContent('abbreviations.json')
var resourceToken = toLower(uniqueString(subscription().id, environmentName, location))
var names = {
  resourceGroup: '${abbreviations.resourcesResourceGroups}${environmentName}'
  identity: '${abbreviations.managedIdentityUserAssignedIdentities}${resourceToken}'
  hostStorage: '${abbreviations.storageStorageAccounts}host${resourceToken}'
  imagesStorage: '${abbreviations.storageStorageAccounts}images${resourceToken}'
  keyVault: '${abbreviations.keyVaultVaults}${resourceToken}'
  workspace: '${abbreviations.operationalInsightsWorkspaces}${resourceToken}'
  appInsights: '${abbreviations.insightsComponents}${resourceToken}'
  scheduler: '${abbreviations.durableTaskSchedulers}${resourceToken}'
  plan: '${abbreviations.webServerFarms}${resourceToken}'
  api: '${abbreviations.webSitesFunctions}api-${resourceToken}'
  page: '${abbreviations.webStaticSites}${resourceToken}'
  webTest: '${abbreviations.insightsWebTests}${resourceToken}'
  budget: '${abbreviations.consumptionBudgets}${resourceToken}'
}
var isProduction = environmentType == 'prod' || contains(toLower(environmentName), 'prod')
// Refused here because everything has these tags: nothing is made or changed before them.
var tags = {
  'azd-env-name': sandbox && isProduction
    ? fail('SANDBOX is not for production, where pictures would be samples: azd env set SANDBOX false')
    : environmentName
}

var packageContainer = 'app-package'
var onScheduler = durableBackend == 'durableTaskScheduler'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: names.resourceGroup
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  scope: group
  params: { name: names.identity, location: location, tags: tags }
}

module monitoring 'app/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: names.workspace
    appInsightsName: names.appInsights
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
    disableLocalAuth: disableLocalAuth
  }
}

module page 'app/web.bicep' = {
  scope: group
  params: { name: names.page, location: pageLocation, tags: tags }
}

var allowedOrigins = concat(
  [page.outputs.uri],
  map(extraAllowedOrigins, origin => endsWith(origin, '/') ? substring(origin, 0, max(0, length(origin) - 1)) : origin)
)

// The portal's Test/Run sends its origin too: the host must answer its preflights, and the app takes no POST of a page it does not know.
var callingOrigins = concat(allowedOrigins, [environment().portal])

// Two accounts: browsers must reach the images, while nobody but the host and the app has any business in the other. That one
// also holds the documents that are of no job and have no age (gates with an operator's pause, owners' counters): nothing is
// deleted there by its age, and without soft delete no write leaves a copy.
module hostStorage 'app/storage.bicep' = {
  scope: group
  params: {
    name: names.hostStorage
    location: location
    tags: tags
    sku: storageSku
    containers: [packageContainer, 'documents']
    queues: intakeQueue ? ['generation-requests', 'generation-results', 'generation-requests-poison'] : []
  }
}

module imagesStorage 'app/storage.bicep' = {
  scope: group
  params: {
    name: names.imagesStorage
    location: location
    tags: tags
    sku: storageSku
    containers: intakeQueue ? ['images', 'documents', 'intake'] : ['images', 'documents']
    // Pictures, jobs and the lists of jobs only. What else lies in documents (keys, marks of deleted jobs) the app itself deletes when its time is over.
    expiring: [
      { name: 'images', prefix: 'images/', days: retentionDays }
      // The app deletes uploads when their job has ended; this is for what it could not, and for when it is away for good.
      { name: 'uploads', prefix: 'images/uploads/', days: min(7, retentionDays) }
      { name: 'jobs', prefix: 'documents/jobs/', days: retentionDays }
      { name: 'predictions', prefix: 'documents/predictions/', days: retentionDays }
      // The rows of owners' lists are written when their jobs are, and when those end: they go with them.
      { name: 'index', prefix: 'documents/index/', days: retentionDays }
      // What producers upload is theirs, and is needed until its request is taken, at most the seven days that a message lives.
      { name: 'intake', prefix: 'intake/', days: 7 }
    ]
    softDeleteDays: softDeleteDays == 0 ? null : max(softDeleteDays, 1)
    allowedOrigins: allowedOrigins
  }
}

module keyVault 'app/key-vault.bicep' = {
  scope: group
  params: {
    name: names.keyVault
    location: location
    tags: tags
    purgeProtection: purgeProtection
    workspaceId: resourceId(
      subscription().subscriptionId,
      names.resourceGroup,
      'Microsoft.OperationalInsights/workspaces',
      names.workspace
    )
    // A sandbox has no use for a key, so that none is there to be used.
    replicateApiToken: sandbox ? '' : replicateApiToken
    bflApiKey: sandbox ? '' : bflApiKey
    translatorKey: sandbox ? '' : translatorKey
    webhookSigningKey: sandbox ? '' : webhookSigningKey
  }
  dependsOn: [monitoring]
}

module scheduler 'app/scheduler.bicep' = if (onScheduler) {
  scope: group
  params: {
    name: names.scheduler
    location: schedulerLocation
    tags: tags
    taskHubName: taskHubName
    // The plan Consumption keeps history for 30 days at most; the job's own document is what clients read.
    retentionDays: min(retentionDays, 30)
  }
}

module rbac 'app/rbac.bicep' = {
  scope: group
  params: {
    identityName: names.identity
    hostStorageName: names.hostStorage
    imagesStorageName: names.imagesStorage
    keyVaultName: names.keyVault
    appInsightsName: names.appInsights
    durableBackend: durableBackend
    intakeQueue: intakeQueue
    schedulerName: names.scheduler
    taskHubName: taskHubName
    keyOperatorId: keyOperatorId
    keyOperatorType: keyOperatorType
  }
  dependsOn: [identity, hostStorage, imagesStorage, keyVault, monitoring, scheduler]
}

// What the platform and the Functions host read
var hostSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.outputs.clientId
  AzureWebJobsStorage__blobServiceUri: hostStorage.outputs.blobEndpoint
  AzureWebJobsStorage__queueServiceUri: hostStorage.outputs.queueEndpoint
  AzureWebJobsStorage__tableServiceUri: hostStorage.outputs.tableEndpoint
  APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.outputs.clientId};Authorization=AAD'
  // The worker itself sets OpenTelemetry up.
  PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
  // They would record whole URLs, signed ones too, and a span for each storage call of each job.
  OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,psycopg2,requests,urllib,urllib3,httpx'
  // Whose log records it sends: the app's. Of all loggers, it would send what the sending itself logs, for ever.
  PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME: 'toonconnect'
  // Spans a second and instance; ItemCount says how many each stands for. Log records are sent, all of them.
  OTEL_TRACES_SAMPLER: 'microsoft.rate_limited'
  OTEL_TRACES_SAMPLER_ARG: '5'
  // Milliseconds. The process's own counters go along with each sending of metrics, whether anything happens or not.
  OTEL_METRIC_EXPORT_INTERVAL: '300000'
  // One more row with every batch of spans, of what each of them says anyway.
  APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED: 'true'
  PYTHON_THREADPOOL_THREAD_COUNT: string(pythonThreads)
  AZURE_CLIENT_ID: identity.outputs.clientId
  // Overrides what host.json says.
  AzureFunctionsJobHost__extensions__durableTask__hubName: taskHubName
}

// The platform's sign-in reads it: tokens of other tenants are refused, whatever the issuer allows.
var signInSettings = empty(authClientId) ? {} : { WEBSITE_AUTH_AAD_ALLOWED_TENANTS: join(authAllowedTenants, ',') }

// These override what host.json says of Azure Storage.
var hubSettings = onScheduler
  ? {
      AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureManaged'
      AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
      DURABLE_TASK_SCHEDULER_CONNECTION_STRING: 'Endpoint=${scheduler.?outputs.endpoint ?? ''};Authentication=ManagedIdentity;ClientID=${identity.outputs.clientId}'
    }
  : { AzureFunctionsJobHost__extensions__durableTask__storageProvider__partitionCount: string(partitionCount) }

// What shared/settings.py reads
var appSettings = {
  IMAGES_STORAGE_ACCOUNT: names.imagesStorage
  KEY_VAULT_URI: keyVault.outputs.uri
  REPLICATE_MODEL: replicateModel
  BFL_MODEL: bflModel
  POLL_INTERVAL_SECONDS: string(pollIntervalSeconds)
  POLL_MAX_ATTEMPTS: string(pollMaxAttempts)
  GENERATION_TIMEOUT_SECONDS: string(generationTimeoutSeconds)
  QUEUE_TIMEOUT_SECONDS: string(queueTimeoutSeconds)
  BFL_MAX_ACTIVE: string(bflMaxActive)
  BFL_KONTEXT_MAX_ACTIVE: string(bflKontextMaxActive)
  REPLICATE_MAX_ACTIVE: string(replicateMaxActive)
  MAX_UPLOAD_BYTES: string(maxUploadBytes)
  DECODE_MEMORY_MB: string(decodeMemoryMB)
  RETENTION_DAYS: string(retentionDays)
  SAS_TTL_MINUTES: string(sasTtlMinutes)
  ALLOWED_ORIGINS: join(callingOrigins, ',')
  SYNC_RESPONSES: syncResponses ? 'true' : 'false'
  AUTH_MODE: empty(authClientId) ? 'none' : 'easyauth'
  PPL_FALLBACK: pplFallback
  PROVIDER_DOWN: providerDown
  AI_LABEL: aiLabel
  ENVIRONMENT_TYPE: environmentType
  SANDBOX: sandbox ? 'true' : 'false'
}

// The same, left out where blank
var optionalSettings = {
  PPL_MODELS: pplModels
  GOODS_MODELS: goodsModels
  IMAGES_BY_LINK: imagesByLink
  INTAKE_QUEUE: intakeQueue ? 'true' : ''
  INTAKE_OWNER: intakeOwner
  PUBLIC_BASE_URL: publicBaseUrl
  MAX_ACTIVE_JOBS_PER_OWNER: maxActiveJobsPerOwner == 0 ? '' : string(maxActiveJobsPerOwner)
  DAILY_JOBS_PER_OWNER: dailyJobsPerOwner == 0 ? '' : string(dailyJobsPerOwner)
  MAX_ACTIVE_JOBS: maxActiveJobs == 0 ? '' : string(maxActiveJobs)
  DAILY_JOBS: dailyJobs == 0 ? '' : string(dailyJobs)
  DAILY_USD_PER_OWNER: dailyUsdPerOwner
  MONTHLY_USD_PER_OWNER: monthlyUsdPerOwner
  DAILY_USD: dailyUsd
  MONTHLY_USD: monthlyUsd
  TRANSLATOR_ENDPOINT: translatorEndpoint
  TRANSLATOR_REGION: translatorRegion
}
var givenSettings = toObject(
  filter(items(optionalSettings), setting => !empty(setting.value)),
  setting => setting.key,
  setting => setting.value
)

module api 'app/api.bicep' = {
  scope: group
  params: {
    planName: names.plan
    name: names.api
    location: location
    tags: tags
    identityName: names.identity
    deploymentStorageEndpoint: hostStorage.outputs.blobEndpoint
    deploymentContainerName: packageContainer
    appSettings: union(hostSettings, hubSettings, signInSettings, appSettings, givenSettings)
    allowedOrigins: callingOrigins
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    alwaysReadyHttpInstances: alwaysReadyHttpInstances
    httpConcurrency: httpConcurrency
    updateStrategy: updateStrategy
    authClientId: authClientId
    authIssuer: authIssuer
    // The page is one of them where only some are taken.
    authAllowedApplications: empty(authAllowedApplications) ? [] : union(authAllowedApplications, [authPageClientId])
  }
  // The host opens its storage with these roles the moment the app exists.
  dependsOn: [rbac]
}

module alerts 'app/alerts.bicep' = {
  scope: group
  params: {
    actionGroupPrefix: abbreviations.insightsActionGroups
    alertPrefix: abbreviations.insightsScheduledQueryRules
    webTestName: names.webTest
    resourceToken: resourceToken
    location: location
    tags: tags
    workspaceName: names.workspace
    appInsightsName: names.appInsights
    apiUri: api.outputs.uri
    enabled: alertsEnabled
    emailsP1: alertEmailsP1
    emailsP2: alertEmailsP2
    emailsP3: alertEmailsP3
    thresholds: alertThresholds
    intakeQueue: intakeQueue
  }
}

module workbook 'app/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    title: 'ToonConnect operations (${environmentName})'
    workspaceName: names.workspace
    appInsightsName: names.appInsights
    apiName: names.api
  }
  dependsOn: [api]
}

module budget 'app/budget.bicep' = if (monthlyBudget > 0) {
  scope: group
  params: {
    name: names.budget
    amount: monthlyBudget
    startDate: empty(budgetStartDate)
      ? fail('MONTHLY_BUDGET needs BUDGET_START_DATE, the first day of this month, kept from then on')
      : budgetStartDate
    actionGroupIds: alerts.outputs.actionGroupIds
  }
}

@description('Region of the environment.')
output AZURE_LOCATION string = location

@description('Tenant of the environment.')
output AZURE_TENANT_ID string = tenant().tenantId

@description('Resource group with everything.')
output AZURE_RESOURCE_GROUP string = names.resourceGroup

@description('Name of the function app.')
output AZURE_FUNCTION_NAME string = names.api

@description('Address of the API, to which the page is told to speak.')
output SERVICE_API_URI string = api.outputs.uri

@description('Address of the page.')
output SERVICE_WEB_URI string = page.outputs.uri

@description('Issuer at which the page signs in; blank where nobody has to.')
output AUTH_PAGE_ISSUER string = empty(authClientId) ? '' : authIssuer

@description('Application (client) id that the page signs in with.')
output AUTH_PAGE_CLIENT string = authPageClientId

@description('What the page asks a token for.')
output AUTH_PAGE_SCOPE string = empty(authClientId) ? '' : 'api://${authClientId}/access'

@description('Name of the vault that the keys go into.')
output AZURE_KEY_VAULT_NAME string = names.keyVault

@description('Name of the account with images and documents.')
output IMAGES_STORAGE_ACCOUNT string = names.imagesStorage

@description('Name of the account of the Functions host, with gates and owners\' counters.')
output HOST_STORAGE_ACCOUNT string = names.hostStorage

@description('Name of the Log Analytics workspace that the queries search.')
output AZURE_LOG_ANALYTICS_NAME string = names.workspace

@description('Name of the Application Insights component.')
output APPLICATIONINSIGHTS_NAME string = names.appInsights
