metadata description = 'Who may do what. The app has one identity; these are all of its roles, each with its reason.'

@description('Required. Name of the identity that the app runs as.')
param identityName string

@description('Required. Name of the storage account of the Functions host, which holds gates and counters as well.')
param hostStorageName string

@description('Required. Name of the storage account with images and the documents of jobs.')
param imagesStorageName string

@description('Required. Name of the vault.')
param keyVaultName string

@description('Required. Name of the Application Insights component.')
param appInsightsName string

@description('Required. Where orchestrations live.')
@allowed(['azureStorage', 'durableTaskScheduler'])
param durableBackend string

@description('Required. Name of the scheduler; looked at only where orchestrations live there.')
param schedulerName string

@description('Required. Name of the task hub in the scheduler.')
param taskHubName string

@description('Required. Whether requests are taken from a queue in the account of the host.')
param intakeQueue bool

@description('Optional. Object id of the person or group that writes keys into the vault. Blank: nobody is given that role here.')
param keyOperatorId string = ''

@description('Optional. What that object id is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param keyOperatorType string = 'User'

var roles = {
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  durableTaskContributor: '0ad04412-c4d5-4796-b79c-f76d14c8d402'
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  queueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: hostStorageName
}

resource imagesStorage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: imagesStorageName
}

resource keyVault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: keyVaultName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = if (durableBackend == 'durableTaskScheduler') {
  name: schedulerName

  resource taskHub 'taskHubs' existing = {
    name: taskHubName
  }
}

// Blob Data Owner: the host reads the deployed package, keeps its own keys and takes leases, which Contributor cannot. The app
// keeps gates and owners' counters there.
resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, identity.id, roles.blobDataOwner)
  scope: hostStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataOwner)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Queue Data Contributor: Durable creates its control and work item queues and moves messages through them. The queue trigger
// creates a poison queue, which its smaller roles cannot.
resource hostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (durableBackend == 'azureStorage' || intakeQueue) {
  name: guid(hostStorage.id, identity.id, roles.queueDataContributor)
  scope: hostStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueDataContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Table Data Contributor: Durable keeps the history of orchestrations and its partitions in tables.
resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (durableBackend == 'azureStorage') {
  name: guid(hostStorage.id, identity.id, roles.tableDataContributor)
  scope: hostStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.tableDataContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Blob Data Contributor: the app writes and deletes images and documents. On the account, which holds nothing else, and
// not on its containers: the key that signs links is the account's (so Blob Delegator would add nothing), and the app
// makes a container that somebody has deleted.
resource images 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(imagesStorage.id, identity.id, roles.blobDataContributor)
  scope: imagesStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Key Vault Secrets User: the app reads keys and never writes one.
resource secrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(keyVault.id, identity.id, roles.keyVaultSecretsUser)
  scope: keyVault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Monitoring Metrics Publisher: telemetry is sent with the identity, so that local authentication can be switched off.
resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(appInsights.id, identity.id, roles.metricsPublisher)
  scope: appInsights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.metricsPublisher)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Durable Task Data Contributor: the host runs orchestrations in this one hub; other hubs of the scheduler stay closed.
resource orchestrations 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (durableBackend == 'durableTaskScheduler') {
  name: guid(scheduler::taskHub.id, identity.id, roles.durableTaskContributor)
  scope: scheduler::taskHub
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.durableTaskContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Key Vault Secrets Officer: a person puts the keys of the providers in and rotates them; the deployment alone cannot.
resource keyOperator 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(keyOperatorId)) {
  name: guid(keyVault.id, keyOperatorId, roles.keyVaultSecretsOfficer)
  scope: keyVault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
    principalId: keyOperatorId
    principalType: keyOperatorType
  }
}
