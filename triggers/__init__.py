"""HTTP triggers: parse, start, query, answer; and one on a timer that tidies up."""

from triggers import generate, health, housekeeping, jobs, no_route, options, translate, usage, webhooks

blueprints = (
    generate.blueprint,
    jobs.blueprint,
    options.blueprint,
    translate.blueprint,
    usage.blueprint,
    webhooks.blueprint,
    health.blueprint,
    housekeeping.blueprint,
    no_route.blueprint,
)
