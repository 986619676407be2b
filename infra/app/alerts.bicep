metadata description = 'Who is told, and of what: three action groups by severity, log alerts, and a test from outside.'

@description('What jobs of a kind or a model may take at most. What is not given is looked up in the next row: kind and model, model, kind, default.')
type targetsType = {
  @description('Failed jobs in a hundred.')
  failurePercent: int?

  @description('95th percentile of a job, in seconds.')
  p95Seconds: int?

  @description('Mean of a job, in seconds.')
  meanSeconds: int?

  @description('Mean cost of a prediction, in US cents.')
  predictionCents: int?
}

@export()
@description('Figures above which an alert is raised. What is not given keeps its default, which is the target of operations.')
type thresholdsType = {
  @description('Targets of models, by id or by kind and id: "flux-2-pro", "ppl/flux-2-pro". They go before those of the kinds below.')
  models: { *: targetsType }?

  @description('Failed jobs in a hundred, of all and of each model. Default 5.')
  jobFailurePercent: int?

  @description('Failed jobs in a hundred at which the service counts as down. Default 50.')
  jobFailureCriticalPercent: int?

  @description('95th percentile of a PPL job, in seconds. Default 120.')
  pplP95Seconds: int?

  @description('95th percentile of a goods job, in seconds. Default 120.')
  goodsP95Seconds: int?

  @description('Mean of a PPL job, in seconds. Default 90.')
  pplMeanSeconds: int?

  @description('Mean of a goods job, in seconds. Default 60.')
  goodsMeanSeconds: int?

  @description('Timeouts of one provider in 30 minutes. Default 3.')
  timeouts: int?

  @description('Requests refused for asking too much in 15 minutes. Default 50.')
  refusals: int?

  @description('95th percentile of the wait for a slot at a provider, in seconds. Default 120.')
  gateWaitSeconds: int?

  @description('Internal errors in 15 minutes. Default 5.')
  internalErrors: int?

  @description('Starts again of jobs whose orchestration died, in an hour. Default 5.')
  restarts: int?

  @description('Places, of five, from which the app must be out of reach. Default 2.')
  failedLocations: int?
}

@description('A log alert.')
type ruleType = {
  @description('Its name, of which the resource name is made.')
  name: string

  @description('What the mail says.')
  title: string

  @description('How soon somebody must answer.')
  severity: 'P1' | 'P2' | 'P3'

  @description('The search.')
  query: string

  @description('Column that is compared with the threshold; without one, rows are counted, however many each stands for: only for "none at all".')
  measure: string?

  @description('Columns whose values make a series each; an alert names its series.')
  splitBy: string[]?

  @description('Figure above which the alert is raised.')
  threshold: int

  @description('How far back the search goes.')
  window: 'PT15M' | 'PT30M' | 'PT1H' | 'PT6H'

  @description('How often it runs; every five minutes unless set.')
  every: 'PT15M'?
}

@description('Required. Prefix of the names of action groups.')
param actionGroupPrefix string

@description('Required. Prefix of the names of alert rules.')
param alertPrefix string

@description('Required. Name of the availability test.')
param webTestName string

@description('Required. End of all names, unique to the environment.')
param resourceToken string

@description('Required. Region of the rules and of the availability test.')
param location string

@description('Required. Tags of everything here.')
param tags { *: string }

@description('Required. Name of the workspace that is searched.')
param workspaceName string

@description('Required. Name of the Application Insights component that shows the availability test.')
param appInsightsName string

@description('Required. Address of the app.')
param apiUri string

@description('Required. Whether the rules and the availability test are switched on.')
param enabled bool

@description('Required. Addresses that mail of the highest severity goes to.')
param emailsP1 string[]

@description('Required. Addresses that mail of the middle severity goes to.')
param emailsP2 string[]

@description('Required. Addresses that mail of the lowest severity goes to.')
param emailsP3 string[]

@description('Required. Figures that differ from the targets of operations.')
param thresholds thresholdsType

@description('Required. Whether requests are taken from a queue; without it nobody watches, or pays for watching, what is left in one.')
param intakeQueue bool

// The house's severities and Azure's: an answer within 15 minutes, one hour, four hours.
var severities = { P1: 0, P2: 1, P3: 2 }
var receivers = [
  { severity: 'P1', emails: emailsP1 }
  { severity: 'P2', emails: emailsP2 }
  { severity: 'P3', emails: emailsP3 }
]

