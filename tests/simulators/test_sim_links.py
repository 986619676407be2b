"""Images that are given as links are fetched, and count as if they had come as data; or they cannot be, and are told of."""

import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from PIL import Image

from simulators import Simulators, inputs
from tests.patience import PATIENCE

#: Seconds after which a link is given up, here.
SOON = 0.4
#: Two of Replicate, two of BFL.
MODELS = ["multi-image-kontext-max", "replicate flux-2-pro", "flux-kontext-max", "bfl flux-2-pro"]

every_model = pytest.mark.parametrize("model", MODELS)


class Shelf(ThreadingHTTPServer):
    """Files by path; each is a body, or a function that answers by itself."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        #: What was asked for, queries and all.
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        found = self.server.files.get(self.path.partition("?")[0])
        if callable(found):
            found(self)
            return
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    server = Shelf()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Maker:
    """A create of any model, with one image in question."""

    def __init__(self, client: Any, model: str) -> None:
        self._client = client
        self._model = model.split()[-1]
        self.provider = "replicate" if model in MODELS[:2] else "bfl"
        #: Where the provider says the image stands.
        self.place = {MODELS[0]: "input_image_1", MODELS[1]: "input_images.0"}.get(model, "input_image")

    def create(self, image: str) -> requests.Response:
        if self.place == "input_images.0":
            return self._client.replicate_flux(input_images=[image], seed=1)
        if self.provider == "replicate":
            return self._client.replicate_create(input_image_1=image, seed=1)
        return self._client.bfl_create(model=self._model, input_image=image, seed=1)

    def picture(self, image: str) -> bytes:
        answer = self.create(image)
        assert answer.ok, answer.text
        return bytes(self._client.get(self._client.url_of(self.provider, answer.json())).content)


@every_model
def test_a_link_makes_the_picture_that_the_data_makes(client: Any, shelf: Shelf, helpers: dict[str, Any], model: str) -> None:
    image, maker = helpers["png"](640, 480, "#2060c0"), Maker(client, model)
    shelf.files["/character.png"] = image

    def data(image: bytes) -> str:
        return helpers["data_uri"](image) if maker.provider == "replicate" else base64.b64encode(image).decode()

    picture = maker.picture(shelf.url("/character.png?sig=secret%2Bkey"))
    assert picture == maker.picture(data(image))
    assert picture != maker.picture(data(helpers["png"](640, 480, "#20c060")))
    assert len(shelf.asked) == 1


@pytest.mark.parametrize("provider", ["replicate", "bfl"])
def test_every_one_of_eight_links_is_fetched(client: Any, shelf: Shelf, helpers: dict[str, Any], provider: str) -> None:
    paths = [f"/{number}.png" for number in range(8)]
    shelf.files.update({path: helpers["png"](64 + 16 * n, 64) for n, path in enumerate(paths)})
    urls = [shelf.url(path) for path in paths]
    if provider == "replicate":
        answer = client.replicate_flux(input_images=urls)
        assert answer.json()["input"]["input_images"] == urls
    else:
        names = ["input_image", *(f"input_image_{n}" for n in range(2, 9))]
        answer = client.bfl_create(model="flux-2-pro", **dict(zip(names, urls, strict=True)))
    assert answer.ok
    assert sorted(shelf.asked) == paths
    assert client.ended(provider, answer.json())["status"] in ("succeeded", "Ready")


def test_the_first_link_gives_the_size(client: Any, shelf: Shelf, helpers: dict[str, Any]) -> None:
    shelf.files.update({"/a.png": helpers["png"](640, 320), "/b.png": helpers["png"](64, 64)})
    created = client.bfl_create(model="flux-2-pro", input_image=shelf.url("/a.png"), input_image_2=shelf.url("/b.png")).json()
    assert (created["input_mp"], created["output_mp"]) == (0.21, 0.2)


def in_pieces(body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for at in range(0, len(body), 1000):
            handler.wfile.write(body[at : at + 1000])
            time.sleep(0.02)

    return answer


def with_status(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def slowly(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    time.sleep(SOON * 2)


def test_a_file_that_comes_in_pieces_is_read_whole(client: Any, shelf: Shelf) -> None:
    file = io.BytesIO()
    Image.effect_noise((96, 96), 60).save(file, "PNG")
    shelf.files["/noise.png"] = in_pieces(file.getvalue())
    assert client.bfl_create(input_image=shelf.url("/noise.png")).status_code == 200


def test_redirects_are_followed(client: Any, shelf: Shelf, helpers: dict[str, Any]) -> None:
    shelf.files.update({"/here": with_status(302, Location="/there.png"), "/there.png": helpers["png"]()})
    assert client.bfl_create(input_image=shelf.url("/here")).status_code == 200


BROKEN: dict[str, Any] = {
    "not there": None,
    "forbidden": with_status(403),
    "an error": with_status(500),
    "too slow": slowly,
    "too big": bytes(5000),
    "elsewhere": with_status(302, Location="ftp://127.0.0.1/x.png"),
    "in circles": with_status(302, Location="/x.png"),
}


@pytest.mark.parametrize("how", [*BROKEN, "nobody listens"])
@every_model
def test_a_link_that_gives_no_file(
    client: Any, sim: Simulators, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, model: str, how: str
) -> None:
    maker = Maker(client, model)
    if how == "too big":
        monkeypatch.setattr(inputs, "MAX_FETCHED_BYTES", 4000)
    if BROKEN.get(how) is not None:
        shelf.files["/x.png"] = BROKEN[how]
    sim.configure(**{maker.provider: {"fetch_timeout_seconds": SOON}})
    answer = maker.create("http://127.0.0.1:1/x.png" if how == "nobody listens" else shelf.url("/x.png?sig=secret"))

    if maker.provider == "replicate":
        body = client.ended("replicate", answer.json())
        assert (body["status"], body["output"]) == ("failed", None)
        assert "input could not be fetched" in body["error"]
    else:
        assert answer.status_code == 422
        assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", "input_image"]]
        assert "secret" not in answer.text
    assert sim.stats()[maker.provider]["billed"] == 0
    assert sim.stats()[maker.provider]["fetches_failed"] == 1


@every_model
def test_how_such_a_link_fails_can_be_chosen(client: Any, sim: Simulators, shelf: Shelf, model: str) -> None:
    maker = Maker(client, model)
    answers = {}
    for how in ("422", "400", "error"):
        sim.configure(**{maker.provider: {"unfetchable_image": how}})
        answers[how] = maker.create(shelf.url("/gone.png?sig=secret"))
    assert [answer.status_code for answer in answers.values()] == [422, 400, 201 if maker.provider == "replicate" else 200]

    invalid = answers["422"].json()
    named = (
        [p["field"] for p in invalid["invalid_fields"]] if "invalid_fields" in invalid else [p["loc"] for p in invalid["detail"]]
    )
    assert named == ([f"input.{maker.place}"] if maker.provider == "replicate" else [["body", maker.place]])
    assert maker.place in answers["400"].json()["detail"]
    assert client.ended(maker.provider, answers["error"].json())["status"] in ("failed", "Error")
    assert sim.stats()[maker.provider]["submits"] == 1


def test_a_file_that_is_no_image_is_another_matter(client: Any, sim: Simulators, shelf: Shelf) -> None:
    shelf.files["/text"] = b"not an image"
    sim.configure(replicate={"unfetchable_image": "422"})
    body = client.ended("replicate", client.replicate_flux(input_images=[shelf.url("/text")]).json())
    assert body["error"].startswith("cannot identify image file")
    assert sim.fetches("replicate")[0]["failed"] == 0


@every_model
def test_a_fetch_can_be_made_to_fail(client: Any, sim: Simulators, shelf: Shelf, helpers: dict[str, Any], model: str) -> None:
    maker = Maker(client, model)
    shelf.files.update({"/character.png": helpers["png"](), "/product.png": helpers["png"]()})
    fault = {"on": "fetch", "kind": "unfetchable", "match": "character", "times": 1}
    sim.configure(**{maker.provider: {"unfetchable_image": "422", "faults": [fault]}})

    codes = [maker.create(shelf.url(path)).status_code for path in ("/product.png", "/character.png", "/character.png")]
    assert [code == 422 for code in codes] == [False, True, False]
    assert len(shelf.asked) == 2
    assert sim.stats()[maker.provider]["faults"] == 1


def test_faults_of_requests_do_not_meet_fetches(client: Any, sim: Simulators, shelf: Shelf, helpers: dict[str, Any]) -> None:
    shelf.files["/a.png"] = helpers["png"]()
    sim.configure(bfl={"faults": [{"on": "any", "kind": "status", "status": 500, "skip": 1, "times": 1}]})
    assert client.bfl_create(input_image=shelf.url("/a.png")).status_code == 200
    assert client.bfl_create().status_code == 500


@pytest.mark.parametrize("fault", [{"on": "fetch", "kind": "status"}, {"on": "create", "kind": "unfetchable"}], ids=str)
def test_faults_of_fetches_and_of_requests_are_not_mixed_up(client: Any, sim: Simulators, fault: dict) -> None:
    answer = client.http.post(f"{sim.url}/_sim/config", json={"bfl": {"faults": [fault]}}, timeout=PATIENCE)
    assert answer.status_code == 400


def test_what_was_fetched_is_on_record_without_what_opens_it(
    client: Any, sim: Simulators, shelf: Shelf, helpers: dict[str, Any]
) -> None:
    shelf.files["/a.png"] = helpers["png"]()
    inside = shelf.url("/a.png").replace("//", "//user:password@")
    for url in (
        shelf.url("/a.png?sig=secret1"),
        shelf.url("/a.png?sig=secret2#part"),
        f"{inside}?x=1",
        shelf.url("/no?sig=secret3"),
    ):
        client.bfl_create(input_image=url)
    client.replicate_flux(input_images=[shelf.url("/a.png?sig=secret4")])

    seen = client.get(f"{sim.url}/_sim/fetches").json()
    assert seen == sim.fetches() == [
        {"provider": "bfl", "url": shelf.url("/a.png"), "fetches": 3, "failed": 0},
        {"provider": "bfl", "url": shelf.url("/no"), "fetches": 1, "failed": 1},
        {"provider": "replicate", "url": shelf.url("/a.png"), "fetches": 1, "failed": 0},
    ]  # fmt: skip
    assert client.get(f"{sim.url}/_sim/fetches?provider=replicate").json() == seen[2:]
    stats = client.get(f"{sim.url}/_sim/stats").json()
    assert [(stats[name]["fetches"], stats[name]["fetches_failed"]) for name in ("replicate", "bfl")] == [(1, 0), (4, 1)]
    log = client.get(f"{sim.url}/_sim/requests").text
    assert all(word not in f"{seen}{stats}{log}" for word in ("secret", "password"))
    sim.reset()
    assert sim.fetches() == []


def test_a_link_is_fetched_anew_and_told_by_its_file(client: Any, sim: Simulators, shelf: Shelf, helpers: dict[str, Any]) -> None:
    shelf.files["/a.png"] = helpers["png"](colour="red")
    maker = Maker(client, "bfl flux-2-pro")
    first, again = maker.picture(shelf.url("/a.png?sig=1")), maker.picture(shelf.url("/a.png?sig=2"))
    shelf.files["/a.png"] = helpers["png"](colour="green")
    assert first == again != maker.picture(shelf.url("/a.png?sig=1"))
    # The same file under another signature is the same body.
    assert sim.stats()["bfl"]["duplicates"] == 1


def test_fetching_can_be_left_out(client: Any, sim: Simulators, shelf: Shelf) -> None:
    sim.configure(bfl={"fetch_urls": False})
    created = client.bfl_create(model="flux-2-pro", input_image=shelf.url("/no.png")).json()
    assert (client.ended("bfl", created)["status"], created["cost"], shelf.asked) == ("Ready", 3.0, [])
