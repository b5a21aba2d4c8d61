"""Plans of studies: the conditions to train and compare, by a study's name or from a YAML file.

A study varies one setting, the factor. Its arms are values of that setting, crossed with bias
levels and seed pairs; everything else is shared, so that an arm differs from the baseline in one
thing. A file may name arms that are sets of settings instead, where two settings differ at once (a
classifier has other captions)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.errors import LabError
from vlcore.experiment.option_names import OPTIONS, shown_name, stored_name
from vlcore.metrics.catalogue import PRIMARY

Value = str | int | float  # of a condition's field
MOST_SEEDS = 1000
ARM = "arm"  # the factor of a study whose arms are sets of settings
_FOLLOWERS = {"recipe": ("batch_size",), "data": ("data_version", "n_per_group")}
# What the YAML reader raises beside its own errors: at what it takes for a number or a date, and at
# nesting without end.
_YAML_ERRORS = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
_FILE_FIELDS = ("name", "factor", "baseline", "arms", "bias", "seeds", "vary", "settings")
_SEEDS = ("data_seed", "init_seed")


class StudyError(LabError):
    """A study that cannot be run; the message says what to write instead."""


@dataclass(frozen=True)
class StudyPlan:
    """Conditions to compare: values of one of their fields, the factor, or sets of settings.

    Attributes:
        name: of the study.
        factor: the field that is varied; `ARM` where arms are sets of settings.
        baseline: the arm that the others are compared with.
        treatments: the other arms.
        conditions: block by block, in each block by bias and then by arm.
        grid: what `find` knows it by: its name, or the path of its file.
        arm_settings: the settings of each arm where the factor is `ARM`.
        measure: the primary measure.
        prediction: that of the users who planned it, if there is one.
    """

    name: str
    factor: str
    baseline: Value
    treatments: tuple[Value, ...]
    conditions: tuple[Condition, ...]
    grid: str = ""
    arm_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    measure: str = PRIMARY
    prediction: str = ""

    def arm_of(self, condition: Condition) -> Value:
        """Return the arm of one of its conditions."""
        if not self.arm_settings:
            return getattr(condition, self.factor)
        values = vars(condition).items()
        return next(
            arm for arm, settings in self.arm_settings.items() if settings.items() <= values
        )

    @property
    def varied(self) -> set[str]:
        """The settings in which arms may differ beside the factor: those of sets of settings, and
        those that follow another, as a recipe has its own batch size."""
        named = {name for settings in self.arm_settings.values() for name in settings}
        leaders = named or {self.factor}
        return named.union(*(_FOLLOWERS.get(name, ()) for name in leaders))

    @property
    def keys(self) -> set[str]:
        return {condition.key for condition in self.conditions}


@dataclass(frozen=True)
class _Design:
    """What a study crosses with seed pairs."""

    factor: str
    baseline: Value
    treatments: tuple[Value, ...]
    biases: Sequence[float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    arm_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vary: Sequence[str] = _SEEDS  # the seeds that differ between blocks


STUDIES = tuple(GRIDS)


def find(name: str, base: Condition | None = None, seeds: int = 1) -> StudyPlan:
    """Find a study by its name, or read it from a YAML file.

    Args:
        name: one of `STUDIES`, or the path of a file (``.yaml`` or ``.yml``).
        base: what all conditions share, the defaults when absent; a file's settings go first.
        seeds: number of seed pairs, from those of `base` on; a file may name its own number.

    Raises:
        StudyError: when there is no such study, or a file says something that no study has.
        ConditionError: when one of its conditions is not valid.
    """
    base = base or Condition()
    if name.endswith((".yaml", ".yml")):
        return _read_plan(Path(name), base, seeds)
    if name not in GRIDS:
        known = ", ".join(STUDIES)
        raise StudyError(
            f"No study is named {name!r}; choose one of {known}, or give the path of a .yaml file."
        )
    short, descriptive = STYLES_OF_THE_STUDY
    design = _Design("labels", short, (descriptive,), GRIDS[name])
    return _planned(name, name, design, base, seeds)


def two_arms(
    name: str, arms: Mapping[str, Mapping[str, Any]], bias: float, base: Condition, seeds: int
) -> StudyPlan:
    """Plan two arms at one bias level.

    Args:
        name: of the study.
        arms: the settings of each arm by its name, the baseline first; both name all of them.
        bias: the level.
        base: what all conditions share.
        seeds: number of seed pairs, from those of `base` on.

    Raises:
        LabError: as `find`.
    """
    baseline, treatment = arms
    design = _Design(ARM, baseline, (treatment,), (bias,), arm_settings=arms)
    return _planned(name, "", design, base, seeds)


def _planned(name: str, grid: str, design: _Design, base: Condition, seeds: int) -> StudyPlan:
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        raise StudyError(
            f"number of seeds is {seeds!r}; give a whole number from 1 to {MOST_SEEDS}."
        )
    # Seeds in a file's settings are those of the first block.
    first = {seed: design.settings.get(seed, getattr(base, seed)) for seed in _SEEDS}

    @cache
    def on_set(data: str, version: str, n_per_group: int) -> dict[str, Any]:
        """What `on_its_set` changes; it opens the image set."""
        usual = on_its_set(Condition(data, version, n_per_group=n_per_group))
        return {"data_version": usual.data_version, "n_per_group": usual.n_per_group}

    values = (design.baseline, *design.treatments)
    arms = list(design.arm_settings.values()) or [{design.factor: value} for value in values]
    conditions = []
    for number in range(seeds):
        block = {
            seed: value + number if seed in design.vary else value for seed, value in first.items()
        }
        for bias in design.biases:
            for arm in arms:
                condition = base.replace(**{**design.settings, **block, "bias": bias, **arm})
                images = on_set(condition.data, condition.data_version, condition.n_per_group)
                conditions.append(condition.replace(**images))
    return StudyPlan(
        name,
        design.factor,
        design.baseline,
        design.treatments,
        tuple(conditions),
        grid,
        design.arm_settings,
    )


def _read_plan(path: Path, base: Condition, seeds: int) -> StudyPlan:
    """Read a study from a YAML file; arguments and errors as `find` has them."""
    document = _document(path)
    settings = document.get("settings") or {}
    if not isinstance(settings, dict):
        raise StudyError(
            f"{path.name} has settings that are no fields; write them as `steps: 600`, one a line."
        )
    if "bias" in settings:
        raise StudyError(
            f"{path.name} has a bias among its settings; give the levels as the list bias alone."
        )
    from_dict(settings)  # says which setting does not exist
    read_arms = _arms_of_settings if isinstance(document["arms"], dict) else _arms_of_values
    design = read_arms(document, path, base.replace(**settings))
    treatments = tuple(arm for arm in dict.fromkeys(design.treatments) if arm != design.baseline)
    if not treatments:
        raise StudyError(
            f"{path.name} has no arm but the baseline; name what it is compared with as arms."
        )
    biases = tuple(dict.fromkeys(Condition(bias=bias).bias for bias in document["bias"]))
    vary = document.get("vary", [*_SEEDS])
    if not isinstance(vary, list) or not vary or not set(map(str, vary)) <= set(_SEEDS):
        raise StudyError(
            f"{path.name} varies {vary!r} between seed pairs; give vary as a list of"
            f" {' or '.join(_SEEDS)}, or leave it out for both."
        )
    design = replace(
        design, treatments=treatments, biases=biases, settings=settings, vary=tuple(vary)
    )
    name = str(document.get("name", path.stem))
    return _planned(name, str(path), design, base, document.get("seeds", seeds))


def _document(path: Path) -> dict[str, Any]:
    """The fields of a study's file, which has arms and bias levels."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        str(document)  # a ValueError where a number has more digits than Python writes down
    except OSError as error:
        raise StudyError(
            f"{path} cannot be read ({error.strerror}); give the path of a study file."
        ) from error
    except (yaml.YAMLError, *_YAML_ERRORS) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
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
        kinds = (list, dict) if name == "arms" else (list,)
        if not isinstance(document.get(name), kinds) or not document[name]:
            raise StudyError(
                f"{path.name} plans nothing: give {name} as a list, such as `{name}: {example}`."
            )
    for bias in document["bias"]:
        if isinstance(bias, bool) or not isinstance(bias, int | float):
            raise StudyError(
                f"The bias is {bias!r}; give the removed share, 0 to 1, in {path.name}."
            )
    return document


