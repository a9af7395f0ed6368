"""Editing the experiment of the form: presets, values, undo, files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..engine.experiment import Experiment
from ..engine.store.directory import split_name
from ..presets.catalog import (
    EXPERIMENTS,
    catalog,
    change,
    check,
    command_line,
    compatible,
    difference,
    find,
    load,
    named,
    nearest,
    own_path,
)
from .commands_lab import DEFAULT
from .form import Row, choices, meaning
from .lab_base import LabBase
from .mendable import MENDABLE, in_words
from .preset_text import brief
from .run import Run
from .screens.choice import ChoiceScreen
from .screens.picker import PickerScreen
from .screens.prompt import PromptScreen
from .screens.text import TextScreen
from .text import clean, typed
from .values import Change

#: Answer that stands for a value that is typed.
_TYPE = "type it"


class Editing(LabBase):
    """What a user does to the experiment that will be trained next."""

    def about(self, row: Row) -> str:
        """What to know of a row of the form."""
        meant = "" if row.is_part else meaning(self.experiment, row.key)
        return meant or about_part(self.experiment, row.part)

    def edit(self, row: Row) -> None:
        """Pick a preset for a part, one of the few values there are, or type a value."""
        if row.is_part:
            self._pick(row)
        elif ways := choices(self.experiment, row.key):
            self._choose(row, ways)
        else:
            self._type(row)

    def _type(self, row: Row) -> None:
        self.ask(
            PromptScreen(
                row.key, row.value, self.about(row), lambda text: self.complaint(f"{row.key}={text}")
            ),
            lambda text: self._set(f"{row.key}={text}"),
        )

    def _choose(self, row: Row, ways: dict[str, list[str]]) -> None:
        told: list[tuple[str, str]] = []
        for value, settings in ways.items():
            why = self.complaint(*settings)
            told.append((value, f"{value}: does not fit now: {clean(why, 200)}" if why else value))
        start = [*ways].index(row.value) if row.value in ways else 0
        self.ask(
            ChoiceScreen(f"{row.key}: {self.about(row)}", [*told, (_TYPE, "type it…")], start=start),
            lambda value: self._type(row) if value == _TYPE else self._set(*ways[value]),
        )

    def _pick(self, row: Row) -> None:
        presets = catalog(row.part)
        reasons = [compatible(self.experiment, row.part, preset) for preset in presets]
        current = named(self.experiment, row.part)
        like = None if current else nearest(self.experiment, row.part)
        key = "data.augmentation" if row.part == "augmentation" else row.part
        self.ask(
            PickerScreen(
                row.title, presets, reasons, current.short if current else None, like.short if like else None
            ),
            lambda name: self._set(f"{key}={name}"),
        )

    def _set(self, *settings: str) -> None:
        self.take(change(self.experiment, settings))

    def use_experiment(self, experiment: Experiment, name: str, changes: Mapping[str, Change]) -> None:
        """Put the experiment of a run into the form, with the `changes` that were made while it trained."""
        changed = ", ".join(
            f"{key}={typed(one.value)} from epoch {one.epoch}" for key, one in changes.items()
        )
        same = experiment == self.experiment
        self.take(experiment, split_name(name)[0])
        self.note(
            f"the form has the experiment of {name}{f' as it was changed: {changed}' * bool(changed)}"
            + ("" if same else "; u takes it back")
        )

    def action_undo(self) -> None:
        """Take back the last change of the form."""
        if self._before:
            self.experiment, self.base, self.begun = self._before.pop()
            self.lab.show_experiment()
        else:
            self.note("nothing to undo")

    def action_open_experiment(self) -> None:
        """Begin from another experiment preset."""
        presets = catalog(EXPERIMENTS)
        # Those that came with the program are tested; what a user wrote may have values that no experiment has.
        reasons = [
            preset.fault or None if preset.origin == "built-in" else check(preset) for preset in presets
        ]
        self.ask(
            PickerScreen("Experiment", presets, reasons, self.base), lambda name: self.take(load(name), name)
        )

    def action_command_line(self) -> None:
        """Show the experiment as one command line, and what differs from what it began with; and that of the run that is looked at."""
        base, begun = self._origin(self.base)
        line = command_line(self.experiment, base)
        run = self.current
        if run is None or run.experiment == self.experiment:
            pages = [line, _differing(f"the preset {base}", begun, self.experiment)]
            pages += _changed(run) if run is not None else []
            self.push_screen(TextScreen("This experiment as a command", "\n\n".join(pages), line))
            return
        its_base, its_begun = self._origin(split_name(run.name)[0])
        its_line = command_line(run.experiment, its_base)
        pages = [
            f"{run.name}, which the title and the charts show:\n{its_line}", _differing(f"the preset {its_base}", its_begun, run.experiment),
            *_changed(run), f"The next experiment, in the form; r trains it:\n{line}",
            _differing(f"the preset {base}", begun, self.experiment), _differing(run.name, run.experiment, self.experiment),
        ]  # fmt: skip
        copies = {"the run's": its_line, "the form's": line}
        self.push_screen(TextScreen("Two experiments as commands", "\n\n".join(pages), copies))

    def _origin(self, base: str) -> tuple[str, Experiment]:
        """The preset that an experiment began with, if it is one that can be used; a run's own name is none."""
        preset = find(EXPERIMENTS, base)
        begun = self.attempt(partial(load, preset.short)) if preset is not None else None
        return (DEFAULT, load(DEFAULT)) if begun is None else (base, begun)

    def action_save_preset(self) -> None:
        """Save the experiment as a preset of one's own."""

        def complaint(name: str) -> str | None:
            try:
                own_path(name).exists()
            except (*MENDABLE, ValueError) as error:
                return in_words(error)
            if (there := find(EXPERIMENTS, name)) is not None and there.origin == "built-in":
                return f"{name} is a preset of ladera itself: choose another name"
            return None

        def go(name: str) -> None:
            if not own_path(name).exists():
                self._save_preset(name, overwrite=False)
                return
            ways = [("no", "Keep it as it is"), ("yes", f"Replace {own_path(name)}")]
            self.ask(
                ChoiceScreen(f"There is a preset {clean(name)} already.", ways),
                lambda way: self._save_preset(name, overwrite=True) if way == "yes" else None,
            )

        hint = "letters, digits, -, _ and .; if there is one of that name, it asks whether to replace it"
        self.ask(PromptScreen("Save this experiment as", self._name_to_save_as(), hint, complaint), go)

    def _save_preset(self, name: str, *, overwrite: bool) -> None:
        from ..presets.write import save_as

        path = save_as(self.experiment, own_path(name), self._origin(self.base)[0], overwrite=overwrite)
        self.base, self.begun = name, self.experiment
        self.note(f"saved as {path}")

    def _name_to_save_as(self) -> str:
        """One's own preset keeps its name; what comes from another gets one of its own."""
        base = find(EXPERIMENTS, self.base)
        own = base is not None and base.origin == "user" and base.short == self.label
        return self.label if own or self.label.endswith("-mine") else f"{self.label}-mine"


