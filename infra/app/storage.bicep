metadata description = 'A storage account that is reached by identity alone, its private containers, and when their blobs are deleted.'

@description('Blobs that are deleted when nobody has changed them for long.')
type expiryType = {
  @description('Name of the rule.')
  name: string

  @description('What their names begin with, the container first. All other blobs stay.')
  prefix: string

  @description('Days after which one is deleted.')
  days: int
}

@description('Required. Name of the account.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Region of the account.')
param location string

@description('Required. Tags of the account.')
param tags { *: string }

@description('Required. Redundancy.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param sku string

@description('Required. Names of the private containers to create, as the code knows them.')
param containers string[]

@description('Optional. Names of the queues to create, as the code knows them.')
param queues string[] = []

@description('Optional. Blobs that are deleted when nobody has changed them for long.')
param expiring expiryType[] = []

@description('Optional. Days in which a deleted or overwritten blob can be recovered; without it it is gone. Each write of a blob then keeps a copy of what was there.')
@minValue(1)
@maxValue(365)
param softDeleteDays int?

@description('Optional. Origins of pages that read blobs with fetch().')
param allowedOrigins string[] = []

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowBlobPublicAccess: false
    // No account key opens anything: the app signs links with a user delegation key.
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowCrossTenantReplication: false
    publicNetworkAccess: 'Enabled'
    // Deny without a private endpoint would stop package uploads and the start of the app, and browsers at the links.
    networkAcls: { defaultAction: 'Allow', bypass: 'AzureServices' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: softDeleteDays != null, days: softDeleteDays }
    containerDeleteRetentionPolicy: { enabled: softDeleteDays != null, days: softDeleteDays }
    cors: {
      corsRules: empty(allowedOrigins)
        ? []
        : [
            {
              allowedOrigins: allowedOrigins
              allowedMethods: ['GET', 'HEAD', 'OPTIONS']
              allowedHeaders: ['range', 'x-ms-*']
              exposedHeaders: ['content-length', 'content-type', 'content-disposition', 'etag']
              maxAgeInSeconds: 3600
            }
          ]
    }
  }
}

resource privateContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = [
  for container in containers: {
    parent: blobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-08-01' = if (!empty(queues)) {
  parent: account
  name: 'default'

  resource messages 'queues' = [
    for queue in queues: {
      name: queue
    }
  ]
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-08-01' = if (!empty(expiring)) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for expiry in expiring: {
          name: 'delete-${expiry.name}'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: [expiry.prefix] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: expiry.days } } }
          }
        }
      ]
    }
  }
}

@description('Address of its blobs; ends in a slash, like the others.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Address of its queues.')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('Address of its tables.')
output tableEndpoint string = account.properties.primaryEndpoints.table
