"""The recipe itself: the shortest length that pages offer, both label styles, no bias, really trained: half a minute.

Everything that the lab says of biased models rests on this: the same recipe must learn where nothing is biased.
"""

from __future__ import annotations

import pytest

from vlcore.choices import PRESETS
from vlcore.conditions import STYLES_OF_THE_STUDY, Condition
from vlcore.runs import pipeline, queues, store, validity


@pytest.mark.timeout(900)  # a minute on two idle cores, which a developer's machine may not have
def test_both_label_styles_pass_the_validity_gate_at_no_bias(quick: list[store.Artefact]) -> None:
    # Data seed 0 with another initialisation: the pictures are those that `quick` drew, the keys are not its own.
    conditions = [Condition(labels=labels, init_seed=1, steps=PRESETS["live"]) for labels in STYLES_OF_THE_STUDY]
    with queues.worker_pool(2) as pool:
        for future in [pool.submit(pipeline.train_condition, condition) for condition in conditions]:
            assert future.result() == "trained"
    gate = validity.gate(conditions[0])
    assert gate.light is validity.Light.GREEN, gate.sentences
    for condition in conditions:
        metrics = store.read(condition.key).metrics
        assert metrics["first_fit_step"] <= condition.steps / 1.2, "fitted with room to spare"
        assert 20 <= len(store.read(condition.key).arrays("snapshots.npz")["steps"]) <= 30
