metadata description = 'The page that operators look at each morning and whenever something fails.'

@description('Required. Region of the workbook.')
param location string

@description('Required. Tags of the workbook.')
param tags { *: string }

@description('Required. Title in the list of workbooks.')
param title string

@description('Required. Name of the workspace that its queries search.')
param workspaceName string

@description('Required. Name of the Application Insights component in whose list it stands.')
param appInsightsName string

@description('Required. Name of the function app whose metrics it shows.')
param apiName string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

resource api 'Microsoft.Web/sites@2025-03-01' existing = {
  name: apiName
}

var content = replace(
  replace(loadTextContent('../workbook.json'), '__WORKSPACE_ID__', workspace.id),
  '__FUNCTION_APP_ID__',
  api.id
)

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // The name must be a GUID; the same one at each deployment, so that it is updated and not multiplied.
  name: guid(resourceGroup().id, 'operations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    sourceId: appInsights.id
    serializedData: content
  }
}
