"""HTTP triggers: parse, start, query, answer; and one on a timer that tidies up."""

from triggers import generate, health, housekeeping, job_list, jobs, no_route, options, translate, webhooks

blueprints = (
    generate.blueprint,
    jobs.blueprint,
    job_list.blueprint,
    options.blueprint,
    translate.blueprint,
    webhooks.blueprint,
    health.blueprint,
    housekeeping.blueprint,
    no_route.blueprint,
)
