"""Studies: many conditions in paired blocks, by name or from a file of one's own.

A study is about one setting. Its arms are values of that setting, crossed with levels of bias and with
blocks of seeds; everything else is shared, so that an arm differs from the baseline in one thing. What is shown beside
the arms but differs in more (a classifier has other labels), and the controls that a claim must beat, are named apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vlcore.core.condition import GRIDS, STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.core.errors import LabError
from vlcore.core.options import MITIGATIONS, NEGATIVES, SIZE_MODES, objectives_here, style_names

Value = str | int | float  # of a condition's field
MOST_SEEDS = 1000
PLACEBO = "shuffled_context"
_BIASED = (0.5, 0.75, 0.9)
_FILE_FIELDS = ("name", "factor", "baseline", "arms", "bias", "seeds", "settings")


class StudyError(LabError):
    """A study that cannot be run; the message says what to write instead."""


@dataclass(frozen=True)
class Study:
    """Conditions to compare.

    Attributes:
        name: of the study.
        factor: the field of a condition that it is about.
        baseline: the value that others are compared with.
        treatments: the other values.
        conditions: all of them, block by block, in every block by bias and then by arm.
        beside: conditions that are run too, and differ from the baseline in more than the factor.
        grid: what `find` knows it by: its name, or the path of its file.
    """

    name: str
    factor: str
    baseline: Value
    treatments: tuple[Value, ...]
    conditions: tuple[Condition, ...]
    beside: tuple[Condition, ...] = ()
    grid: str = ""

    @property
    def everything(self) -> tuple[Condition, ...]:
        return tuple(dict.fromkeys((*self.conditions, *self.beside)))


@dataclass(frozen=True)
class _Plan:
    factor: str
    baseline: Value
    treatments: Sequence[Value]
    biases: Sequence[float]
    settings: Mapping[str, Any]
    beside: Sequence[Mapping[str, Any]] = ()
    sentence: str = ""


_USUAL = Condition()
# An objective with a label style of its own other than the study's stands beside the comparison.
_OBJECTIVES = sorted(objectives_here().items(), key=lambda one: (bool(one[1].labels), not one[1].uses_captions))
_OWN_LABELS = {name: one.labels for name, one in _OBJECTIVES if one.labels not in ("", "descriptive")}


def _others(field: str, choices: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in choices if name != getattr(_USUAL, field))


_PLANS: dict[str, _Plan] = {
    **{
        name: _Plan(
            "labels", STYLES_OF_THE_STUDY[0], STYLES_OF_THE_STUDY[1:], biases, {},
            sentence="short and descriptive labels",
        )
        for name, biases in GRIDS.items()
    },
    "labels": _Plan(
        "labels", _USUAL.labels,
        [style for style in style_names(drawn=False) if style not in (_USUAL.labels, "own")],
        (0.0, 0.75), {}, sentence="every label style",
    ),
    "objectives": _Plan(
        "objective", _USUAL.objective,
        _others("objective", (name for name, _ in _OBJECTIVES if name not in _OWN_LABELS)),
        (0.0, 0.75), {"labels": "descriptive"},
        [{"objective": name, "labels": labels} for name, labels in _OWN_LABELS.items()],
        "every objective",
    ),
    "negatives": _Plan(
        "negatives", _USUAL.negatives, _others("negatives", NEGATIVES),
        (0.0, 0.75), {"labels": "descriptive"}, sentence="where mismatched captions come from",
    ),
    "mitigation": _Plan(
        "mitigation", _USUAL.mitigation, _others("mitigation", MITIGATIONS), _BIASED, {},
        sentence="what is done against the bias",
    ),
    "sizes": _Plan(
        "size_mode", _USUAL.size_mode, _others("size_mode", SIZE_MODES), _BIASED, {},
        sentence="what removing pictures does to the size of the training set",
    ),
}  # fmt: skip
STUDIES = {name: plan.sentence for name, plan in _PLANS.items()}


def find(name: str, base: Condition | None = None, seeds: int = 1) -> Study:
    """A study by its name, or from a YAML file of one's own (a name that ends in ``.yaml`` or ``.yml``).

    Args:
        name: one of `STUDIES`, or the path of a file.
        base: what all conditions share; the defaults when absent. A file's settings come on top.
        seeds: number of blocks; block *s* has data and initialisation seed *s*. A file may name its own.

    Raises:
        StudyError: when there is no such study, or a file says something that no study has.
        ConditionError: when a condition of it cannot be.
    """
    base = base or Condition()
    if name.endswith((".yaml", ".yml")):
        return _from_file(Path(name), base, seeds)
    if name not in _PLANS:
        raise StudyError(
            f"No grid is named {name!r}; choose one of {', '.join(_PLANS)}, or give the path of a .yaml file."
        )
    return _study(name, name, _PLANS[name], base, seeds)


def _study(name: str, grid: str, plan: _Plan, base: Condition, seeds: int) -> Study:
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        raise StudyError(f"number of seeds is {seeds!r}; give a whole number from 1 to {MOST_SEEDS}.")
    # A setting that was asked for goes before the plan's own, but not before what the study is about.
    given = {field.name: getattr(base, field.name) for field in fields(Condition)}
    shared = {**given, **plan.settings}

    def made(seed: int, bias: float, changes: Mapping[str, Any]) -> Condition:
        seeded = {"data_seed": base.data_seed + seed, "init_seed": base.init_seed + seed}
        return from_dict({**shared, **seeded, "bias": bias, **changes})

    arms = (plan.baseline, *plan.treatments)
    return Study(
        name=name,
        grid=grid,
        factor=plan.factor,
        baseline=plan.baseline,
        treatments=tuple(plan.treatments),
        conditions=tuple(
            made(seed, bias, {plan.factor: arm}) for seed in range(seeds) for bias in plan.biases for arm in arms
        ),
        beside=tuple(
            made(seed, bias, changes) for seed in range(seeds) for bias in plan.biases for changes in plan.beside
        ),
    )


def controls(study: Study) -> tuple[Condition, ...]:
    """What the claims of the study must beat beside the untrained encoder: labels of the same words whose place is
    drawn at random, and sets that lost as many pictures without getting biased. Only of a study of label styles."""
    if study.factor != "labels":
        return ()
    short = [condition for condition in study.conditions if condition.labels == study.baseline]
    placebos = [condition.with_labels(PLACEBO) for condition in short]
    removed = [condition.replace(size_mode="random_removal") for condition in short if condition.bias > 0]
    there = set(study.conditions)
    return tuple(condition for condition in (*placebos, *removed) if condition not in there)


def _from_file(path: Path, base: Condition, seeds: int) -> Study:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror}); give the path of a study file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise StudyError(f"{path.name} is no YAML file{line}; see the README for one that is.") from error
    if not isinstance(document, dict):
        raise StudyError(f"{path.name} holds no fields; write factor, baseline, arms and bias.")
    unknown = [str(name) for name in document if name not in _FILE_FIELDS]
    if unknown:
        raise StudyError(f"{path.name} has a field {unknown[0]!r}; a study has {', '.join(_FILE_FIELDS)}.")
    factor = document.get("factor", "labels")
    known = [field.name for field in fields(Condition) if field.name not in ("data_seed", "init_seed", "bias")]
    if factor not in known:
        raise StudyError(f"{path.name} compares by {factor!r}; choose one of {', '.join(known)} as factor.")
    arms, biases = (_list(path, document, name) for name in ("arms", "bias"))
    kind = type(getattr(base, factor))
    baseline = document.get("baseline", getattr(base, factor))
    for value in (baseline, *arms):
        if not isinstance(value, kind) or isinstance(value, bool):
            raise StudyError(f"{path.name} has an arm {value!r}, which is no value of {factor}.")
    settings = document.get("settings") or {}
    if not isinstance(settings, dict):
        raise StudyError(f"{path.name} has settings that are no fields; write them as `steps: 600`, one a line.")
    from_dict(settings)  # says which setting does not exist
    name = document.get("name", path.stem)
    treatments = tuple(arm for arm in dict.fromkeys(arms) if arm != baseline)
    if not treatments:
        raise StudyError(f"{path.name} has no arm but the baseline; name what it is compared with as arms.")
    plan = _Plan(str(factor), baseline, treatments, tuple(dict.fromkeys(biases)), settings)
    return _study(str(name), str(path), plan, base, document.get("seeds", seeds))


def _list(path: Path, document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list) or not value:
        raise StudyError(f"{path.name} has an empty grid: give {name} as a list, such as `{name}: {_EXAMPLES[name]}`.")
    return value


_EXAMPLES = {"arms": "[partial_25, partial_50, descriptive]", "bias": "[0, 0.75]"}
