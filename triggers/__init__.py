"""HTTP triggers: parse, start, query, answer; and one on a timer that tidies up."""

from triggers import (
    api_document,
    generate,
    health,
    housekeeping,
    job_list,
    jobs,
    no_route,
    options,
    problem_pages,
    retry,
    sheet,
    translate,
    usage,
    webhook_secret,
    webhooks,
)

blueprints = (
    generate.blueprint,
    sheet.blueprint,
    jobs.blueprint,
    retry.blueprint,
    job_list.blueprint,
    options.blueprint,
    api_document.blueprint,
    translate.blueprint,
    usage.blueprint,
    webhooks.blueprint,
    webhook_secret.blueprint,
    health.blueprint,
    problem_pages.blueprint,
    housekeeping.blueprint,
    no_route.blueprint,
)
