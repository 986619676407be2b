"""What the contract promises and this version does not do yet: it is in no document until its name is taken out here.

Tests turn red for what is here although the app has it, so nothing that is there stays unsaid.
"""

#: By the name of the function that serves it.
OPERATIONS: frozenset[str] = frozenset({
    # The list and history
    "list_jobs", "claim_jobs",
    # Sheets and retries
    "goods_sheet", "retry_job",
    # Money
    "get_usage",
    # Outgoing webhooks
    "get_webhook_secret", "rotate_webhook_secret",
    # Pages about problems
    "problem_catalogue", "problem_page",
})  # fmt: skip

#: Codes of problems that the catalogue does not have yet.
CODES: frozenset[str] = frozenset({"webhooks_not_configured", "job_not_finished", "inputs_expired", "not_ready"})

#: "Schema.property" of what clients send and get; "header.Name" of what they send, "answer.Name" of headers that come back,
#: "webhook.name" of what they are told.
FIELDS: frozenset[str] = frozenset({
    # The list and history
    "header.X-Owner-Token",
    # Sheets, retries and pictures of own jobs
    "Form.job_picture", "Job.retry_of", "Input.images", "Input.presets",
    # Money
    "Usage.open_usd", "Picture.settled", "Problem.limit", "Problem.reset_at", "answer.RateLimit",
    # Outgoing webhooks
    "Form.webhook_url", "Job.deliveries", "webhook.job_ended",
    # Waiting and problems
    "Job.overdue", "FieldError.pointer", "FieldError.code", "Ready.problem",
    # Provenance
    "Job.provenance",
})  # fmt: skip
