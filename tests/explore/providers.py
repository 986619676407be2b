"""Replicate and Black Forest Labs in memory: what `shared.providers` reaches through its `http`. Facts: providers reference."""

import base64
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from shared.providers.http import Answer, Unreachable
from tests.explore.ledger import Ledger, Owner, Prediction
from tests.explore.plan import ANSWERS_500, ANSWERS_503, BFL, REPLICATE, SILENT, Create

#: A read is given up after this.
SILENT_SECONDS = 15.0
_REPLICATE_LINK_LIFE, _BFL_LINK_LIFE = timedelta(hours=1), timedelta(minutes=10)
_FAILURES = {
    "moderated input": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
    "moderated output": "ModelError: flagged as sensitive (E005) (Xk3v9x2m7q)",
    "E003": "Service is currently unavailable due to high demand. Please try again later. (E003)",
    "PA": "Prediction interrupted; please retry (code: PA)",
    "E1000": "Unknown error (E1000)", "E4875": "Webhook URL was empty (E4875)", "unknown": "Something else.",
}  # fmt: skip
_HTML = b"<html><body><h1>Bad gateway</h1></body></html>"


class Surroundings(Protocol):
    """What the models need of the world."""

    ledger: Ledger

    @property
    def now(self) -> datetime: ...

    def create_plan(self, provider: str) -> tuple[int, Create]: ...
    def list_answers(self) -> tuple[tuple[int, str], ...]: ...
    def owner(self) -> Owner: ...
    def outage(self, provider: str) -> str | None: ...
    def take(self, seconds: float) -> None: ...
    def made(self, prediction: Prediction) -> None: ...
    def note(self, text: str) -> None: ...
    def picture(self, prediction: Prediction) -> bytes: ...
    def cap(self, provider: str) -> int | None: ...
    def heard(self, prediction: Prediction) -> None: ...


