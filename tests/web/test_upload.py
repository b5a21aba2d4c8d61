"""Upload: what is said of models and images, without a page."""

from unittest.mock import Mock

import pytest

from vlcore.api.uploads import with_untrained
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import distinct_names
from vlcore.web.upload import inputs, predictions, sections


def test_choices_have_names_of_their_own_and_each_seed_its_untrained_encoder() -> None:
    condition = Condition(bias=0.75)
    trained = (condition, condition.replace(batch_size=64), condition.replace(bias=0.5))
    choices = with_untrained({each.key: each for each in trained})
    assert list(choices)[3:] == [condition.untrained.key], "bias comes after the first step"
    assert len(set(distinct_names(choices).values())) == 4, "a browser tells them apart by names"


@pytest.mark.parametrize(
    ("address", "opens"),
    [
        ("https://lab.example.org/Upload", True),
        ("http://localhost:8501/Upload", True),
        ("http://127.0.0.1:8501", True),
        ("http://[::1]:8501", True),
        ("http://10.0.0.3:8501/Upload", False),
        ("http://localhost.example.org", False),
        ("http://[::1", False),
        (None, True),
    ],
)
def test_a_camera_opens_by_https_and_at_the_machine(address: str | None, opens: bool) -> None:
    assert inputs.camera_opens(address) == opens


def test_the_first_sample_is_called_wrong_where_a_model_is() -> None:
    def about(*rights: bool | None, is_drawn: bool = True) -> str:
        sample = Mock(is_drawn=is_drawn, background="desert")
        reports = {str(number): [Mock(is_right=right)] for number, right in enumerate(rights)}
        return predictions.about_first_sample(Mock(pictures=(sample,), reports=reports))

    usual = about(True, True)
    assert about(True, False) != usual
    assert about(None, True) == usual == about(False, False, is_drawn=False)


@pytest.mark.parametrize(
    ("towers", "objects", "has_seen_them"),
    [
        ("pretrained", ("horse", "camel"), True),
        ("pretrained", ("cat", "dog"), False),
        ("timm:resnet18.a1_in1k", ("horse", "camel"), False),
    ],
)
def test_what_a_tower_knows_before_it_is_trained_here(
    towers: str, objects: tuple[str, str], has_seen_them: bool
) -> None:
    images = Mock(grouping=Grouping(objects, ("home", "park")))
    choice = Mock(conditions=(Condition(architecture=towers),), image_set=images)
    assert ("ImageNet" in sections._known_before(choice)) == has_seen_them
