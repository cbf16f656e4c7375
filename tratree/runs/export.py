"""Export of a trained model from the store: an adapter or a whole model, with its card."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NotRequired

import torch
from huggingface_hub import RepoCard, try_to_load_from_cache
from typing_extensions import TypedDict
from yaml import YAMLError

from tratree.errors import UserError
from tratree.files import clear_disk_errors, share_as_folder, write_json
from tratree.models.lora import CONFIG, WEIGHTS, load_merged
from tratree.models.names import PACKAGE_PREFIX, local_folder, public_name
from tratree.modules.fit import FitReport
from tratree.report.model_card import ModelCard, Step, render_card
from tratree.report.run_files import Figures, read_configuration, read_results
from tratree.runs.run_folder import STAGES, read_stages
from tratree.runs.starts import library_versions
from tratree.stages.demonstrations import DEMONSTRATIONS
from tratree.stages.file_names import EPISODES
from tratree.stages.pairs import PAIRS
from tratree.stages.paths import PATHS
from tratree.stages.training import base_settings, load_chat, read_report
from tratree.stages.training_settings import ADAPTER
from tratree.stages.trees import read_trees
from tratree.store.finished import DESCRIPTION, how_to_repair, read_description
from tratree.store.manifest import checked_file, verify

PROMPT = "prompt.json"
TABLE = "results.md"
_LINES = {
    "demonstrations": (DEMONSTRATIONS, "demonstrations"),
    "explore": (EPISODES, "trajectories"),
    "paths": (PATHS, "paths"),
    "pairs": (PAIRS, "pairs"),
    "select": (PATHS, "trajectories"),
}


class _Run(TypedDict):
    env: str
    method: str
    seed: int
    systems: NotRequired[dict[str, dict[str, Figures]]]


@dataclass(frozen=True)
class ForOthers:
    """Facts for those who load a model from the Hub.

    Attributes:
        repo: ``ORG/NAME`` that it is to be pushed to; empty for a folder.
        base: Name of the base model for others, where the one it was trained by is not theirs.
        licence: As the Hub spells it; None takes the base model's, if that is known.
        datasets: On the Hub, that it was trained on.
    """

    repo: str = ""
    base: str | None = None
    licence: str | None = None
    datasets: tuple[str, ...] = ()


def export(
    source: Path,
    out: Path,
    *,
    system: str | None = None,
    merged: bool = False,
    told: ForOthers = ForOthers(),
) -> None:
    """Write a trained model to a new folder.

    The adapter is one that plain ``PeftModel.from_pretrained`` loads; a merged model is one that
    plain ``AutoModelForCausalLM.from_pretrained`` loads, in the number type it was trained in; in
    16 bits, rounding its weights loses part of a small update.
    Both come with the tokenizer, its chat template set, a model card, and the messages of the
    prompt, if there was one, as ``prompt.json``.

    The folder is complete or not there: it is written beside and renamed.

    Args:
        source: A run folder, or the folder of a finished fine-tuning in a store.
        out: Folder to write to; must not exist or be empty.
        system: Name of one of the run's systems; None takes the method's own. Not for a
            stage's folder.
        merged: Whether to write a whole model, which one without an adapter is in any case.
        told: Facts that the card and the adapter tell others.

    Raises:
        UserError: If there is no such model, its base model has changed, or `out` is in use.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is in use: give --out another folder")
    trained, chosen = find_trained(source, system)
    verify(trained, checked_file(trained))
    with (
        clear_disk_errors(f"the export {out}", "give --out another folder"),
        _new_folder(out) as new,
    ):
        _write(trained, new, told, _said(source, chosen), merged=merged)


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its place at the end of the block, if that is good."""
    out.parent.mkdir(parents=True, exist_ok=True)
    new, made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent)), not out.exists()
    try:
        out.mkdir(exist_ok=True)
        new.chmod(out.stat().st_mode)
        yield new
        share_as_folder(new)
        new.rename(out)  # which is empty
    except BaseException:
        if made:
            out.rmdir()
        raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write(
    trained: Path, out: Path, told: ForOthers, said: Mapping[str, Any], *, merged: bool
) -> None:
    settings = read_description(trained)["settings"]
    name, revision = settings["base"]["name"], settings["base"].get("revision")
    public = told.base or public_name(name)
    on_hub = local_folder(told.base or name) is None
    chat = load_chat(settings)
    merged = merged or settings["lora"] is None
    if merged:
        # A quantised base has no room for an adapter: it is merged into the weights before that.
        base = replace(base_settings(settings), quantization="none")
        model = load_merged(base, trained / ADAPTER, getattr(torch, base.dtype))
        model.generation_config.eos_token_id = sorted(chat.stop_ids)
        model.save_pretrained(out)
    elif told.repo and not on_hub:
        raise UserError(
            f"base model {public} is not on the Hub, so nobody could load the adapter: add "
            "--merged, or name it by --base ORG/NAME"
        )
    else:
        for file in (WEIGHTS, CONFIG):
            shutil.copyfile(trained / ADAPTER / file, out / file, follow_symlinks=False)
        _name_base(out / CONFIG, told.base, revision)
    chat.tokenizer.chat_template = chat.template
    chat.tokenizer.save_pretrained(out)
    if chat.prompt is not None:
        write_json(out / PROMPT, chat.prompt.messages(), indent=2)
    card = ModelCard(
        **{"title": f"{trained.parent.name} {trained.name}", "results": "", **said},
        base=public,
        on_hub=on_hub,
        merged=merged,
        steps=_steps(trained),
        prompt=chat.prompt,
        versions=library_versions(),
        repo=told.repo,
        licence=told.licence or known_licence(name, revision),
        datasets=told.datasets,
    )
    (out / "README.md").write_text(render_card(card), encoding="utf-8")


def _name_base(config: Path, base: str | None, revision: str | None) -> None:
    """Let an adapter say by which name others load its base, or which commit it was trained on."""
    document = json.loads(config.read_text("utf-8"))
    document |= {"base_model_name_or_path": base} if base else {"revision": revision}
    config.write_text(json.dumps(document, indent=2, sort_keys=True), encoding="utf-8")


def known_licence(base: str, revision: str | None) -> str | None:
    """Return the licence that the card of a base model on this machine names; None if none does."""
    if base.startswith(PACKAGE_PREFIX):
        return "apache-2.0"  # as the package
    folder = local_folder(base)
    found = (
        folder / "README.md"
        if folder
        else try_to_load_from_cache(base, "README.md", revision=revision)
    )
    if not isinstance(found, str | Path) or not Path(found).is_file():
        return None
    try:
        licence = RepoCard.load(found).data.get("license")
    except (OSError, ValueError, YAMLError):
        return None
    return licence if isinstance(licence, str) else None


def find_trained(source: Path, system: str | None) -> tuple[Path, str | None]:
    """Return the folder of the fine-tuning that made a model, and which system of a run it is.

    Raises:
        UserError: If `source` is neither a run nor a fine-tuning, or lacks that system.
    """
    if (source / ADAPTER).is_dir() and (source / DESCRIPTION).is_file():
        if system is not None:
            raise UserError(f"{source} is a single stage: leave out --system, or give a run folder")
        return source, None
    if not (source / STAGES).is_file():
        raise UserError(
            f"{source} is neither a run folder nor the folder of a finished fine-tuning: give the "
            "folder that the run named at its end, or STORE/imitate/KEY"
        )
    run = read_stages(source)
    systems = [title.split(" ", 1)[1] for title in run.folders if title.startswith("evaluate ")]
    if not systems:
        raise UserError(f"{source} names no evaluation: run the same command again")
    chosen = system or _method(source) or systems[-1]
    evaluated = run.folder(f"evaluate {chosen}")
    if evaluated is None:
        raise UserError(f"the run has no system {chosen}: use one of {', '.join(systems)}")
    if not evaluated.is_dir():
        raise UserError(f"{chosen} is not finished in the store: run the same command again")
    model = read_description(evaluated)["inputs"].get("model")
    if model is None:
        raise UserError(f"{evaluated} names no model: {how_to_repair(evaluated)}")
    return _by_key(evaluated, model), chosen


def _method(run: Path) -> str | None:
    """Return the name of a run's method, which is that of its own system; None if it isn't told."""
    results = read_results(run, _Run)
    if results is not None:
        return str(results["method"])
    return read_configuration(run).get("method", {}).get("name")


def _by_key(stage: Path, key: str) -> Path:
    """Return the folder of another stage of the same store."""
    found = list(stage.parents[1].glob(f"*/{key}")) if re.fullmatch(r"\w+", key) else []
    if not found:
        raise UserError(f"the store {stage.parents[1]} lacks stage {key}: run the command again")
    return found[0]


def _steps(trained: Path) -> list[Step]:
    """Return the stages up to one in a store, each after those it reads."""
    steps: dict[str, Step] = {}

    def visit(folder: Path) -> None:
        description = read_description(folder)
        for key in description["inputs"].values():
            if key not in steps:
                visit(_by_key(folder, key))
        name = description["stage"]
        steps[folder.name] = Step(name, _counts(name, folder), description["settings"])

    visit(trained)
    return list(steps.values())


def _counts(stage: str, folder: Path) -> dict[str, Any]:
    if stage in _LINES:
        file, what = _LINES[stage]
        return {what: (folder / file).read_bytes().count(b"\n")}
    if stage == "trees":
        return {"trees": len(read_trees(folder))}
    if (folder / ADAPTER).is_dir():
        report: FitReport = read_report(folder)
        return {
            "samples": report.samples,
            "left out, too long": report.too_long,
            "steps": report.steps,
            "loss at the end": report.loss and round(report.loss, 4),
            **(
                {"loss per token at the end": round(report.loss_per_token, 4)}
                if report.loss_per_token is not None
                else {}
            ),
        }
    return {}


def _said(source: Path, system: str | None) -> dict[str, Any]:
    """Return what a run says of one of its systems on a card; nothing of a stage's folder."""
    run, table = read_results(source, _Run), source / TABLE
    if run is None or not table.is_file():
        return {}
    chosen = system or run["method"]
    lines = table.read_text("utf-8", errors="replace").splitlines()
    return {
        "title": f"{run['env']}, {chosen}, seed {run['seed']}",
        "results": "\n".join(line for line in lines if not line.startswith("# ")),
        "env": run["env"],
        "measured": run.get("systems", {}).get(chosen, {}),
    }
