// A development environment: everything optional left at its default.
using '../main.bicep'

param environmentName = 'toon-dev'
param location = 'koreacentral'
