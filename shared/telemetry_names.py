"""The words that telemetry is searched by. Alerts, the workbook and saved queries use them: renaming one breaks those."""

#: Log events and their fields. Every event may also carry `job_id`, `index`, `request_id` and `generator`: whose the event is, a
#: provider in what its gate's document tells (those with `model`, breaker, stop), a model in what is told of a picture.
EVENTS: dict[str, tuple[str, ...]] = {
    # the edge
    "job_accepted": ("kind", "replayed", "source"),
    "job_refused": ("kind", "code"),
    "problem": ("code", "status"),
    "settings_broken": ("names",),
    # most of a limit in dollars is used: once a day or a month for each account
    "spending_near_limit": ("scope", "account", "window", "percent", "spent_usd", "limit_usd"),
    "storage_failed": ("reason",),
    "hub_silent": ("reason",),
    "request_failed": ("reason",),
    "cancel_requested": (),
    "job_deleted": (),
    "job_claimed": (),
    "answer_failed": ("reason",),
    "webhook_received": ("instance",),
    "webhook_refused": ("reason",),
    # a prompt that is sent as it was written
    "translation_failed": ("reason",),
    # the queue of batch producers
    "intake_refused": ("code",),
    "intake_failed": ("reason", "delivery"),
    "intake_poisoned": ("messages",),
    "poison_unknown": ("reason",),
    "announcement_lost": ("reason",),
    # the gate
    "gate_waiting": ("position", "model"),
    "gate_granted": ("waited_ms", "model"),
    "gate_freed": ("reason", "model"),
    "breaker_opened": ("failures", "seconds"),
    "breaker_closed": (),
    "provider_stopped": ("code",),
    "provider_resumed": (),
    # a prediction
    "submitted": ("attempt", "prediction_id", "possible_duplicate"),
    "submit_refused": ("code", "maybe_done", "note"),
    "image_link_failed": ("reason",),
    "submission_found": ("prediction_id",),
    "submission_not_recorded": ("reason",),
    "poll_trouble": ("trouble",),
    "prediction_failed": ("code", "shape"),
    "prediction_canceled": ("state",),
    "stored": ("bytes",),
    "result_not_stored": ("reason",),
    "leftover_ended": ("state", "charged"),
    # a story that died, and is started again from its records
    "start_failed": ("reason",),
    "job_restarted": ("starts", "reason"),
    "job_at_last_start": ("starts",),
    "restart_failed": ("reason",),
    "job_given_up": ("starts",),
    # a deleted job, hidden first
    "history_kept": ("instance", "reason"),
    "job_forgotten": (),
    # uploads that stay after their job's end, until housekeeping comes
    "uploads_kept": ("reason",),
    # what an owner's webhook_url was told
    "delivery_ended": ("attempt", "status"),
    "delivery_failed": ("attempt", "status", "reason", "is_last"),
    "delivery_not_started": ("reason",),
    "delivery_given_up": ("reason",),
    "webhook_secret_rotated": ("version",),
    # a list that does not say yet how its job ended
    "index_behind": ("reason",),
    # every five minutes
    "housekeeping": ("purged", "stuck", "restarted", "uploads", "indexed", "expired"),
    # jobs whose time is over stay until the next time
    "expired_kept": ("reason", "job_id"),
    "housekeeping_failed": ("reason",),
    # the end
    "job_ended": (
        "kind", "status", "code", "provider", "model", "attempts", "polls", "fallback_used", "fallback_from",
        "possible_duplicate", "cost_usd", "estimated", "charged", "settled", "starts", "watched", "queue_ms", "provider_ms",
        "overhead_ms",
    ),
}  # fmt: skip

#: Metrics: unit and attributes.
METRICS: dict[str, tuple[str, tuple[str, ...]]] = {
    "toonconnect.jobs": ("{job}", ("kind", "status", "code", "provider", "model")),
    "toonconnect.cost": ("USD", ("kind", "provider", "model")),
    "toonconnect.queue.duration": ("s", ("kind", "provider", "model")),
    "toonconnect.provider.duration": ("s", ("kind", "provider", "model")),
    "toonconnect.overhead.duration": ("s", ("kind", "provider", "model")),
    "toonconnect.polls": ("{poll}", ("kind", "provider", "model")),
    "toonconnect.gate.active": ("{slot}", ("provider",)),
    "toonconnect.gate.waiting": ("{job}", ("provider",)),
    "toonconnect.gate.limit": ("{slot}", ("provider",)),
}
