metadata description = 'The function app on a Flex Consumption plan of its own, and who may call it.'

@description('Required. Name of the plan.')
param planName string

@description('Required. Name of the function app.')
@minLength(2)
@maxLength(60)
param name string

@description('Required. Region of plan and app.')
param location string

@description('Required. Tags of plan and app.')
param tags { *: string }

@description('Required. Name of the identity that the app runs as.')
param identityName string

@description('Required. Address of the blobs of the host\'s storage account; ends in a slash.')
param deploymentStorageEndpoint string

@description('Required. Container of the deployed package.')
param deploymentContainerName string

@description('Required. App settings by name.')
param appSettings { *: string }

@description('Required. Origins of pages that may call the app; exact, without a slash at the end.')
param allowedOrigins string[]

@description('Required. Memory of an instance in megabytes.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('Required. Instances there may be at once.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('Required. Instances that always wait for orchestrations and activities.')
param alwaysReadyInstances int

@description('Required. Instances that always wait for HTTP requests.')
param alwaysReadyHttpInstances int

@description('Required. HTTP requests that an instance serves at once.')
param httpConcurrency int

@description('Required. How a deployment takes over from the version before.')
@allowed(['RollingUpdate', 'Recreate'])
param updateStrategy string

@description('Required. Application (client) id of the API\'s app registration; blank leaves the API open to all.')
param authClientId string

@description('Required. Issuer of the tokens.')
param authIssuer string

@description('Required. Client ids of the applications whose tokens are taken; empty takes those of every application.')
param authAllowedApplications string[]

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource api 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${deploymentStorageEndpoint}${deploymentContainerName}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      runtime: { name: 'python', version: '3.12' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        // HTTP functions and those of Durable run on instances of their own.
        alwaysReady: filter(
          [
            { name: 'durable', instanceCount: alwaysReadyInstances }
            { name: 'http', instanceCount: alwaysReadyHttpInstances }
          ],
          group => group.instanceCount > 0
        )
        // Unset, a Python app gets one instance per concurrent request.
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      // In effect from the next deployment on. Not in the types of this version yet:
      // https://learn.microsoft.com/azure/azure-functions/flex-consumption-site-updates
      #disable-next-line BCP037
      siteUpdateStrategy: { type: updateStrategy }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      // On Flex Consumption the host answers every preflight itself, without asking the app. The app exposes its headers
      // to the same origins (ALLOWED_ORIGINS).
      cors: { allowedOrigins: allowedOrigins, supportCredentials: false }
      appSettings: map(items(appSettings), setting => {
        name: setting.key
        value: setting.value
      })
    }
  }
}

// Also where nobody signs in: what is left out of a deployment stays as it was, so a client id that is taken away would go on
// closing the API.
resource auth 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: api
  name: 'authsettingsV2'
  properties: empty(authClientId)
    ? { platform: { enabled: false } }
    : {
        platform: { enabled: true, runtimeVersion: '~1' }
        globalValidation: {
          // The host answers preflights before it looks at tokens, so they need none.
          requireAuthentication: true
          unauthenticatedClientAction: 'Return401'
          // None of these asks who calls: providers sign their webhooks, probes carry nothing, the page shows its form to all.
          excludedPaths: [
            '/api/webhooks/replicate'
            '/api/health'
            '/api/health/ready'
            '/api/options'
            '/api/problems'
            '/api/openapi.json'
            '/api/docs'
            '/runtime/webhooks/durabletask'
          ]
        }
        identityProviders: {
          azureActiveDirectory: {
            enabled: true
            registration: { clientId: authClientId, openIdIssuer: authIssuer }
            validation: {
              allowedAudiences: ['api://${authClientId}', authClientId]
              defaultAuthorizationPolicy: empty(authAllowedApplications)
                ? {}
                : { allowedApplications: authAllowedApplications }
            }
          }
        }
        login: { tokenStore: { enabled: true } }
      }
}

@description('Address of the app.')
output uri string = 'https://${api.properties.defaultHostName}'