// What each kind and model may take. A model that is quicker or dearer than the others has a row of its own: about four times its
// usual seconds on average and eight times at p95, and a little more than its dearest list price.
var targets = union(
  {
    default: {
      failurePercent: thresholds.?jobFailurePercent ?? 5
      p95Seconds: 120
      meanSeconds: 90
      predictionCents: 10
    }
    ppl: { p95Seconds: thresholds.?pplP95Seconds ?? 120, meanSeconds: thresholds.?pplMeanSeconds ?? 90 }
    goods: { p95Seconds: thresholds.?goodsP95Seconds ?? 120, meanSeconds: thresholds.?goodsMeanSeconds ?? 60 }
    'flux-2-klein-9b': { p95Seconds: 30, meanSeconds: 15, predictionCents: 3 }
    'flux-2-pro': { p95Seconds: 80, meanSeconds: 40, predictionCents: 8 }
    'black-forest-labs/flux-2-pro': { p95Seconds: 100, meanSeconds: 50, predictionCents: 8 }
    'flux-kontext-pro': { p95Seconds: 80, meanSeconds: 40, predictionCents: 5 }
    'flux-kontext-apps/multi-image-kontext-pro': { p95Seconds: 100, meanSeconds: 50, predictionCents: 5 }
    'flux-2-max': { predictionCents: 15 }
    'flux-2-flex': { predictionCents: 17 }
  },
  thresholds.?models ?? {}
)
// Query files have an empty table in its place.
var noTargets = 'dynamic({})'
var targetsAsKql = 'dynamic(${string(targets)})'

var rules ruleType[] = [
  {
    name: 'not-begun'
    title: 'Jobs are accepted and nothing follows'
    severity: 'P1'
    query: loadTextContent('../queries/not-begun.kql')
    threshold: 0
    window: 'PT15M'
  }
  {
    name: 'jobs-mostly-failing'
    title: 'Most jobs fail'
    severity: 'P1'
    query: loadTextContent('../queries/job-failure-rate.kql')
    measure: 'failed_percent'
    threshold: thresholds.?jobFailureCriticalPercent ?? 50
    window: 'PT15M'
  }
  {
    name: 'provider-stopped'
    title: 'A provider refuses our key or our credit is used up'
    severity: 'P1'
    query: loadTextContent('../queries/provider-stopped.kql')
    splitBy: ['provider', 'code']
    threshold: 0
    window: 'PT6H'
  }
  {
    name: 'missing-key'
    title: 'A key or a setting is missing'
    severity: 'P1'
    query: loadTextContent('../queries/missing-key.kql')
    threshold: 0
    window: 'PT15M'
  }
  {
    name: 'job-failure-rate'
    title: 'More jobs fail than should'
    severity: 'P2'
    query: loadTextContent('../queries/job-failure-rate.kql')
    measure: 'failed_percent'
    threshold: thresholds.?jobFailurePercent ?? 5
    window: 'PT1H'
  }
  {
    name: 'job-failure-rate-by-model'
    title: 'More jobs of a model fail than should'
    severity: 'P2'
    query: replace(loadTextContent('../queries/job-failure-rate-by-model.kql'), noTargets, targetsAsKql)
    measure: 'percent_of_target'
    splitBy: ['job_kind', 'model']
    threshold: 100
    window: 'PT1H'
  }
  {
    name: 'job-duration-p95'
    title: 'Jobs of a model are too slow'
    severity: 'P2'
    query: replace(loadTextContent('../queries/job-duration-p95.kql'), noTargets, targetsAsKql)
    measure: 'percent_of_target'
    splitBy: ['job_kind', 'model']
    threshold: 100
    window: 'PT30M'
  }
  {
    name: 'breaker-opened'
    title: 'A provider fails and is given a rest'
    severity: 'P2'
    query: loadTextContent('../queries/breaker-opened.kql')
    splitBy: ['provider']
    threshold: 0
    window: 'PT15M'
  }
  {
    name: 'timeouts-by-provider'
    title: 'A provider does not deliver in time'
    severity: 'P2'
    query: loadTextContent('../queries/timeouts-by-provider.kql')
    measure: 'timeouts'
    splitBy: ['provider']
    threshold: thresholds.?timeouts ?? 3
    window: 'PT30M'
  }
  {
    name: 'stuck-jobs'
    title: 'Jobs do not end'
    severity: 'P2'
    query: loadTextContent('../queries/stuck-jobs.kql')
    threshold: 0
    window: 'PT6H'
    every: 'PT15M'
  }
  {
    name: 'money-at-risk'
    title: 'A paid picture may be lost or paid twice'
    severity: 'P2'
    query: loadTextContent('../queries/money-at-risk.kql')
    threshold: 0
    window: 'PT15M'
  }
  {
    name: 'restarts'
    title: 'Orchestrations die and are started again'
    severity: 'P2'
    query: loadTextContent('../queries/restarts.kql')
    measure: 'starts_again'
    threshold: thresholds.?restarts ?? 5
    window: 'PT1H'
  }
  {
    name: 'last-start'
    title: 'A job was started for the last time'
    severity: 'P2'
    query: loadTextContent('../queries/last-start.kql')
    threshold: 0
    window: 'PT15M'
  }
  {
    name: 'given-up'
    title: 'A job was given up'
    severity: 'P2'
    query: loadTextContent('../queries/given-up.kql')
    threshold: 0
    window: 'PT15M'
  }
  {
    name: 'internal-errors'
    title: 'Requests fail inside the app'
    severity: 'P2'
    query: loadTextContent('../queries/internal-errors.kql')
    measure: 'failures'
    threshold: thresholds.?internalErrors ?? 5
    window: 'PT15M'
  }
  {
    name: 'daily-cap'
    title: 'No more logs are taken in today'
    severity: 'P2'
    query: loadTextContent('../queries/daily-cap.kql')
    threshold: 0
    window: 'PT1H'
  }
  {
    name: 'spending-near-limit'
    title: 'Most of a limit in dollars is used'
    severity: 'P2'
    query: loadTextContent('../queries/spending-near-limit.kql')
    splitBy: ['whose', 'window']
    threshold: 0
    window: 'PT15M'
  }
  {
    name: 'job-duration-mean'
    title: 'Jobs of a model are slower than their target'
    severity: 'P3'
    query: replace(loadTextContent('../queries/job-duration-mean.kql'), noTargets, targetsAsKql)
    measure: 'percent_of_target'
    splitBy: ['job_kind', 'model']
    threshold: 100
    window: 'PT1H'
  }
  {
    name: 'prediction-cost'
    title: 'Pictures of a model cost more than they should'
    severity: 'P3'
    query: replace(loadTextContent('../queries/prediction-cost.kql'), noTargets, targetsAsKql)
    measure: 'percent_of_target'
    splitBy: ['job_kind', 'model']
    threshold: 100
    window: 'PT6H'
    every: 'PT15M'
  }
  {
    name: 'gate-saturated'
    title: 'Jobs wait long for a slot at a provider'
    severity: 'P3'
    query: loadTextContent('../queries/gate-saturated.kql')
    measure: 'p95_waited_seconds'
    splitBy: ['provider', 'model']
    threshold: thresholds.?gateWaitSeconds ?? 120
    window: 'PT30M'
  }
  {
    name: 'refusals'
    title: 'Many requests are refused for asking too much'
    severity: 'P3'
    query: loadTextContent('../queries/refusals.kql')
    measure: 'refused'
    splitBy: ['code']
    threshold: thresholds.?refusals ?? 50
    window: 'PT15M'
  }
]

