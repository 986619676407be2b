"""What crosses the durable boundary: inputs of orchestrations, payloads and answers of activities. Plain JSON, so that what is
in flight can still be read when a class has moved.

Payloads name a job, a picture and a generator; none holds image bytes, a prompt, a key or a signed link.
"""

from typing import Literal, NotRequired, TypedDict

from shared.domain.ledger import Cost, SendRow, SendState
from shared.domain.problem import ProblemData
from shared.domain.warning import WarningData


class Patience(TypedDict):
    """Seconds to leave an activity alone each time that it raised: storage is away, or a defect of ours."""

    few: list[int]
    patient: list[int]
    #: For the step that pays: longer than storage has ever been away.
    paying: list[int]
    #: For those without which a finished job would stay open.
    lasting: list[int]


class Limits(TypedDict):
    """The tunables that an orchestration began with."""

    poll_interval_seconds: float
    poll_max_attempts: int
    #: (looks below which, factor of the interval) for predictions whose time is not known.
    poll_steps: list[list[int]]
    generation_timeout_seconds: int
    queue_timeout_seconds: int
    fetch_timeout_seconds: int
    leftover_timeout_seconds: int
    #: Predictions of one picture at one generator.
    max_attempts: int
    may_wait_when_down: bool
    #: Where there is another generator, this one is not asked more often before it is left.
    refusals_before_fallback: int
    cancel_tries: int
    #: How often the orchestration of a picture is started again when it failed.
    child_starts: int
    #: Seconds after a loss at which a lost prediction is looked for.
    find_looks_seconds: list[int]
    patience: Patience


class GeneratorChoice(TypedDict):
    #: The model; of a job from before there was a choice of models, its provider.
    name: str
    expected_seconds: int


class PictureWish(TypedDict):
    index: int
    seed: int
    preset: str | None


class TranslationPlan(TypedDict):
    """How long a job waits for the translator."""

    #: Before each further try.
    pauses_seconds: list[int]
    #: A try that begins so long after the story's begin is the last.
    last_after_seconds: float


class JobOrder(TypedDict):
    """Input of generate_job."""

    job_id: str
    traceparent: str | None
    #: How often the orchestration was started again before; its children's names hold it.
    start: int
    #: Where the bar stood when an earlier run died.
    progress: int
    #: Tells owners apart in a line.
    owner: NotRequired[str]
    #: Uploads by field; of those in `prepared`, what they were prepared as when the job was accepted.
    images: dict[str, str]
    #: What is merely poor about images that are prepared already, by field. The version before had none.
    prepared: NotRequired[dict[str, list[WarningData]]]
    label: str
    generators: list[GeneratorChoice]
    pictures: list[PictureWish]
    limits: Limits
    #: The prompt is to be translated, which is not decided yet.
    translation: NotRequired[TranslationPlan]


class PictureOrder(PictureWish):
    """Input of make_picture. `images` are the prepared ones, in the kind's order."""

    job_id: str
    traceparent: str | None
    #: How often the story of this picture was begun before: then there may be records of it.
    run: int
    #: Where the bar begins.
    progress: int
    #: Why nothing is sent any more; what was sent in an earlier run is looked after.
    problem: ProblemData | None
    owner: NotRequired[str]
    images: list[str]
    label: str
    generators: list[GeneratorChoice]
    started_at: str
    limits: Limits


class Named(TypedDict):
    """What each payload of a picture begins with."""

    job_id: str
    traceparent: str | None
    index: int
    generator: str
    #: Which try to make a prediction: what comes late of an earlier one must not touch the slot of a later one.
    attempt: int


class Handle(TypedDict):
    id: str
    poll_url: str


# ---- prepare_image ----


class PrepareOrder(TypedDict):
    job_id: str
    traceparent: str | None
    field: str
    blob: str
    #: When the story asked: a run that comes later may come after its end.
    asked_at: str


class PrepareAnswer(TypedDict):
    blob: NotRequired[str]
    problem: NotRequired[ProblemData]
    #: What is merely poor about the image.
    warnings: NotRequired[list[WarningData]]


