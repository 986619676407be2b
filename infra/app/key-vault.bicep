metadata description = 'The vault with the keys of the providers, and the keys themselves where they were given.'

@description('Required. Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Region of the vault.')
param location string

@description('Required. Tags of the vault.')
param tags { *: string }

@description('Required. Whether nobody can purge the vault before its 90 days are over. It cannot be turned off again.')
param purgeProtection bool

@description('Required. Resource id of the workspace that records who read and changed what.')
param workspaceId string

@description('Optional. Key of Replicate. Left blank, the stored one stays as it is.')
@secure()
param replicateApiToken string = ''

@description('Optional. Key of Black Forest Labs. Left blank, the stored one stays as it is.')
@secure()
param bflApiKey string = ''

@description('Optional. Key of the translator. Left blank, the stored one stays as it is.')
@secure()
param translatorKey string = ''

@description('Optional. Key that the secrets of webhook receivers are made of. Left blank, the stored one stays as it is.')
@secure()
param webhookSigningKey string = ''

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // Azure refuses `false`: it is left out instead.
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: 'Enabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: 'Allow' }
  }
}

resource replicateSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(replicateApiToken)) {
  parent: vault
  name: 'replicate-api-token'
  properties: { value: replicateApiToken, contentType: 'API key of Replicate' }
}

resource bflSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(bflApiKey)) {
  parent: vault
  name: 'bfl-api-key'
  properties: { value: bflApiKey, contentType: 'API key of Black Forest Labs' }
}

resource translatorSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(translatorKey)) {
  parent: vault
  name: 'translator-key'
  properties: { value: translatorKey, contentType: 'Key of the translator' }
}

resource webhookSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(webhookSigningKey)) {
  parent: vault
  name: 'webhook-signing-key'
  properties: { value: webhookSigningKey, contentType: 'Key that the secrets of webhook receivers are made of' }
}

#disable-next-line use-recent-api-versions // the last stable version, 2016-09-01, is an older shape without categoryGroup
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

@description('Address of the vault.')
output uri string = vault.properties.vaultUri