var intakeRules ruleType[] = intakeQueue
  ? [
      {
        name: 'intake-poison'
        title: 'Queued requests were given up on'
        severity: 'P2'
        query: loadTextContent('../queries/intake-poison.kql')
        threshold: 0
        window: 'PT15M'
        every: 'PT15M'
      }
    ]
  : []

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

resource actionGroups 'Microsoft.Insights/actionGroups@2023-01-01' = [
  for receiver in receivers: {
    name: '${actionGroupPrefix}${toLower(receiver.severity)}-${resourceToken}'
    location: 'global'
    tags: tags
    properties: {
      groupShortName: 'toon-${toLower(receiver.severity)}'
      enabled: true
      emailReceivers: map(receiver.emails, email => {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      })
    }
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in concat(rules, intakeRules): {
    name: '${alertPrefix}${rule.name}-${resourceToken}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${rule.severity}: ${rule.title}'
      severity: severities[rule.severity]
      enabled: enabled
      scopes: [workspace.id]
      windowSize: rule.window
      evaluationFrequency: rule.?every ?? 'PT5M'
      autoMitigate: true
      // The tables come into being with the first telemetry, which is after the first deployment.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: rule.?measure
            timeAggregation: rule.?measure == null ? 'Count' : 'Maximum'
            dimensions: map(rule.?splitBy ?? [], column => {
              name: column
              operator: 'Include'
              values: ['*']
            })
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [actionGroups[severities[rule.severity]].id] }
    }
  }
]

resource webTest 'Microsoft.Insights/webtests@2022-06-15' = {
  name: webTestName
  location: location
  tags: union(tags, { 'hidden-link:${appInsights.id}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: webTestName
    Name: 'Health'
    Kind: 'standard'
    Enabled: enabled
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: [
      { Id: 'apac-hk-hkn-azr' }
      { Id: 'apac-jp-kaw-edge' }
      { Id: 'apac-sg-sin-azr' }
      { Id: 'emea-nl-ams-azr' }
      { Id: 'us-ca-sjc-azr' }
    ]
    Request: { RequestUrl: '${apiUri}/api/health', HttpVerb: 'GET' }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 7 }
  }
}

resource unavailable 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${alertPrefix}unavailable-${resourceToken}'
  location: 'global'
  tags: tags
  properties: {
    description: 'P1: the app is out of reach'
    severity: severities.P1
    enabled: enabled
    scopes: [webTest.id, appInsights.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: webTest.id
      componentId: appInsights.id
      failedLocationCount: thresholds.?failedLocations ?? 2
    }
    actions: [{ actionGroupId: actionGroups[severities.P1].id }]
  }
}

@description('Resource id of the action group of each severity, P1 first.')
output actionGroupIds string[] = [for (receiver, index) in receivers: actionGroups[index].id]