def _arms_of_values(document: Mapping[str, Any], path: Path, base: Condition) -> _Design:
    """The arms of a file that are values of one setting."""
    factor = document.get("factor", "labels")
    known = [setting.name for setting in fields(Condition)]
    known = [name for name in known if name not in ("bias", *_SEEDS)]
    if factor not in known:
        raise StudyError(
            f"{path.name} compares by {factor!r}; choose one of {', '.join(known)} as factor."
        )
    default = getattr(base, factor)
    arms = [document.get("baseline", default), *document["arms"]]
    for value in arms:
        if not isinstance(value, type(default)) or isinstance(value, bool):
            raise StudyError(f"{path.name} has an arm {value!r}, which is no value of {factor}.")
    if factor in OPTIONS:
        arms = [stored_name(factor, arm) for arm in arms]
    return _Design(factor, arms[0], tuple(arms[1:]), ())


def _arms_of_settings(document: Mapping[str, Any], path: Path, base: Condition) -> _Design:
    """The arms of a file that are sets of settings by name, completed to name the same settings."""
    arms = document["arms"]
    baseline = str(document.get("baseline"))
    if document.get("factor", ARM) != ARM or baseline not in arms:
        raise StudyError(
            f"{path.name} names its arms; leave factor out, and give the name of one of them as"
            " baseline."
        )
    for name, settings in arms.items():
        if not isinstance(name, str) or not isinstance(settings, dict):
            example = f"write `{name}: {{labels: descriptive}}`"
            raise StudyError(f"{path.name} has an arm {name!r} without settings; {example}.")
        from_dict(settings)
    varied = {name for settings in arms.values() for name in settings}
    if crossed := varied & {"bias", *_SEEDS}:
        raise StudyError(
            f"{path.name} has arms that differ in {crossed.pop()}, as levels and seed pairs do;"
            " leave it out."
        )
    # Another order of names would change the hash of a plan.
    shared = {name: getattr(base, name) for name in sorted(varied)}
    complete = {}
    for name, settings in arms.items():
        condition = on_its_set(base.replace(**shared | settings))
        complete[name] = {setting: getattr(condition, setting) for setting in shared}
    if len({tuple(settings.items()) for settings in complete.values()}) < len(complete):
        raise StudyError(f"{path.name} has two arms of the same settings; leave one out.")
    complete = {baseline: complete[baseline], **complete}
    return _Design(ARM, baseline, tuple(complete), (), arm_settings=complete)


def shown_arm(plan: StudyPlan, arm: Value) -> str:
    """Return an arm by the name that pages show."""
    return shown_name(plan.factor, str(arm)) if plan.factor in OPTIONS else str(arm)
