"""HTTP triggers: parse, start, query, answer."""

from triggers import generate, health, jobs, options

blueprints = (generate.blueprint, jobs.blueprint, options.blueprint, health.blueprint)
