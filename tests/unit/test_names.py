"""Names that the task hub stores."""

import json
from pathlib import Path

import pytest

from shared import names
from shared.domain.kinds import GOODS, KINDS, PPL
from shared.generators.registry import MODELS, Generators
from shared.job_ids import new_job_id
from shared.names import instance_ids, picture_instance_id
from shared.providers.registry import PROVIDERS, build_providers
from shared.secrets import VAULT_NAMES, EnvironmentSecrets, Secrets
from shared.settings import Settings


def test_the_stored_names_are_as_they_were() -> None:
    # Orchestrations in flight know their functions by these: a change here is a migration.
    assert names.ORCHESTRATORS == ("generate_job", "make_picture", "forget_jobs", "deliver_webhook")
    assert names.ACTIVITIES == (
        "prepare_image", "submit_prediction", "record_prediction", "check_prediction", "cancel_prediction", "leave_gate",
        "tell_job", "look_at_child", "finish_job", "keep_leftover", "forget_deleted", "send_webhook",
        "translate_prompt",
    )  # fmt: skip
    assert (names.EVENT_CANCEL, names.JANITOR) == ("cancel", "janitor")
    assert [names.slot_event(7), names.ended_event(2), names.picture_event(3)] == ["slot-7", "ended-2", "picture-3"]


def test_a_job_of_one_picture_makes_it_itself_and_a_job_of_several_in_instances_of_their_own() -> None:
    job_id = new_job_id()

    assert picture_instance_id(job_id, 0, 1) == job_id
    assert [picture_instance_id(job_id, index, 3) for index in range(3)] == [f"{job_id}-0", f"{job_id}-1", f"{job_id}-2"]


def test_the_children_of_a_later_start_have_names_of_their_own() -> None:
    assert [picture_instance_id("j", 1, 3, start) for start in range(3)] == ["j-1", "j-1-1", "j-1-2"]
    assert [picture_instance_id("j", 0, 1, start) for start in range(3)] == ["j", "j", "j"]


def test_every_instance_that_a_job_has_or_had_is_named_once() -> None:
    assert instance_ids("j", 1, 0) == instance_ids("j", 1, 5) == ["j"]
    assert instance_ids("j", 2, 0) == ["j", "j-0", "j-1"]
    assert instance_ids("j", 2, 2) == ["j", "j-0", "j-1", "j-0-1", "j-1-1", "j-0-2", "j-1-2"]


def test_the_host_stamps_each_instance_with_the_version_of_todays_stories() -> None:
    host = json.loads((Path(__file__).resolve().parents[2] / "host.json").read_text())

    assert host["extensions"]["durableTask"]["defaultVersion"] == str(names.STORY_VERSION)


def test_every_kind_has_a_generator_and_images_of_its_own_route() -> None:
    assert KINDS == {"ppl": PPL, "goods": GOODS}
    assert set(Settings().models) == set(KINDS)
    assert {name for names in Settings().models.values() for name in names} <= {model.id for model in MODELS}
    assert all(len(kind.images) == len(kind.roles) for kind in KINDS.values())
    assert (PPL.route, PPL.images, PPL.accepts_preset) == ("ppl-gen", ("input_image_1", "input_image_2"), False)
    assert (GOODS.route, GOODS.images, GOODS.accepts_preset) == ("goods-gen", ("input_image",), True)


def test_every_provider_is_built_under_its_name_with_a_secret_that_can_be_read() -> None:
    built = build_providers(Settings(), Secrets(EnvironmentSecrets({})))

    assert set(built) == {provider.name for provider in PROVIDERS} == {"replicate", "bfl"}
    assert all(provider.secret_name in VAULT_NAMES for provider in built.values())


def test_every_generator_is_built_under_its_model_at_its_provider() -> None:
    providers = build_providers(Settings(), Secrets(EnvironmentSecrets({})))
    generators = Generators(providers, {"bfl": "flux-kontext-pro", "replicate": "gone/model"})

    assert {name: generator.provider.name for name, generator in generators.items()} == {
        model.id: model.provider for model in MODELS
    }
    assert len({model.id for model in MODELS}) == len(MODELS)
    # Jobs of before name their provider.
    assert generators["bfl"].name == "flux-kontext-pro"
    assert (generators["replicate"].provider.name, generators["replicate"].name) == ("replicate", "gone/model")
    with pytest.raises(KeyError):
        generators["nobody/knows"]


def test_a_job_of_before_is_asked_of_the_model_that_was_set_though_it_is_none_of_ours() -> None:
    """It was sent that model's name with Kontext's fields, and no other."""
    providers = build_providers(Settings(), Secrets(EnvironmentSecrets({})))
    asked = Generators(providers, {"bfl": "flux-pro-1.1-ultra"})["bfl"]

    assert (asked.name, asked.provider.name, asked.model.fields) == (
        "flux-pro-1.1-ultra", "bfl", Generators(providers, {})["flux-kontext-max"].model.fields,
    )  # fmt: skip
