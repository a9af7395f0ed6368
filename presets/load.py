"""From a preset's name, a file or an experiment at hand to a validated Experiment, all faults at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..engine.errors import quoted
from ..engine.experiment import Experiment
from .draft import Draft, Layer, Origin
from .faults import Fault, PresetError, label, shown
from .listing import EXPERIMENTS, PARTS, Preset, find, none_of, section_key, valid_name
from .merge import document_layer, lay
from .read import NOTES, Document, read
from .settings import settings_layer
from .wording import by_line, empty, faults


def load(name_or_path: str | Path, settings: Sequence[str] = (), *, with_data: bool = False) -> Experiment:
    """Load an experiment preset by name (`digits`) or file (`mine.toml`, `runs/x/experiment.toml`), changed by settings.

    Names are searched in ./presets, the user's folder and the built-in presets. `extends`, named
    parts and settings are merged by the rules of `presets.merge` and validated once.
    Raises PresetError, an InputError, with every fault: `file:line: key: what is wrong`; one of them, where
    `with_data` asks for it, is a data.path at which there is nothing.
    """
    draft = Draft()
    path = locate(str(name_or_path))
    extended = _read_into(draft, path, ())
    experiment = _validated(draft, settings, extended, with_data)
    if not read(path).values.keys() - NOTES:
        way = 'give it at least a part, such as data = "digits", or extends = "digits"'
        raise PresetError([Fault(label(path), "", f"says nothing about an experiment: {way}")])
    return experiment


def change(experiment: Experiment | Mapping[str, Any], settings: Sequence[str]) -> Experiment:
    """Apply settings to an experiment at hand (or to its plain values), as `load` applies them to a preset."""
    values = experiment.plain() if isinstance(experiment, Experiment) else experiment
    draft = Draft()
    lay(draft, Layer(dict(values), lambda _key: ""))
    return _validated(draft, settings, True)


def compatible(experiment: Experiment | Mapping[str, Any], part: str, preset: Preset | str) -> str | None:
    """Return why this part preset does not fit the experiment, None if it does."""
    if isinstance(preset, Preset) and preset.fault:
        return preset.fault
    name = preset.short if isinstance(preset, Preset) else preset
    key = ".".join(section_key(part))
    try:
        change(experiment, [f"{key}={name}"])
    except PresetError as error:
        return "; ".join(f"{fault.key}: {fault.text}" if fault.key else fault.text for fault in error.faults)
    return None


def check(preset: Preset) -> str | None:
    """Return what is wrong with a preset's values, None if it can be used."""
    if preset.fault:
        return preset.fault
    draft = Draft()
    try:
        document = read(preset.path)
        if preset.part == EXPERIMENTS:
            load(preset.path, with_data=True)
            return None
        draft = _part_draft(preset, document)
        if missing := _missing_data(draft):
            return str(missing[0])
        Experiment.model_validate(draft.values)
    except PresetError as error:
        return str(error)
    except ValidationError as error:
        # Alone, a part can be judged by its own keys only: what contradicts the default experiment may fit another.
        own = [fault for fault in faults(error, draft) if not _from_default(error)]
        return str(PresetError(own)) if own else None
    return None


def locate(name: str, but: Sequence[Path] = (), folder: Path | None = None) -> Path:
    """Return the file of an experiment preset given by name or path; a relative path starts from `folder`.

    Raises PresetError with the nearest name if there is none.
    """
    if name.endswith((".toml", ".json")):
        return ((folder or Path()) / Path(name)).absolute()
    short = name.removeprefix(f"{EXPERIMENTS}/")
    if not valid_name(short):
        hint = "; give the file itself, it ends in .toml or .json" if "/" in name else ""
        hint = _own_data(name) or _other_format(name, folder) or hint
        part, _, rest = name.partition("/")
        if part in PARTS and valid_name(rest):
            hint = f"; it is a part, {_to_choose(part, rest)}"
        raise PresetError([Fault("", "", f"{shown(name)} is not the name of an experiment{hint}")])
    preset = find(EXPERIMENTS, short, but)
    if preset is not None:
        return preset.path
    if hint := _own_data(name) or _of_a_part(short) or _other_format(name, folder):
        raise PresetError([Fault("", "", f"no experiment preset {quoted(short)}{hint}")])
    raise PresetError([Fault("", "", none_of(EXPERIMENTS, short))])


