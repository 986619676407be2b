metadata description = 'Durable Task Scheduler: the other place where orchestrations can live.'

@description('Required. Name of the scheduler.')
@minLength(3)
@maxLength(64)
param name string

@description('Required. Region of the scheduler.')
param location string

@description('Required. Tags of the scheduler.')
param tags { *: string }

@description('Required. Name of the task hub: the hubName of host.json.')
@minLength(3)
@maxLength(64)
param taskHubName string

@description('Required. Days that the history of an ended orchestration is kept.')
param retentionDays int

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // Flex Consumption has no fixed outgoing addresses; only identities with a role get in. An empty list blocks all.
    ipAllowlist: ['0.0.0.0/0']
    sku: { name: 'Consumption' }
  }
}

resource taskHub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' = {
  parent: scheduler
  name: taskHubName
}

resource retention 'Microsoft.DurableTask/schedulers/retentionPolicies@2026-02-01' = {
  parent: scheduler
  name: 'default'
  properties: {
    retentionPolicies: [
      for state in ['Completed', 'Failed', 'Terminated', 'Canceled']: {
        retentionPeriodInDays: retentionDays
        orchestrationState: state
      }
    ]
  }
}

@description('Address of the scheduler.')
output endpoint string = scheduler.properties.endpoint
