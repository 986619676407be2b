"""Names that the task hub stores."""

from shared import names
from shared.domain.kinds import GOODS, KINDS, PPL
from shared.job_ids import new_job_id
from shared.names import picture_instance_id
from shared.providers.registry import GENERATORS, build_generators
from shared.secrets import VAULT_NAMES, EnvironmentSecrets, Secrets
from shared.settings import Settings


def test_the_stored_names_are_as_they_were() -> None:
    # Orchestrations in flight know their functions by these: a change here is a migration.
    assert names.ORCHESTRATORS == ("generate_job", "make_picture")
    assert names.ACTIVITIES == (
        "prepare_image", "enter_gate", "submit_prediction", "check_prediction", "cancel_prediction", "leave_gate", "finish_job",
        "keep_leftover",
    )  # fmt: skip
    assert names.EVENT_CANCEL == "cancel"


def test_a_job_of_one_picture_makes_it_itself_and_a_job_of_several_in_instances_of_their_own() -> None:
    job_id = new_job_id()

    assert picture_instance_id(job_id, 0, 1) == job_id
    assert [picture_instance_id(job_id, index, 3) for index in range(3)] == [f"{job_id}-0", f"{job_id}-1", f"{job_id}-2"]


def test_every_kind_has_a_generator_and_images_of_its_own_route() -> None:
    assert KINDS == {"ppl": PPL, "goods": GOODS}
    assert {kind.generator for kind in KINDS.values()} <= {generator.name for generator in GENERATORS}
    assert (PPL.route, PPL.images, PPL.accepts_preset) == ("ppl-gen", ("input_image_1", "input_image_2"), False)
    assert (GOODS.route, GOODS.images, GOODS.accepts_preset) == ("goods-gen", ("input_image",), True)


def test_every_generator_is_built_under_its_name_with_a_secret_that_can_be_read() -> None:
    built = build_generators(Settings(), Secrets(EnvironmentSecrets({})))

    assert set(built) == {generator.name for generator in GENERATORS} == {"replicate", "bfl"}
    assert all(generator.secret_name in VAULT_NAMES for generator in built.values())
    assert {name: generator.model for name, generator in built.items()} == {
        "replicate": "flux-kontext-apps/multi-image-kontext-max", "bfl": "flux-kontext-max",
    }  # fmt: skip
