"""Models in the address of a page, in one form: settings that differ from the usual ones, such as
``labels:descriptive,bias:0.75``, or the key of a saved model.

The address is the truth: before a control is drawn it gets the value that the address has, and a
control that is changed writes the address. So a link, Back and a click are one way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

import streamlit as st

from vlcore.experiment.condition import Condition, ConditionError, with_settings
from vlcore.experiment.options import CHOICES, TOWERS, shown_name, stored_names, towers_of
from vlcore.experiment.plain_text import plain
from vlcore.experiment.templates import TEMPLATE_LENGTH
from vlcore.web.shell import ABOUT_START, START

SEED = "seed"  # of data and of first weights together
LAST_SEED = 999  # that pages offer
AS_SET = "as set here"  # no saved model
TEMPLATE = "a {object} {place}"  # that a visitor's own caption begins with
_SEEDS = ("data_seed", "init_seed")


@dataclass(frozen=True)
class ModelInAddress:
    """A parameter of a page's address that names a model.

    Attributes:
        name: of the parameter.
        usual: the model that an empty text names, and that settings change.
        saved: models on the disk, by key.
        text: what the address says.
    """

    name: str
    usual: Condition
    saved: Mapping[str, Condition]
    text: str

    @property
    def key(self) -> str:
        """The key of the saved model that the text names; empty where it names settings."""
        return self.text if self.text in self.saved else ""

    @property
    def settings(self) -> dict[str, str]:
        """The settings that the text names, by name."""
        return {} if self.key else read_settings(self.text)

    def condition(self) -> Condition:
        """The model that the text names.

        Raises:
            ConditionError: it names a setting that does not exist, a wrong value, or settings that
                do not go together.
        """
        if self.key:
            return self.saved[self.key]
        settings = self.settings
        if SEED in settings:
            settings |= dict.fromkeys(_SEEDS, settings.pop(SEED))
        return with_settings(self.usual, settings)

    def value(self, field: str) -> Any:
        """The value of a setting, or its text where the settings make no model; the usual value
        where nobody knows what is meant."""
        of_condition = "init_seed" if field == SEED else field
        try:
            return getattr(self.condition(), of_condition)
        except ConditionError:
            usual = getattr(self.usual, of_condition)
            written = self.settings.get(field, usual)
            return stored_names(field).get(written, usual) if field in CHOICES else written

    def with_changes(self, **changes: object) -> "ModelInAddress":
        """The parameter with other settings; a saved model gives way to them."""
        settings = self.settings
        for field, value in changes.items():
            usual = getattr(self.usual, "init_seed" if field == SEED else field)
            settings.pop(field, None)
            if value != usual:
                settings[field] = _written(field, value)
        return replace(self, text=settings_text(settings))

    def write(self, **changes: object) -> None:
        """Change settings in the address; in a callback of a control."""
        write_text(self.name, self.with_changes(**changes).text)


def model_in_address(name: str, usual: Condition, saved: Mapping[str, Condition]) -> ModelInAddress:
    """Read the parameter of a model from the address of the page that runs."""
    return ModelInAddress(name, usual, saved, str(st.query_params.get(name, "")))


def write_text(name: str, text: str) -> None:
    """Let a parameter of the address name another model."""
    if text:
        st.query_params[name] = text
    else:
        st.query_params.pop(name, None)


def text_of(condition: Condition, usual: Condition) -> str:
    """What an address says for a condition, where an empty text means `usual`."""
    settings = {
        field: _written(field, value)
        for field, value in vars(condition).items()
        if value != getattr(usual, field)
    }
    if all(field in settings for field in _SEEDS) and condition.data_seed == condition.init_seed:
        for field in _SEEDS:
            del settings[field]
        settings[SEED] = str(condition.init_seed)
    return settings_text(settings)


def _written(field: str, value: object) -> str:
    """A value of a setting as an address has it, by the name that pages show."""
    return f"{value:g}" if isinstance(value, float) else str(shown_name(field, value))


def settings_text(settings: Mapping[str, str]) -> str:
    """Settings as an address has them."""
    return ",".join(f"{field}:{quote(value, safe=' {}|[]')}" for field, value in settings.items())


def read_settings(text: str) -> dict[str, str]:
    """The settings of an address, by name."""
    pairs = (part.partition(":") for part in text.split(",") if part)
    return {field.strip(): unquote(value) for field, _, value in pairs}


def control(
    model: ModelInAddress, field: str, names: Mapping[str, Any], *others: ModelInAddress
) -> dict[str, Any]:
    """Options of a control that chooses a setting of a model, and of others with it, by name, each
    name with its value. A value that has no name leaves the usual one chosen."""
    key = f"{model.name}_{field}"
    by_value = {str(value): name for name, value in names.items()}
    value, usual = model.value(field), getattr(model.usual, field)
    written = str(value)
    st.session_state[key] = written if written in names else by_value.get(written)
    if st.session_state[key] is None:
        st.session_state[key] = by_value[str(usual)]

    def change() -> None:
        for each in (model, *others):
            each.write(**{field: names[st.session_state[key]]})

    return {"key": key, "on_change": change}


def choose_seed(model: ModelInAddress) -> None:
    """Show the choice of the seed of a model's data and first weights."""
    key = f"{model.name}_{SEED}"
    seed = model.value(SEED)
    st.session_state[key] = float(seed if seed in range(LAST_SEED + 1) else model.usual.init_seed)

    def change() -> None:
        model.write(**{SEED: round(st.session_state[key])})

    st.number_input(
        "Seed",
        0.0,
        float(LAST_SEED),  # a float is the only type of which Streamlit refuses 1e309
        step=1.0,
        format="%.0f",
        key=key,
        help="Decides which images are drawn and removed, the first weights and the order of the"
        " images.",
        width=160,
        on_change=change,
    )


