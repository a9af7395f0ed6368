"""Editing the experiment of the form: presets, values, undo, files."""

from __future__ import annotations

from ..engine.errors import InputError, LaderaError
from ..engine.experiment import Experiment
from ..presets.catalog import (
    EXPERIMENTS,
    catalog,
    change,
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
from .form import Row, meaning
from .lab_base import LabBase
from .preset_text import brief
from .screens.picker import PickerScreen
from .screens.prompt import PromptScreen
from .screens.text import TextScreen
from .text import typed


class Editing(LabBase):
    """What a user does to the experiment that will be trained next."""

    def about(self, row: Row) -> str:
        """What to know of a row of the form."""
        meant = "" if row.is_part else meaning(self.experiment, row.key)
        return meant or about_part(self.experiment, row.part)

    def edit(self, row: Row) -> None:
        """Pick a preset for a part, or edit a value."""
        if row.is_part:
            self._pick(row)
        else:
            self.push_screen(
                PromptScreen(
                    row.key, row.value, self.about(row), lambda text: self.complaint(f"{row.key}={text}")
                ),
                lambda text: self._set(f"{row.key}={text}") if text is not None else None,
            )

    def _pick(self, row: Row) -> None:
        presets = [preset for preset in catalog(row.part) if not preset.fault]
        reasons = [compatible(self.experiment, row.part, preset) for preset in presets]
        current = named(self.experiment, row.part)
        like = None if current else nearest(self.experiment, row.part)
        key = "data.augmentation" if row.part == "augmentation" else row.part
        self.push_screen(
            PickerScreen(
                row.title, presets, reasons, current.short if current else None, like.short if like else None
            ),
            lambda name: self._set(f"{key}={name}") if name else None,
        )

    def _set(self, setting: str) -> None:
        try:
            changed = change(self.experiment, [setting])
        except InputError as error:
            self.note(str(error))
            return
        self.take(changed)

    def take(self, experiment: Experiment, base: str | None = None) -> None:
        """Make this the experiment of the form, `base` the preset it began with; `u` undoes it."""
        if experiment != self.experiment:
            self._before.append((self.experiment, self.base))
            self.experiment, self.base = experiment, base or self.base
            self.lab.show_experiment()

    def action_undo(self) -> None:
        """Take back the last change of the form."""
        if self._before:
            self.experiment, self.base = self._before.pop()
            self.lab.show_experiment()
        else:
            self.note("nothing to undo")

    def action_open_experiment(self) -> None:
        """Begin from another experiment preset."""
        presets = [preset for preset in catalog(EXPERIMENTS) if not preset.fault]

        def go(name: str | None) -> None:
            preset = find(EXPERIMENTS, name) if name else None
            if preset is not None:
                self.take(load(preset.short), preset.short)

        self.push_screen(PickerScreen("Experiment", presets, [None] * len(presets), self.base), go)

    def action_command_line(self) -> None:
        """Show the experiment as one command line, and only what differs from the preset it began with."""
        base = self._origin()
        line = command_line(self.experiment, base)
        text = f"{line}\n\n{_differing(f'the preset {base}', load(base), self.experiment)}"
        if self.current is not None and self.current.experiment != self.experiment:
            text += f"\n\n{_differing(self.current.name, self.current.experiment, self.experiment)}"
        self.push_screen(TextScreen("This experiment as a command", text, line))

    def _origin(self) -> str:
        """The preset that the experiment began with; a run's own name is none."""
        preset = find(EXPERIMENTS, self.base)
        return preset.short if preset is not None and not preset.fault else DEFAULT

    def action_save_preset(self) -> None:
        """Save the experiment as a preset of one's own."""

        def complaint(name: str) -> str | None:
            try:
                return f"{own_path(name)} is there already" if own_path(name).exists() else None
            except (LaderaError, ValueError) as error:
                return str(error)

        def go(name: str | None) -> None:
            if name:
                from ..presets.write import save_as

                path = own_path(name)
                save_as(self.experiment, path, self._origin())
                self.base = name
                self.note(f"saved as {path}")

        self.push_screen(
            PromptScreen(
                "Save this experiment as", f"{self.base}-mine", "letters, digits, - and _", complaint
            ),
            go,
        )


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


def _differing(name: str, before: Experiment, after: Experiment) -> str:
    """What differs between two experiments, one key a line."""
    rows = [
        (key, typed(old), typed(new)) for key, old, new in difference(before, after) if key != "description"
    ]
    if not rows:
        return f"Equal to {name}."
    wide = max(len(key) for key, _, _ in rows)
    return "\n".join([f"Other than {name}:", *(f"  {key:<{wide}}  {old} → {new}" for key, old, new in rows)])