def _of_a_part(name: str) -> str:
    """Return which part preset has a name, if just one part has it."""
    parts = [part for part in PARTS if find(part, name) is not None]
    return f"; {parts[0]}/{name} is a part, {_to_choose(parts[0], name)}" if len(parts) == 1 else ""


def _to_choose(part: str, name: str) -> str:
    return f"to be chosen with --set {'.'.join(section_key(part))}={name}"


def _own_data(name: str) -> str:
    """Return how a file or folder of data is given, if the name is one."""
    data = name.endswith((".csv", ".tsv", ".txt", ".npz")) or (name.strip("./") and Path(name).is_dir())
    return f"; data of your own goes into an experiment: digits --set data.path={name}" if data else ""


def _other_format(name: str, folder: Path | None) -> str:
    """Return in what format an experiment is written, if the name is that of a file in another one."""
    try:
        other = name.endswith((".yaml", ".yml")) or ((folder or Path()) / name).is_file()
    except (OSError, ValueError):  # too long, or no name at all
        other = False
    return "; a file of an experiment is TOML or JSON only, and ends in .toml or .json" if other else ""


def _read_into(draft: Draft, path: Path, chain: tuple[Path, ...]) -> bool:
    """Lay a file over the draft after what it extends; return whether all of that could be read."""
    document = read(path)
    base, complete = document.values.get("extends"), True
    if "extends" in document.values:
        where = document.at(("extends",))
        try:
            if not isinstance(base, str):
                raise PresetError(
                    [Fault("", "", f"must be the name of an experiment preset, not {shown(base)}")]
                )
            following = (*chain, path.resolve())
            target = _extended(base, path, following)
            complete = _read_into(draft, target, following)
        except PresetError as error:
            complete = False
            draft.faults += [
                fault if fault.key else Fault(where, "extends", str(fault)) for fault in error.faults
            ]
    layer = document_layer(document)
    values = {key: value for key, value in layer.values.items() if key != "extends"}
    lay(draft, Layer(values, layer.at))
    draft.origin[()] = Origin(label(path))
    return complete


def _extended(base: str, path: Path, chain: tuple[Path, ...]) -> Path:
    """Locate what a file extends; a name passes over the files of the chain, so that ./presets may refine a built-in."""
    named = not base.endswith((".toml", ".json"))
    try:
        target = locate(base, chain, path.parent)
    except PresetError:
        if named and valid_name(base) and find(EXPERIMENTS, base) is not None:
            raise PresetError([Fault("", "", _cycle(chain, base))]) from None
        raise
    if target.resolve() in chain:
        raise PresetError([Fault("", "", _cycle(chain, base))])
    return target


def _cycle(chain: tuple[Path, ...], base: str) -> str:
    return f"leads back to itself: {' → '.join(label(path) for path in chain)} → {shown(base)}"


def _validated(draft: Draft, settings: Sequence[str], complete: bool, with_data: bool = False) -> Experiment:
    layer, wrong = settings_layer(settings)
    lay(draft, layer)
    draft.faults += [*wrong, *empty(draft)]
    experiment = None
    try:
        if complete:  # without its base, half of what a file says would look wrong
            experiment = Experiment.model_validate(draft.values)
    except ValidationError as error:
        if not (draft.faults and _from_default(error)):
            draft.faults += faults(error, draft)
    draft.faults += _missing_data(draft) if with_data else []
    if draft.faults or experiment is None:
        raise PresetError(by_line(draft.faults))
    return experiment


def _missing_data(draft: Draft) -> list[Fault]:
    """Return the fault of a data.path at which there is nothing."""
    key = ("data", "path")
    path = draft.get(key)
    if not isinstance(path, str):
        return []
    try:
        found = Path(path).exists()
    except (OSError, ValueError):  # too long, or no name at all
        found = False
    text = f"there is no file or folder {label(Path(path))}"
    return [] if found else [Fault(draft.where(key), "data.path", text)]


def _from_default(error: ValidationError) -> bool:
    """Whether the only complaint is that parts do not fit together."""
    return all(not detail["loc"] for detail in error.errors(include_url=False))


def _part_draft(preset: Preset, document: Document) -> Draft:
    draft = Draft()
    key = section_key(preset.part)
    values: Any = {"preset": preset.short}
    for name in reversed(key):
        values = {name: values}
    lay(draft, Layer(values, lambda _key: label(document.path)))
    if draft.faults:
        raise PresetError(draft.faults)
    if preset.part == "augmentation":
        draft.put(("data", "name"), "digits", Origin(""))
    return draft