def about_part(experiment: Experiment, part: str) -> str:
    """What to know of a part: its preset, or what sets it apart from the preset most like it."""
    if (preset := named(experiment, part)) is not None:
        return "\n".join(brief(preset))
    like = nearest(experiment, part)
    if like is None:
        return "Values of its own: no preset is like it."
    key = "data.augmentation" if part == "augmentation" else part
    other = difference(change(experiment, [f"{key}={like.short}"]), experiment)
    told = ", ".join(f"{name.removeprefix(f'{key}.')} = {typed(value)}" for name, _, value in other[:6])
    return f"As the preset {like.short}, but {told}{', …' * (len(other) > 6)}."


def _changed(run: Run) -> list[str]:
    """What was changed while a run trained, which its command does not do again."""
    rows = [
        f"  {key}  {run.values.began.get(key, 'none')} → {typed(one.value)} at epoch {one.epoch}"
        for key, one in run.values.changes.items()
    ]
    return (
        ["\n".join(["Changed while it trained, which the command does not do again:", *rows])] if rows else []
    )


def _differing(name: str, before: Experiment, after: Experiment) -> str:
    """What differs between two experiments, one key a line."""
    rows = [
        (key, typed(old), typed(new)) for key, old, new in difference(before, after) if key != "description"
    ]
    if not rows:
        return f"Equal to {name}."
    wide = max(len(key) for key, _, _ in rows)
    return "\n".join([f"Other than {name}:", *(f"  {key:<{wide}}  {old} → {new}" for key, old, new in rows)])
