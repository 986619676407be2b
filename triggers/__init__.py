"""HTTP triggers: parse, start, query, answer; and one on a timer that tidies up."""

from triggers import api_document, generate, health, housekeeping, jobs, no_route, options, translate, webhooks

blueprints = (
    generate.blueprint,
    jobs.blueprint,
    options.blueprint,
    api_document.blueprint,
    translate.blueprint,
    webhooks.blueprint,
    health.blueprint,
    housekeeping.blueprint,
    no_route.blueprint,
)