class ModelHttp:
    """Stands in for ProviderHttp. `do(what, call)` runs each exchange."""

    def __init__(self, model: "Model", do: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._model = model
        self._do = do

    def get(self, url: str, headers: Mapping[str, str], **params: str) -> Answer:
        answer = self._do(f"GET {urlsplit(url).path}", lambda: self._model.get(url, params))
        self._model.is_heard()
        return answer

    @contextlib.contextmanager
    def stream(self, url: str, headers: Mapping[str, str], budget: Any, **params: str) -> Iterator[Any]:
        """The answer with its body in parts."""
        answer = self.get(url, headers, **params)
        yield SimpleNamespace(answer=answer, status=answer.status, parts=iter([answer.body]))

    def post(self, url: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        # As it would travel: what is no JSON is a defect of ours.
        sent = json.loads(json.dumps(body))
        return self._do(f"POST {urlsplit(url).path}", lambda: self._model.post(url, headers, sent))

    def download(self, url: str, check: Callable[[str], str]) -> bytes:
        return bytes(self._do(f"download {urlsplit(url).path}", lambda: self._model.download(check(url), check)))


class Model:
    """What both providers' models share."""

    name: str

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._by_id: dict[str, Prediction] = {}
        self._lists = 0
        #: What the latest answer to a GET told the end of.
        self._shown: Prediction | None = None
        self._out_of_credit_until: datetime | None = None
        #: Of the latest create, where the provider counts by model.
        self._asked_model = ""

    # ---- what the clients call ----

    def get(self, url: str, params: Mapping[str, str]) -> Answer:
        raise NotImplementedError

    def post(self, url: str, headers: Mapping[str, str], body: Any) -> Answer:
        raise NotImplementedError

    def download(self, url: str, check: Callable[[str], str]) -> bytes:
        self._world.take(0.2)
        self._away()
        prediction = self._named_in(url)
        odd = self._odd(prediction, "downloads")
        if odd == "stranger":
            check("https://stranger.example/stolen.png")
        if odd == "not an image":
            return b"this is no image"
        if odd in ("broken off", "dropped", "too large"):
            raise Unreachable(f"download {odd}")
        is_dead = self._world.now >= prediction.ends_at + self._link_life
        status = 403 if is_dead else {"500": 500, "403": 403, "404": 404, "empty": 200}.get(odd or "", 0)
        if status:
            raise refused_download(status)
        return self._world.picture(prediction)

    def is_heard(self) -> None:
        """The latest answer to a GET has reached who asked."""
        if self._shown is not None:
            self._world.heard(self._shown)

    # ---- parts ----

    _link_life: timedelta

    def _create(self, headers: Mapping[str, str], body: dict[str, Any]) -> Answer:
        """A create: what it is answered, and whether a prediction is made, is the plan's to say."""
        number, plan = self._world.create_plan(self.name)
        away = self._world.outage(self.name)
        answer = {ANSWERS_503: "503", ANSWERS_500: "500", SILENT: "slow and lost", None: plan.answer}.get(away, "never sent")
        is_full = self._is_full()
        refusal = self._refusal("429" if is_full and answer == "ok" else answer)
        self._world.ledger.asked[-1].is_refused = answer == "never sent" or refusal is not None
        if answer == "never sent":
            raise Unreachable("ConnectTimeout", never_sent=True)
        if refusal is not None:
            self._world.take(plan.takes)
            return refusal
        is_made = not is_full and (answer in ("ok", "slow", "html", "half") or (plan.is_made and away is None))
        prediction = self._make(number, plan, headers, body) if is_made else None
        self._world.ledger.asked[-1].prediction = prediction
        self._world.take(SILENT_SECONDS * 2 if answer == "slow and lost" else plan.takes)
        if prediction is not None and answer in ("ok", "slow"):
            self._world.note(f"{self.name} answers create {number} with {prediction.id}")
            return self._created(prediction)
        if answer in ("500", "502"):
            return Answer(int(answer), {}, _HTML if answer == "502" else b'{"detail":"Internal server error"}')
        if answer in ("html", "half"):
            return Answer(200, {}, _HTML if answer == "html" else b'{"id":"abc')
        raise Unreachable("read timed out" if answer == "slow and lost" else "connection dropped")

    def _refusal(self, answer: str) -> Answer | None:
        if self._out_of_credit_until and self._world.now < self._out_of_credit_until:
            answer = "402"
        if answer == "402" and self._out_of_credit_until is None:
            self._out_of_credit_until = self._world.now + timedelta(seconds=90)
        if answer not in ("400", "401", "402", "408", "429", "503"):
            return None
        headers = {"Retry-After": "3"} if answer in ("429", "503") else {}
        return Answer(int(answer), headers, json.dumps({"detail": f"refused with {answer}"}).encode())

    def _make(self, number: int, plan: Create, headers: Mapping[str, str], body: dict[str, Any]) -> Prediction:
        now = self._world.now
        after = headers.get("Cancel-After", "")
        deadline = now + timedelta(seconds=float(after.rstrip("s"))) if after else None
        made = Prediction(
            f"{self.name}{number:04d}x{'q' * 8}",
            self.name,
            number,
            self._world.owner(),
            plan,
            now,
            body,
            self._asked_model,
            deadline,
        )
        self._by_id[made.id] = made
        self._world.made(made)
        return made

    def _look_answer(self, prediction: Prediction) -> Answer | None:
        """What a look is answered instead of the truth, if the plan says so."""
        self._shown = None
        self._world.take(0.1)
        self._away()
        odd = self._odd(prediction, "looks")
        if odd == "dropped":
            raise Unreachable("connection dropped")
        if odd == "not found":
            return self._unknown()
        bodies = {"html": (200, _HTML), "half": (200, b'{"id": "x", "sta'), "list": (200, b"[]"), "503": (503, _HTML)}
        if odd in bodies:
            return Answer(bodies[odd][0], {}, bodies[odd][1])
        if odd is not None:
            return Answer(int(odd), {"Retry-After": "3"} if odd == "429" else {}, b'{"detail": "no"}')
        is_told = prediction.is_ended(self._world.now) and prediction.outcome(self._world.now) != "not found"
        self._shown = prediction if is_told else None
        return None

    def _unknown(self) -> Answer:
        raise NotImplementedError

    def _created(self, prediction: Prediction) -> Answer:
        raise NotImplementedError

    def _is_full(self) -> bool:
        return False

    def _away(self) -> None:
        """Raises, or is away by an answer that tells nothing, while the provider is away."""
        how = self._world.outage(self.name)
        if how == SILENT:
            self._world.take(SILENT_SECONDS)
            raise Unreachable("read timed out")
        if how is not None:
            raise Unreachable("ConnectTimeout", never_sent=True)

    def _odd(self, prediction: Prediction, what: str) -> str | None:
        number = prediction.counts.get(what, 0)
        prediction.counts[what] = number + 1
        return dict(getattr(prediction.plan, what)).get(number)

    def _named_in(self, url: str) -> Prediction:
        parts = urlsplit(url)
        for part in (*parts.path.split("/"), *parse_qs(parts.query).get("id", [])):
            if part in self._by_id:
                return self._by_id[part]
        raise AssertionError(f"{self.name} was asked for {url}, which it never named")


class Replicate(Model):
    name = REPLICATE
    _link_life = _REPLICATE_LINK_LIFE

    def get(self, url: str, params: Mapping[str, str]) -> Answer:
        path = urlsplit(url).path
        self._shown = None
        if path == "/v1/predictions":
            return self._list(params)
        if path == "/v1/account":
            self._away()
            return _json(200, {"type": "organization", "username": "us"})
        prediction = self._named_in(url)
        return self._look_answer(prediction) or _json(200, self._told(prediction))

    def post(self, url: str, headers: Mapping[str, str], body: Any) -> Answer:
        if not url.endswith("/cancel"):
            return self._create(headers, body)
        prediction = self._named_in(url)
        self._world.take(0.1)
        self._away()
        odd = self._odd(prediction, "cancels")
        if odd == "dropped":
            raise Unreachable("connection dropped")
        if odd is not None:
            return Answer(int(odd), {"Retry-After": "3"} if odd == "429" else {}, b'{"detail": "no"}')
        if not prediction.is_ended(self._world.now):
            prediction.canceled_at = self._world.now
            self._world.note(f"replicate cancels {prediction.id}")
        return _json(200, self._told(prediction))

    def _created(self, prediction: Prediction) -> Answer:
        return _json(201, self._told(prediction))

    def _unknown(self) -> Answer:
        return _json(404, {"detail": "Not found.", "status": 404})

    def _list(self, params: Mapping[str, str]) -> Answer:
        self._world.take(0.2)
        self._away()
        odd = dict(self._world.list_answers()).get(self._lists)
        self._lists += 1
        if odd == "dropped":
            raise Unreachable("connection dropped")
        if odd is not None:
            return Answer(int(odd), {"Retry-After": "3"} if odd == "429" else {}, b'{"detail": "no"}')
        since, now = datetime.fromisoformat(params["created_after"]), self._world.now
        shown = [
            p for p in reversed(list(self._by_id.values()))
            if p.created_at >= since and now >= p.created_at + timedelta(seconds=p.plan.list_lag)
        ]  # fmt: skip
        for prediction in shown:
            if prediction.owner == self._world.owner():
                prediction.listed_at = prediction.listed_at or now
        self._world.note(f"replicate lists {', '.join(p.id for p in shown) or 'nothing'}")
        return _json(200, {"next": None, "previous": None, "results": [self._told(p) for p in shown]})

    def _told(self, prediction: Prediction) -> dict[str, Any]:
        now, plan = self._world.now, prediction.plan
        outcome = prediction.outcome(now)
        is_removed = now >= prediction.ends_at + self._link_life
        told: dict[str, Any] = {
            "id": prediction.id, "version": "hidden", "created_at": _stamp(prediction.created_at), "error": None, "output": None,
            "input": self._echo(prediction), "data_removed": is_removed,
            "urls": {"get": f"https://api.replicate.com/v1/predictions/{prediction.id}"},
        }  # fmt: skip
        if plan.echoes_webhook and "webhook" in prediction.body:
            told["webhook"] = prediction.body["webhook"]
        if outcome in ("starting", "processing", "canceled", "aborted"):
            return told | {"status": outcome}
        if outcome != "ready":
            return told | {"status": "failed", "error": _FAILURES[outcome]}
        return told | {"status": "succeeded", "output": None if is_removed else self._output(prediction)}

    def _echo(self, prediction: Prediction) -> dict[str, Any]:
        given = dict(prediction.body["input"])
        if prediction.plan.echoes_links:
            links = {name: f"https://replicate.delivery/in/{name}" for name in given if name.startswith("input_image")}
            given.update(links)
        return given

    def _output(self, prediction: Prediction) -> Any:
        if not prediction.has_picture:
            return None
        url = f"https://replicate.delivery/xezq/{prediction.id}/out.png"
        if prediction.plan.shape == "data":
            return f"data:image/png;base64,{base64.b64encode(self._world.picture(prediction)).decode()}"
        return [url] if prediction.plan.shape == "list" else url


class Bfl(Model):
    name = BFL
    _link_life = _BFL_LINK_LIFE

    def get(self, url: str, params: Mapping[str, str]) -> Answer:
        self._shown = None
        if urlsplit(url).path == "/v1/credits":
            self._away()
            is_out = self._out_of_credit_until is not None and self._world.now < self._out_of_credit_until
            return _json(200, {"credits": 1.0 if is_out else 500.0})
        prediction = self._named_in(url)
        return self._look_answer(prediction) or self._told(prediction)

    def post(self, url: str, headers: Mapping[str, str], body: Any) -> Answer:
        self._asked_model = urlsplit(url).path.removeprefix("/v1/")
        self._world.sending_model(self.name, self._asked_model)
        return self._create(headers, body)

    def _is_full(self) -> bool:
        active = self._world.ledger.active(self.name, self._world.now)
        of_model = [prediction for prediction in active if prediction.model == self._asked_model]
        cap, share = self._world.cap(self.name), self._world.share(self._asked_model)
        return (cap is not None and len(active) >= cap) or (share is not None and len(of_model) >= share)

    def _created(self, prediction: Prediction) -> Answer:
        url = f"https://api.eu2.bfl.ai/v1/get_result?id={prediction.id}"
        return _json(200, {"id": prediction.id, "polling_url": url, "cost": 8.0})

    def _unknown(self) -> Answer:
        return _json(404, {"id": "x", "status": "Task not found", "result": None})

    def _told(self, prediction: Prediction) -> Answer:
        outcome = prediction.outcome(self._world.now)
        told: dict[str, Any] = {"id": prediction.id, "result": None, "progress": None, "details": None}
        if outcome == "not found":
            return self._unknown()
        if outcome in ("starting", "processing"):
            return _json(200, told | {"status": "Reasoning" if prediction.plan.outcome == "odd status" else "Pending"})
        if outcome == "ready":
            url = f"https://delivery-eu1.bfl.ai/results/{prediction.id}/sample.png?se=x&sig=y"
            return _json(200, told | {"status": "Ready", "result": {"sample": url} if prediction.has_picture else {}})
        words = {"moderated input": "Request Moderated", "moderated output": "Content Moderated"}
        return _json(200, told | {"status": words.get(outcome, outcome)})


def refused_download(status: int) -> Exception:
    """What ProviderHttp.download raises for an answer that is no picture."""
    error = Unreachable(f"download answered {status} with 0 bytes")
    # Of a link that has gone; the next look may still name another.
    error.is_final = status in (403, 404, 410)  # type: ignore[attr-defined]
    return error


def _json(status: int, body: Any) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