# ---- translate_prompt ----


class TranslateOrder(TypedDict):
    job_id: str
    traceparent: str | None
    #: As in JobOrder.
    start: int
    #: When the translator fails once more, the prompt is sent as it was written.
    is_last: bool


class TranslateAnswer(TypedDict):
    state: Literal["decided", "again"]


# ---- submit_prediction ----


class SubmitOrder(Named):
    #: Counts the calls of this activity for a picture: what is delivered again later does not send again.
    call: int
    images: list[str]
    #: Who is told of a slot (by `event`) and of the prediction's end.
    instance: str
    event: str
    timeout_seconds: int
    #: The provider failed since the gate was last told.
    has_failed: bool
    may_wait_when_down: bool
    #: A send of this attempt may be on record already: it is looked at before the gate is.
    may_be_sent: bool
    #: The story is told again: whatever it would decide, it goes the way that is on record.
    is_rerun: bool
    #: The picture goes on without this attempt, unless a send of it is on record: to be answered with a verdict.
    is_over: bool
    #: Why, where nobody has canceled.
    over_problem: ProblemData | None
    find_looks_seconds: list[int]
    owner: NotRequired[str]


class Answered(TypedDict):
    """What each answer of submit_prediction tells: what the attempt's sends owe and, in a story that is told again, where the
    next attempt on record went."""

    sends: list[SendState]
    #: What each of them costs, if it is paid for; where it is not known yet, the list price counts.
    cost: NotRequired[Cost | None]
    followed_by: NotRequired[str | None]


class Submitted(Answered):
    state: Literal["submitted"]
    handle: Handle
    will_be_told: bool
    #: Since the submit, where it is on record from an earlier run.
    age_seconds: float
    #: What a picture usually takes there; None where nothing was measured yet.
    expected_seconds: float | None
    #: False: the job was canceled meanwhile.
    is_wanted: bool
    #: False: storage did not take the handle, and this answer alone holds it.
    is_recorded: NotRequired[bool]


class Ended(Answered):
    """The prediction was made and has ended, in an earlier run of this story."""

    state: Literal["ended"]
    look: "Stored | LookFailed"


class Waiting(Answered):
    """No slot yet. `problem` says why, when nobody gets one just now."""

    state: Literal["waiting"]
    position: int | None
    wait_seconds: float
    look_again_seconds: float
    problem: ProblemData | None


class Again(Answered):
    """Refused for now, or its answer was lost: call again later. `provider_failed`: it is down rather than busy."""

    state: Literal["again"]
    after_seconds: float | None
    problem: ProblemData
    provider_failed: bool


class SubmitFailed(Answered):
    state: Literal["failed"]
    problem: ProblemData


class SubmitCanceled(Answered):
    state: Literal["canceled"]


SubmitAnswer = Submitted | Ended | Waiting | Again | SubmitFailed | SubmitCanceled


# ---- record_prediction ----


class RecordOrder(Named):
    handle: Handle
    cost: NotRequired[Cost | None]


class Recorded(TypedDict):
    #: False: another run of the submit has taken the send over, and its word stands.
    recorded: bool


# ---- check_prediction ----


class CheckOrder(Named):
    #: When the story asked: a run that comes later may come after its end.
    asked_at: str
    #: When it was submitted, and when a look was asked for that last saw it run; None where none has. The version before said
    #: neither.
    submitted_at: str
    ran_at: str | None
    #: The job's end, which removes what nobody wants any more, follows this look at once.
    is_followed: bool
    handle: Handle
    seed: int
    preset: str | None
    label: str


class Output(TypedDict):
    """A stored picture."""

    index: int
    blob: str
    thumbnail_blob: str
    content_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    seed: int
    preset: str | None


class Running(TypedDict):
    """`after_seconds`: where the provider asked for a pause."""

    state: Literal["running"]
    trouble: str | None
    after_seconds: float | None


