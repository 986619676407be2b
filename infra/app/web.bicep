metadata description = 'The page, on an origin of its own. It calls the app directly: nothing is linked, so webhooks reach the app too.'

@description('Required. Name of the site.')
param name string

@description('Required. Region of the site; static sites exist in a few only.')
param location string

@description('Required. Tags of the site.')
param tags { *: string }

resource site 'Microsoft.Web/staticSites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'web' })
  sku: { name: 'Free', tier: 'Free' }
  properties: {}
}

@description('Address of the page, without a slash at its end: what a browser sends as Origin.')
output uri string = 'https://${site.properties.defaultHostname}'