def choose_start(model: ModelInAddress) -> None:
    """Show what a model starts from, which sets both encoders; none for an unusual pair."""
    key = f"{model.name}_start"
    st.session_state[key] = towers_of(model.value("architecture"), model.value("text"))

    def change() -> None:
        if name := st.session_state[key]:
            model.write(**TOWERS[name])

    st.segmented_control(
        START, list(TOWERS), key=key, help=ABOUT_START, on_change=change, width="content"
    )


def choose_trained(model: ModelInAddress) -> None:
    """Show whether a model is trained, or is the encoder before its first step."""
    key = f"{model.name}_trained"
    st.session_state[key] = model.value("steps") != 0

    def change() -> None:
        model.write(steps=model.usual.steps if st.session_state[key] else 0)

    about = "Off shows the same encoder before its first step. It sorts by background already."
    st.toggle("Trained", key=key, help=about, on_change=change)


def choose_template(model: ModelInAddress, about: str) -> None:
    """Show the template of a visitor's own captions."""
    key = f"{model.name}_template"
    st.session_state[key] = model.value("template") or TEMPLATE

    def change() -> None:
        model.write(template=st.session_state[key])

    st.text_input("Template", max_chars=TEMPLATE_LENGTH, key=key, help=about, on_change=change)


def choose_saved(model: ModelInAddress, label: str, names: Mapping[str, str], about: str) -> None:
    """Show the choice of a saved model by its name, or of none; `names` are by key."""
    key = f"{model.name}_model"
    offered = {"": AS_SET, **names}
    st.session_state[key] = model.key

    def change() -> None:
        write_text(model.name, st.session_state[key])

    st.selectbox(
        label, list(offered), format_func=offered.__getitem__, key=key, help=about, on_change=change
    )


def condition_or_usual(model: ModelInAddress) -> Condition:
    """The model that the address names; with a sentence why, the usual one where it names none."""
    try:
        return model.condition()
    except ConditionError as error:
        reason = str(error)
    if ":" not in model.text:
        reason = (
            f"There is no model {model.text[:80]!r} of these images here: it was trained on another"
            " image set or an older version of it, or never on this server."
        )
    st.warning(plain(f"{reason} The usual model is shown instead."), icon=":material/link_off:")
    return model.usual
