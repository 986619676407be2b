metadata description = 'Where logs, metrics and traces arrive.'

@description('Required. Name of the Log Analytics workspace.')
@minLength(4)
@maxLength(63)
param workspaceName string

@description('Required. Name of the Application Insights component.')
param appInsightsName string

@description('Required. Region of both.')
param location string

@description('Required. Tags of both.')
param tags { *: string }

@description('Required. Days that logs are kept.')
param retentionDays int

@description('Required. Gigabytes a day after which no more is taken in, so that a loop of errors does not cost a fortune.')
param dailyQuotaGb int

@description('Required. Whether only identities may send telemetry.')
param disableLocalAuth bool

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }
  }
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: appInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: disableLocalAuth
  }
}

@description('Where the app sends its telemetry. It names the component and opens nothing.')
output connectionString string = appInsights.properties.ConnectionString
