// Whatever else can be switched on or changed: orchestrations on Durable Task Scheduler, a domain and a translator, and a sandbox.
using '../main.bicep'

param environmentName = 'toon-options'
param location = 'koreacentral'
param authClientId = '33333333-3333-3333-3333-333333333333'
param authAllowedTenants = ['77777777-7777-7777-7777-777777777777', '88888888-8888-8888-8888-888888888888']
param durableBackend = 'durableTaskScheduler'
param schedulerLocation = 'japaneast'
param taskHubName = 'ToonConnect2'
param alwaysReadyInstances = 3
param alwaysReadyHttpInstances = 2
param retentionDays = 90
param softDeleteDays = 0
param extraAllowedOrigins = ['https://studio.toonconnect.example/', 'https://next.toonconnect.example']
param publicBaseUrl = 'https://api.toonconnect.example'
param translatorEndpoint = 'https://api.cognitive.microsofttranslator.com'
param translatorRegion = 'koreacentral'
param syncResponses = true
param pplModels = 'flux-kontext-apps/multi-image-kontext-max,flux-2-pro'
param goodsModels = 'flux-2-klein-9b,flux-kontext-max'
param bflMaxActive = 20
param bflKontextMaxActive = 4
param aiLabel = 'visible'
param alertsEnabled = true
param alertThresholds = {
  jobFailurePercent: 8
  gateWaitSeconds: 300
  models: {
    'flux-2-klein-9b': { p95Seconds: 20 }
    'ppl/flux-2-pro': { meanSeconds: 30 }
  }
}
param disableLocalAuth = true
param imagesByLink = 'false'
param intakeQueue = true
param intakeOwner = '99999999-9999-9999-9999-999999999999'
param updateStrategy = 'Recreate'
param sandbox = true
param maxActiveJobs = 100
param dailyJobs = 2000
param dailyUsdPerOwner = '2.50'
param monthlyUsdPerOwner = '25'
param dailyUsd = '50'
param monthlyUsd = '500'
