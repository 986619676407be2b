"""HTTP triggers: parse, start, query, answer."""

from triggers import generate, health, jobs, options, webhooks

blueprints = (generate.blueprint, jobs.blueprint, options.blueprint, webhooks.blueprint, health.blueprint)
