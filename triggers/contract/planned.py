"""What the contract promises and this version does not do yet: it is in no document until its name is taken out here.

Tests turn red for what is here although the app has it, so nothing that is there stays unsaid.
"""

#: By the name of the function that serves it.
OPERATIONS: frozenset[str] = frozenset({
    "goods_sheet", "retry_job", "list_jobs", "claim_jobs", "get_usage", "get_webhook_secret", "rotate_webhook_secret", "get_problem",
})  # fmt: skip

#: "Schema.property" of what clients send and get, "header.Name" of what they send, "webhook.name" of what they are told.
FIELDS: frozenset[str] = frozenset({
    "header.X-Owner-Token", "webhook.job_ended", "Form.webhook_url", "Form.job_picture",
    "Job.overdue", "Job.provenance", "Job.deliveries", "Job.retry_of", "Input.images", "Input.presets",
    "FieldError.pointer", "FieldError.code",
})  # fmt: skip