class Missing(TypedDict):
    """The provider does not know it just now."""

    state: Literal["missing"]
    problem: ProblemData


class Stored(TypedDict):
    state: Literal["stored"]
    output: Output
    ready_at: str
    #: The slot was given back; else somebody still has to.
    left_gate: bool


class Unstored(TypedDict):
    """Finished and paid for, but its picture could not be had just now. `is_final`: nor later, as far as this look can tell."""

    state: Literal["unstored"]
    problem: ProblemData
    ready_at: str
    is_final: bool
    left_gate: bool


class LookFailed(TypedDict):
    """Ended without a picture; `resubmits` new predictions are worth a try."""

    state: Literal["failed"]
    problem: ProblemData
    resubmits: int
    left_gate: bool


LookAnswer = Running | Missing | Stored | Unstored | LookFailed


# ---- cancel_prediction, leave_gate ----


class CancelOrder(Named):
    handle: Handle


class CancelAnswer(TypedDict):
    state: Literal["canceled", "finished", "going on"]
    retryable: bool
    left_gate: bool


class LeaveOrder(Named):
    """`outcome`: what the gate is told of the provider, as Gate.leave says."""

    outcome: Literal["ok", "failed"] | None


class LeaveAnswer(TypedDict):
    woken: int


# ---- how a picture and a job end ----


class MadeBy(TypedDict):
    provider: str
    model: str


class PictureEnd(TypedDict):
    index: int
    state: Literal["stored", "failed", "canceled"]
    output: Output | None
    problem: ProblemData | None
    #: What its sends owe; None where only the records can tell.
    sends: list[SendRow] | None
    generator: str
    #: Who that is, as the last step finds it.
    made_by: NotRequired["MadeBy"]
    fallback_used: bool
    looks: int
    submitted_at: str | None
    ready_at: str | None
    progress: int
    #: Its prediction goes on at the provider, and is watched.
    is_watched: bool


class TellOrder(TypedDict):
    """A picture has ended while its prediction goes on: `instance`, the job, hears of it as `event`."""

    job_id: str
    traceparent: str | None
    index: int
    instance: str
    event: str
    end: PictureEnd


class Told(TypedDict):
    told: bool


class ChildOrder(TypedDict):
    """A child failed as far as its job was told: `instance`."""

    job_id: str
    traceparent: str | None
    index: int
    instance: str


class ChildAnswer(TypedDict):
    #: An operator ended it: that is final.
    was_terminated: bool


class FinishOrder(TypedDict):
    job_id: str
    traceparent: str | None
    started_at: str
    #: What ended the job before its pictures were begun.
    problem: ProblemData | None
    pictures: list[PictureEnd]
    #: What the job's story has found merely poor.
    warnings: NotRequired[list[WarningData]]
    #: The prepared images by field, where all of them are there.
    sent: NotRequired[dict[str, str]]


class FinishAnswer(TypedDict):
    status: str
    #: Somebody has deleted it meanwhile.
    is_deleted: NotRequired[bool]
    #: Its owner is to be told.
    is_expected: NotRequired[bool]


class KeepOrder(TypedDict):
    job_id: str
    traceparent: str | None
    picture: PictureEnd


class Kept(TypedDict):
    kept: bool
    #: As in FinishAnswer.
    is_deleted: NotRequired[bool]


class JanitorOrder(TypedDict):
    """Input of forget_jobs."""

    look_again_seconds: int
    patience: Patience


class ForgetOrder(TypedDict):
    traceparent: str | None


class ForgetAnswer(TypedDict):
    """How many deleted jobs are still to be forgotten."""

    left: int


# ---- deliver_webhook, send_webhook ----


class DeliverOrder(TypedDict):
    """Input of deliver_webhook. The address is the owner's, and stays in the job's document."""

    job_id: str
    traceparent: str | None
    patience: list[int]


class SendOrder(TypedDict):
    job_id: str
    traceparent: str | None


class DeliverAnswer(TypedDict):
    """Seconds until the next try; None when there is none."""

    wait_seconds: float | None
