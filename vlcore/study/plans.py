"""Plans of studies: the conditions to train and compare, by a study's name or from a YAML file.

A study has arms, each a few settings, crossed with bias levels and seed pairs. Everything else is
shared, so that an arm differs from the baseline in its own settings alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY, Condition, from_dict
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import CHOICES, shown_name, stored_names
from vlcore.metrics.catalogue import PRIMARY

STUDIES = tuple(GRIDS)
MOST_SEEDS = 1000
_FOLLOWERS = {"recipe": ("batch_size",), "data": ("data_version", "n_per_group")}
# What the YAML reader raises beside its own errors: at what it takes for a number or a date, and at
# nesting without end.
_YAML_ERRORS = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
_FILE_FIELDS = ("name", "factor", "baseline", "arms", "bias", "seeds", "settings")
_CROSSED = {"bias", "data_seed", "init_seed"}
_Arms = Mapping[str, Mapping[str, Any]]  # the settings of each arm by its name, the baseline first


class StudyError(LabError):
    """A study that cannot be run; the message says what to write instead."""


@dataclass(frozen=True)
class StudyPlan:
    """Conditions to compare.

    Attributes:
        name: of the study.
        arms: the settings of each arm by its name, the baseline first.
        conditions: seed pair by seed pair, in each by bias and then by arm.
        grid: what `find` knows it by: its name, or the path of its file.
        measure: the primary measure.
    """

    name: str
    arms: _Arms
    conditions: tuple[Condition, ...]
    grid: str = ""
    measure: str = PRIMARY

    @property
    def baseline(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))

    @property
    def treatments(self) -> tuple[str, ...]:
        """The other arms."""
        return tuple(self.arms)[1:]

    def arm_of(self, condition: Condition) -> str:
        """Return the arm of one of its conditions."""
        values = vars(condition).items()
        return next(arm for arm, settings in self.arms.items() if settings.items() <= values)

    @property
    def varied(self) -> set[str]:
        """The settings in which arms may differ: their own, and those that follow another, as a
        recipe has its own batch size."""
        named = {name for settings in self.arms.values() for name in settings}
        return named.union(*(_FOLLOWERS.get(name, ()) for name in named))


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
    arms = {shown_name("labels", style): {"labels": style} for style in STYLES_OF_THE_STUDY}
    return cross(name, arms, GRIDS[name], base, seeds, name)


def cross(
    name: str, arms: _Arms, biases: Sequence[float], base: Condition, seeds: int, grid: str = ""
) -> StudyPlan:
    """Cross arms with bias levels and seed pairs.

    Args:
        name: of the study.
        arms: the settings of each arm by its name, the baseline first; all name the same settings.
        biases: the levels.
        base: what all conditions share.
        seeds: number of seed pairs, from those of `base` on.
        grid: what `find` knows it by.

    Raises:
        LabError: as `find`.
    """
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        raise StudyError(
            f"number of seeds is {seeds!r}; give a whole number from 1 to {MOST_SEEDS}."
        )

    @cache
    def on_set(data: str, version: str, n_per_group: int) -> dict[str, Any]:
        """What `on_its_set` changes; it opens the image set."""
        usual = on_its_set(Condition(data, version, n_per_group=n_per_group))
        return {"data_version": usual.data_version, "n_per_group": usual.n_per_group}

    conditions = []
    for number in range(seeds):
        pair = {"data_seed": base.data_seed + number, "init_seed": base.init_seed + number}
        for bias in biases:
            for settings in arms.values():
                condition = base.replace(**{**pair, "bias": bias, **settings})
                images = on_set(condition.data, condition.data_version, condition.n_per_group)
                conditions.append(condition.replace(**images))
    return StudyPlan(name, arms, tuple(conditions), grid)


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
    base = base.replace(**settings)
    read_arms = _arms_of_settings if isinstance(document["arms"], dict) else _arms_of_values
    arms = read_arms(document, path, base)
    if len(arms) < 2:
        raise StudyError(
            f"{path.name} has no arm but the baseline; name what it is compared with as arms."
        )
    biases = tuple(dict.fromkeys(Condition(bias=bias).bias for bias in document["bias"]))
    name = str(document.get("name", path.stem))
    return cross(name, arms, biases, base, document.get("seeds", seeds), str(path))


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
    for name, example in (("arms", "[random-background, descriptive]"), ("bias", "[0, 0.75]")):
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


def _arms_of_values(document: Mapping[str, Any], path: Path, base: Condition) -> _Arms:
    """The arms of a file that are values of one setting."""
    factor = document.get("factor", "labels")
    known = [setting.name for setting in fields(Condition) if setting.name not in _CROSSED]
    if factor not in known:
        raise StudyError(
            f"{path.name} compares by {factor!r}; choose one of {', '.join(known)} as factor."
        )
    default = getattr(base, factor)
    arms = {}
    for value in (document.get("baseline", default), *document["arms"]):
        if not isinstance(value, type(default)) or isinstance(value, bool):
            raise StudyError(f"{path.name} has an arm {value!r}, which is no value of {factor}.")
        stored = stored_names(factor).get(value, value) if factor in CHOICES else value
        arms[str(shown_name(factor, stored))] = {factor: stored}
    return arms


def _arms_of_settings(document: Mapping[str, Any], path: Path, base: Condition) -> _Arms:
    """The arms of a file that are sets of settings by name, completed to name the same settings."""
    arms = document["arms"]
    baseline = str(document.get("baseline"))
    if "factor" in document or baseline not in arms:
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
    if crossed := varied & _CROSSED:
        raise StudyError(
            f"{path.name} has arms that differ in {crossed.pop()}, as levels and seed pairs do;"
            " leave it out."
        )
    shared = {name: getattr(base, name) for name in varied}
    complete = {}
    for name, settings in arms.items():
        condition = on_its_set(base.replace(**shared | settings))
        complete[name] = {setting: getattr(condition, setting) for setting in shared}
    if len({tuple(settings.items()) for settings in complete.values()}) < len(complete):
        raise StudyError(f"{path.name} has two arms of the same settings; leave one out.")
    return {baseline: complete[baseline], **complete}
