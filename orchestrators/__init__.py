"""One story per file; deterministic; activities are known by name only."""

from orchestrators import deliver_webhook, forget_jobs, generate_job, make_picture

blueprints = (generate_job.blueprint, make_picture.blueprint, forget_jobs.blueprint, deliver_webhook.blueprint)
