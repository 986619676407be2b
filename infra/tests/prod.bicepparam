// Production as operations runs it: signed-in callers, people who are told, a budget.
using '../main.bicep'

param environmentName = 'toon-prod'
param location = 'koreacentral'
param environmentType = 'prod'
param authClientId = '33333333-3333-3333-3333-333333333333'
param authPageClientId = '66666666-6666-6666-6666-666666666666'
param authAllowedApplications = ['44444444-4444-4444-4444-444444444444']
param keyOperatorId = '55555555-5555-5555-5555-555555555555'
param keyOperatorType = 'Group'
// The old form of a second PPL model.
param pplFallback = 'bfl'
param maxActiveJobsPerOwner = 4
param dailyJobsPerOwner = 100
param alertEmailsP1 = ['developers@example.com', 'administrator@example.com', 'service-manager@example.com']
param alertEmailsP2 = ['developers@example.com', 'administrator@example.com']
param alertEmailsP3 = ['developers@example.com']
param partitionCount = 8
param monthlyBudget = 500
param budgetStartDate = '2026-12-01'
