"""HTTP triggers: parse, start, query, answer; and one on a timer that tidies up."""

from triggers import generate, health, housekeeping, jobs, no_route, options, problem_pages, translate, webhooks

blueprints = (
    generate.blueprint,
    jobs.blueprint,
    options.blueprint,
    translate.blueprint,
    webhooks.blueprint,
    health.blueprint,
    problem_pages.blueprint,
    housekeeping.blueprint,
    no_route.blueprint,
)
