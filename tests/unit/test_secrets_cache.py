"""Secrets are read seldom, renewed in time, and kept through a vault's outage."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from shared.secrets import (
    REREAD_AFTER_SECONDS,
    VAULT_NAMES,
    EnvironmentSecrets,
    KeyVaultSecrets,
    Secrets,
    SecretUnavailable,
    build_secrets,
)
from shared.settings import Settings
from tests.patience import PATIENCE

KEY = "BFL_API_KEY"


class Store:
    """A secret store that counts its reads, and that can be down."""

    def __init__(self, **values: str) -> None:
        self.values = dict(values)
        self.down = False
        self.reads: list[str] = []

    def read(self, name: str) -> str | None:
        self.reads.append(name)
        if self.down:
            raise SecretUnavailable(name, "down")
        return self.values.get(name)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store() -> Store:
    return Store(BFL_API_KEY="first")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secrets(store: Store, clock: Clock) -> Secrets:
    return Secrets(store, clock)


def test_a_secret_is_read_once_in_five_minutes(secrets: Secrets, store: Store, clock: Clock) -> None:
    assert REREAD_AFTER_SECONDS == 300
    for seconds in (0, 100, 199, 0.9):
        clock.seconds += seconds
        assert secrets.get(KEY) == "first"

    assert store.reads == [KEY]


def test_a_rotated_secret_is_seen_after_five_minutes(secrets: Secrets, store: Store, clock: Clock) -> None:
    secrets.get(KEY)
    store.values[KEY] = "second"
    clock.seconds += 300

    assert secrets.get(KEY) == "second"
    assert store.reads == [KEY, KEY]


def test_a_refused_secret_is_read_again_at_once(secrets: Secrets, store: Store) -> None:
    secrets.get(KEY)
    store.values[KEY] = "second"

    assert secrets.reread(KEY, refused="first") == "second"
    assert secrets.get(KEY) == "second"
    assert len(store.reads) == 2


def test_a_refusal_of_an_older_secret_needs_no_read(secrets: Secrets, store: Store) -> None:
    secrets.get(KEY)
    store.values[KEY] = "second"
    secrets.reread(KEY, refused="first")

    assert secrets.reread(KEY, refused="first") == "second"
    assert len(store.reads) == 2


def test_a_refused_secret_may_have_been_withdrawn(secrets: Secrets, store: Store) -> None:
    secrets.get(KEY)
    del store.values[KEY]

    assert secrets.reread(KEY, refused="first") is None


@pytest.mark.parametrize("value", ["r8_abc\n", "  r8_abc", "\tr8_abc\r\n"])
def test_whitespace_around_a_secret_is_stripped(value: str) -> None:
    assert Secrets(Store(BFL_API_KEY=value)).get(KEY) == "r8_abc"


@pytest.mark.parametrize("value", ["", " \n"])
def test_a_blank_secret_is_none(value: str) -> None:
    assert Secrets(Store(BFL_API_KEY=value)).get(KEY) is None


def test_a_secret_that_is_not_set_is_none_and_is_remembered(secrets: Secrets, store: Store) -> None:
    assert secrets.get("TRANSLATOR_KEY") is None
    assert secrets.get("TRANSLATOR_KEY") is None
    assert store.reads == ["TRANSLATOR_KEY"]


def test_an_outage_is_forgiven_while_a_value_is_known(secrets: Secrets, store: Store, clock: Clock) -> None:
    secrets.get(KEY)
    store.down = True
    clock.seconds += 1000

    assert secrets.get(KEY) == "first"
    assert secrets.reread(KEY, refused="first") == "first"


def test_after_an_outage_the_store_is_asked_again(secrets: Secrets, store: Store, clock: Clock) -> None:
    secrets.get(KEY)
    store.down = True
    clock.seconds += 300
    secrets.get(KEY)
    store.down, store.values[KEY] = False, "second"
    clock.seconds += 300

    assert secrets.get(KEY) == "second"


def test_an_outage_before_the_first_read_is_told_with_the_secrets_name(secrets: Secrets, store: Store) -> None:
    store.down = True
    with pytest.raises(SecretUnavailable, match=KEY):
        secrets.get(KEY)

    store.down = False
    assert secrets.get(KEY) == "first"


def test_many_threads_that_need_a_secret_at_once_read_it_once(store: Store) -> None:
    threads = 16
    start = threading.Barrier(threads)
    secrets = Secrets(store)

    def get(_: int) -> str | None:
        start.wait(PATIENCE)
        return secrets.get(KEY)

    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(get, range(threads))) == ["first"] * threads
    assert store.reads == [KEY]


class Meeting(Store):
    """Holds its second read until told to go on: everyone else has come meanwhile."""

    def __init__(self, **values: str) -> None:
        super().__init__(**values)
        self.go_on = threading.Event()

    def read(self, name: str) -> str | None:
        value = super().read(name)
        if len(self.reads) == 2:
            assert self.go_on.wait(2 * PATIENCE)
        return value


def test_many_threads_whose_secret_is_refused_at_once_read_it_once() -> None:
    store = Meeting(BFL_API_KEY="first")
    secrets = Secrets(store)
    secrets.get(KEY)
    store.values[KEY] = "second"
    threads = 8
    came = threading.Semaphore(0)

    def reread(_: int) -> str | None:
        came.release()
        return secrets.reread(KEY, refused="first")

    with ThreadPoolExecutor(threads) as pool:
        try:
            answers = [pool.submit(reread, n) for n in range(threads)]
            for _ in range(threads):
                assert came.acquire(timeout=PATIENCE)
        finally:
            store.go_on.set()
        assert [answer.result(PATIENCE) for answer in answers] == ["second"] * threads
    assert len(store.reads) == 2


class Silent(Store):
    """A store that gives no answer until told to, from a number of reads on."""

    def __init__(self, reads: int, **values: str) -> None:
        super().__init__(**values)
        self.answered = reads
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, name: str) -> str | None:
        if len(self.reads) >= self.answered:
            self.begun.set()
            assert self.go_on.wait(2 * PATIENCE)
        return super().read(name)


def test_an_old_secret_is_used_while_one_thread_reads_it_again(clock: Clock) -> None:
    store = Silent(1, BFL_API_KEY="first")
    secrets = Secrets(store, clock)
    secrets.get(KEY)
    store.values[KEY] = "second"
    clock.seconds += 300
    with ThreadPoolExecutor(2) as pool:
        reader = pool.submit(secrets.get, KEY)
        assert store.begun.wait(PATIENCE)
        try:
            assert pool.submit(secrets.get, KEY).result(PATIENCE) == "first"
        finally:
            store.go_on.set()
        assert reader.result(PATIENCE) == "second"
    assert secrets.get(KEY) == "second"


@pytest.mark.parametrize("known", [0, 1])
def test_a_store_that_was_away_when_last_asked_holds_one_thread_only(clock: Clock, known: int) -> None:
    """Also those whose secret a provider refuses, which else wait for a newer one."""
    store = Silent(known + 1, BFL_API_KEY="first")
    secrets = Secrets(store, clock)
    if known:
        secrets.get(KEY)
    store.down = True

    def ask() -> str | None:
        return secrets.reread(KEY, refused="first") if known else secrets.get(KEY)

    def told(asked: "Future[str | None]") -> str | None:
        try:
            return asked.result(PATIENCE)
        except SecretUnavailable as error:
            return str(error)

    expected = "first" if known else f"{KEY}: down"
    with ThreadPoolExecutor(5) as pool:
        assert told(pool.submit(ask)) == expected
        reader = pool.submit(ask)
        assert store.begun.wait(PATIENCE)
        try:
            assert [told(pool.submit(ask)) for _ in range(3)] == [expected] * 3
        finally:
            store.go_on.set()
        assert told(reader) == expected
    assert len(store.reads) == known + 2


def test_a_store_that_is_away_for_one_secret_holds_up_no_other() -> None:
    class SilentForOne(Silent):
        def read(self, name: str) -> str | None:
            return super().read(name) if name == KEY else "another"

    store = SilentForOne(0, BFL_API_KEY="first")
    secrets = Secrets(store)
    with ThreadPoolExecutor(2) as pool:
        reader = pool.submit(secrets.get, KEY)
        assert store.begun.wait(PATIENCE)
        try:
            assert pool.submit(secrets.get, "TRANSLATOR_KEY").result(PATIENCE) == "another"
        finally:
            store.go_on.set()
        assert reader.result(PATIENCE) == "first"


def test_every_secret_of_the_environment_has_a_name_that_key_vault_takes() -> None:
    assert set(VAULT_NAMES) == {"REPLICATE_API_TOKEN", "BFL_API_KEY", "TRANSLATOR_KEY", "WEBHOOK_SIGNING_KEY"}
    assert all(name.replace("-", "").isalnum() for name in VAULT_NAMES.values())


def test_without_a_vault_secrets_come_from_the_environment_and_no_identity_is_asked() -> None:
    def no_identity() -> None:
        raise AssertionError("no vault, no identity")

    secrets = build_secrets(Settings.from_environ({KEY: " from the environment\n"}), no_identity)

    assert secrets.get(KEY) == "from the environment"
    assert secrets.get("REPLICATE_API_TOKEN") is None


def test_a_vault_in_the_settings_is_where_secrets_come_from() -> None:
    environ = {"KEY_VAULT_URI": "https://toon.vault.azure.net/", KEY: "from the environment"}
    identities: list[object] = []
    secrets = build_secrets(Settings.from_environ(environ), lambda: identities.append(object()) or identities[-1])

    assert isinstance(secrets._source, KeyVaultSecrets)
    assert len(identities) == 1


def test_an_environment_secret_is_read_by_its_own_name() -> None:
    assert EnvironmentSecrets({KEY: "x"}).read(KEY) == "x"
    assert EnvironmentSecrets({}).read(KEY) is None
