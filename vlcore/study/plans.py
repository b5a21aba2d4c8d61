"""Studies: many conditions in paired blocks, by name or from a file of one's own.

A study is about one setting. Its arms are values of that setting, crossed with levels of bias and
with blocks of seeds; everything else is shared, so that an arm differs from the baseline in one
thing. A file may name arms that are sets of settings instead, for what differs in two at once (a
classifier has other labels). What is shown beside the arms but differs in more, and the controls
that a claim must beat, are named apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import (
    LABEL_ALIASES,
    MITIGATIONS,
    NEGATIVES,
    RECIPES,
    SIZE_MODES,
    objectives_here,
    style_names,
)
from vlcore.metrics.catalogue import PRIMARY

Value = str | int | float  # of a condition's field
MOST_SEEDS = 1000
PLACEBO = "shuffled_context"
SETS = "arm"  # the factor of a study whose arms are sets of settings
# What the YAML reader raises at what it takes for a number, a date, or nesting without end, beside
# its own errors.
_NO_YAML = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
_FILE_FIELDS = ("name", "factor", "baseline", "arms", "bias", "seeds", "settings")


class StudyError(LabError):
    """A study that cannot be run; the message says what to write instead."""


@dataclass(frozen=True)
class StudyPlan:
    """Conditions to compare: values of one of their fields, the factor, or sets of settings, with
    the baseline."""

    name: str
    factor: str
    baseline: Value
    treatments: tuple[Value, ...]
    conditions: tuple[Condition, ...]  # block by block, in every block by bias and then by arm
    beside: tuple[
        Condition, ...
    ] = ()  # run too, and other than the baseline in more than the factor
    grid: str = ""  # what `find` knows it by: its name, or the path of its file
    sets: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict
    )  # settings of each arm where the factor is SETS
    measure: str = PRIMARY  # the primary one
    prediction: str = ""  # of whoever planned it, if it was said

    def arm_of(self, condition: Condition) -> Value:
        """The arm of one of its conditions."""
        if not self.sets:
            return getattr(condition, self.factor)
        settings = vars(condition)
        return next(name for name, own in self.sets.items() if own.items() <= settings.items())

    @property
    def everything(self) -> tuple[Condition, ...]:
        return tuple(dict.fromkeys((*self.conditions, *self.beside)))


@dataclass(frozen=True)
class _Plan:
    factor: str
    baseline: Value
    treatments: tuple[Value, ...]
    biases: Sequence[float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    beside: Sequence[Mapping[str, Any]] = ()
    sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _plan(factor: str, arms: Iterable[str], biases: Sequence[float], *more: Any) -> _Plan:
    """A plan whose baseline is the usual value of the factor."""
    usual = getattr(Condition(), factor)
    return _Plan(
        factor, usual, tuple(arm for arm in arms if arm not in (usual, "own")), biases, *more
    )


# An objective with a label style of its own other than the study's stands beside the comparison.
_OBJECTIVES = sorted(
    objectives_here().items(), key=lambda one: (bool(one[1].labels), not one[1].uses_captions)
)
_OWN_LABELS = {
    name: one.labels for name, one in _OBJECTIVES if one.labels not in ("", "descriptive")
}
_BESIDE = [{"objective": name, "labels": labels} for name, labels in _OWN_LABELS.items()]
_LABELLED = [name for name, _ in _OBJECTIVES if name not in _OWN_LABELS]
_DESCRIPTIVE = {"labels": "descriptive"}
_PLANS = {
    **{name: _plan("labels", STYLES_OF_THE_STUDY, biases) for name, biases in GRIDS.items()},
    "labels": _plan("labels", style_names(drawn=False), (0.0, 0.75)),
    "objectives": _plan("objective", _LABELLED, (0.0, 0.75), _DESCRIPTIVE, _BESIDE),
    "negatives": _plan("negatives", NEGATIVES, (0.0, 0.75), _DESCRIPTIVE),
    "mitigation": _plan("mitigation", MITIGATIONS, (0.5, 0.75, 0.9)),
    "recipes": _plan("recipe", RECIPES, (0.0, 0.75)),
    "sizes": _plan("size_mode", SIZE_MODES, (0.5, 0.75, 0.9)),
}
STUDIES = tuple(_PLANS)


def find(name: str, base: Condition | None = None, seeds: int = 1) -> StudyPlan:
    """A study by its name, one of `STUDIES`, or from a YAML file of one's own, by its path
    (``.yaml`` or ``.yml``). `base` is what all conditions share, the defaults when absent; a file's
    settings come on top. Of so many blocks, block *s* has data and initialisation seed *s*; a file
    may name its own number. StudyError when there is no such study, or a file says something that
    no study has; ConditionError when a condition of it cannot be.
    """
    base = base or Condition()
    if name.endswith((".yaml", ".yml")):
        return _from_file(Path(name), base, seeds)
    if name not in _PLANS:
        known = ", ".join(_PLANS)
        raise StudyError(
            f"No grid is named {name!r}; choose one of {known}, or give the path of a .yaml file."
        )
    return _study(name, name, _PLANS[name], base, seeds)


def of_two(
    name: str, sets: Mapping[str, Mapping[str, Any]], bias: float, base: Condition, seeds: int
) -> StudyPlan:
    """Two arms at one level of bias, each a set of settings by its name, all of which both say; the
    first is the baseline. Blocks are as many as `seeds`, from those of `base` on; errors are those
    of `find`."""
    baseline, treatment = sets
    return _study(name, "", _Plan(SETS, baseline, (treatment,), (bias,), sets=sets), base, seeds)


def _study(name: str, grid: str, plan: _Plan, base: Condition, seeds: int) -> StudyPlan:
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        raise StudyError(
            f"number of seeds is {seeds!r}; give a whole number from 1 to {MOST_SEEDS}."
        )

    # A file's own seeds are those of the first block.
    first = {
        name: plan.settings.get(name, getattr(base, name)) for name in ("data_seed", "init_seed")
    }

    def made(arms: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
        # A setting that was asked for goes before the plan's own, but not before what the study is
        # about.
        blocks = [{name: seed + s for name, seed in first.items()} for s in range(seeds)]
        return tuple(
            on_its_set(base.replace(**{**plan.settings, **block, "bias": bias, **arm}))
            for block in blocks
            for bias in plan.biases
            for arm in arms
        )

    arms = (plan.baseline, *plan.treatments)
    conditions = made(list(plan.sets.values()) or [{plan.factor: arm} for arm in arms])
    return StudyPlan(
        name,
        plan.factor,
        plan.baseline,
        plan.treatments,
        conditions,
        made(plan.beside),
        grid,
        plan.sets,
    )


def controls(study: StudyPlan) -> tuple[Condition, ...]:
    """What the claims of the study must beat beside the untrained encoder: labels of the same words
    whose place is drawn at random, and sets that lost as many pictures without getting biased. Only
    of a study of label styles.
    """
    if study.factor != "labels":
        return ()
    short = [condition for condition in study.conditions if condition.labels == study.baseline]
    placebos = [condition.with_labels(PLACEBO) for condition in short]
    asked = [one for one in study.conditions if one.labels in STYLES_OF_THE_STUDY and one.bias > 0]
    removed = [condition.replace(size_mode="random_removal") for condition in asked]
    there = set(study.conditions)
    return tuple(condition for condition in (*placebos, *removed) if condition not in there)


def _from_file(path: Path, base: Condition, seeds: int) -> StudyPlan:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        str(document)  # a ValueError where a number has more digits than Python writes down
    except OSError as error:
        raise StudyError(
            f"{path} cannot be read ({error.strerror}); give the path of a study file."
        ) from error
    except (yaml.YAMLError, *_NO_YAML) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise StudyError(
            f"{path.name} is no YAML file{line}; see docs/studies.md for one that is."
        ) from error
    if not isinstance(document, dict):
        raise StudyError(f"{path.name} holds no fields; write factor, baseline, arms and bias.")
    if unknown := [str(name) for name in document if name not in _FILE_FIELDS]:
        raise StudyError(
            f"{path.name} has a field {unknown[0]!r}; a study has {', '.join(_FILE_FIELDS)}."
        )
    for name, example in (("arms", "[partial_25, partial_50, descriptive]"), ("bias", "[0, 0.75]")):
        sets = name == "arms" and isinstance(document.get(name), dict)
        if not (sets or isinstance(document.get(name), list)) or not document[name]:
            raise StudyError(
                f"{path.name} has an empty grid: give {name} as a list, such as `{name}:"
                f" {example}`."
            )
    for level in document["bias"]:
        if isinstance(level, bool) or not isinstance(level, int | float):
            raise StudyError(
                f"The bias is {level!r}; give the removed share, 0 to 1, in {path.name}."
            )
    settings = document.get("settings") or {}
    if not isinstance(settings, dict):
        raise StudyError(
            f"{path.name} has settings that are no fields; write them as `steps: 600`, one a line."
        )
    from_dict(settings)  # says which setting does not exist
    arms_of = _sets_of if isinstance(document["arms"], dict) else _values_of
    plan = arms_of(document, path, base.replace(**settings))
    treatments = tuple(arm for arm in dict.fromkeys(plan.treatments) if arm != plan.baseline)
    if not treatments:
        raise StudyError(
            f"{path.name} has no arm but the baseline; name what it is compared with as arms."
        )
    plan = replace(
        plan,
        treatments=treatments,
        biases=tuple(dict.fromkeys(document["bias"])),
        settings=settings,
    )
    name = str(document.get("name", path.stem))
    return _study(name, str(path), plan, base, document.get("seeds", seeds))


def _values_of(document: Mapping[str, Any], path: Path, base: Condition) -> _Plan:
    """The arms of a file that are values of one setting."""
    factor = document.get("factor", "labels")
    known = [
        one.name for one in fields(Condition) if one.name not in ("data_seed", "init_seed", "bias")
    ]
    if factor not in known:
        raise StudyError(
            f"{path.name} compares by {factor!r}; choose one of {', '.join(known)} as factor."
        )
    usual = getattr(base, factor)
    baseline = document.get("baseline", usual)
    arms = [baseline, *document["arms"]]
    for value in arms:
        if not isinstance(value, type(usual)) or isinstance(value, bool):
            raise StudyError(f"{path.name} has an arm {value!r}, which is no value of {factor}.")
    if factor == "labels":
        arms = [LABEL_ALIASES.get(arm, arm) for arm in arms]
    return _Plan(factor, arms[0], tuple(arms[1:]), ())


def _sets_of(document: Mapping[str, Any], path: Path, base: Condition) -> _Plan:
    """The arms of a file that are sets of settings by name; each says all that any of them says."""
    arms, baseline = document["arms"], str(document.get("baseline"))
    if document.get("factor", SETS) != SETS or baseline not in arms:
        raise StudyError(
            f"{path.name} names its arms; leave factor out, and give the name of one of them as"
            " baseline."
        )
    for name, own in arms.items():
        if not isinstance(name, str) or not isinstance(own, dict):
            example = f"write `{name}: {{labels: descriptive}}`"
            raise StudyError(f"{path.name} has an arm {name!r} without settings; {example}.")
        from_dict(own)
    said = {setting for own in arms.values() for setting in own}
    if varied := said & {"bias", "data_seed", "init_seed"}:
        raise StudyError(
            f"{path.name} has arms that differ in {varied.pop()}, as levels and blocks do; leave it"
            " out."
        )
    sets = {
        name: {one: own.get(one, getattr(base, one)) for one in sorted(said)}
        for name, own in arms.items()
    }
    if len({tuple(own.items()) for own in sets.values()}) < len(sets):
        raise StudyError(f"{path.name} has two arms of the same settings; leave one out.")
    sets = {baseline: sets[baseline], **sets}
    return _Plan(SETS, baseline, tuple(sets), (), sets=sets)
