"""What the front door takes for a model."""

from typing import Any

import pytest

from vlcore.api.comparison import compare
from vlcore.api.models import as_model
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError


@pytest.mark.parametrize("ask", [as_model, compare])
def test_a_condition_is_no_model(ask: Any) -> None:
    with pytest.raises(LabError, match="Condition is not a model"):
        ask(Condition())
