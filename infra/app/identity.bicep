metadata description = 'The identity that the app runs as. It exists before the app, so roles can be granted first, and outlives it.'

@description('Required. Name of the identity.')
param name string

@description('Required. Region of the identity.')
param location string

@description('Required. Tags of the identity.')
param tags { *: string }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Client id, by which the app names the identity when it asks for a token.')
output clientId string = identity.properties.clientId
