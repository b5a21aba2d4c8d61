"""The command that measures a pretrained CLIP or SigLIP as one more model.

The one idea: it takes the options of training that still mean something where nothing is trained.
"""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

from vlcore.commands import check_set, headline, with_bar
from vlcore.images.catalogue import open_set
from vlcore.images.subset import usual_condition
from vlcore.runs import jobs, pretrained, store
from vlcore.runs.titles import title

COLLAPSED = "All embeddings of this checkpoint are nearly one point: it says nothing of pictures."


def add_options(command: Any) -> None:
    """The options of the command."""
    command.add_argument("checkpoint", help="hub name, such as openai/clip-vit-base-patch32, or a local folder")
    command.add_argument("--data", default="scenes", help="image set")
    command.add_argument("--bias", type=float, default=0.0, help="share of each minority group removed, 0 to 1")
    command.add_argument("--labels", help="label style whose captions are the prompts (clip_template)")
    command.add_argument("--template", help='prompts of your own, such as "a photo of a {object} {place}"')
    command.add_argument("--readout", default="zero-shot", help=f"one of {', '.join(pretrained.READOUTS)}")
    command.add_argument("--seed", type=int, default=0, help="of the training pictures")


def run(options: Namespace) -> dict[str, Any]:
    """Measure a checkpoint in this process, unless it is there."""
    labels = options.labels or ("own" if options.template else "clip_template")
    base = usual_condition(open_set(options.data)).replace(
        bias=options.bias, labels=labels, template=options.template or "", data_seed=options.seed,
        init_seed=options.seed,
    )  # fmt: skip
    condition = pretrained.condition_of(options.checkpoint, base, readout=options.readout)
    check_set(condition)
    started = time.perf_counter()
    jobs.clear_last_failure(condition.key)
    outcome = with_bar(condition.key, lambda: pretrained.make_pretrained(options.checkpoint, condition))
    artefact = store.read(condition.key)
    about = artefact.json("checkpoint.json")
    return {
        "key": condition.key,
        "title": title(condition),
        "state": "measured" if outcome == "trained" else outcome,
        "seconds": round(time.perf_counter() - started, 2),
        "checkpoint": {name: about[name] for name in ("name", "kind", "parameters", "bytes")},
        "device": artefact.manifest["device"],
        "metrics": headline(artefact),
    } | ({"warnings": [COLLAPSED]} if artefact.metrics["end"]["collapsed"] else {})
