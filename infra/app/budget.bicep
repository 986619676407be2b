metadata description = 'A monthly budget: mail at 80 and 100 % of it. Nothing is switched off.'

@description('Required. Name of the budget.')
param name string

@description('Required. Amount a month, in the currency of the subscription.')
param amount int

@description('Required. First day of the first month, as yyyy-MM-01.')
param startDate string

@description('Required. Resource ids of the action groups that are told.')
param actionGroupIds string[]

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      mostOfIt: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: []
        contactGroups: actionGroupIds
      }
      allOfIt: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: []
        contactGroups: actionGroupIds
      }
    }
  }
}
