"""Identity of a base model: its files, or the commit of a Hub id."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tratree.files import file_digest
from tratree.models import names
from tratree.models.names import fingerprint, hub_commit, local_folder

COMMITS = ("0" * 40, "1" * 40)


@pytest.mark.parametrize(
    "name",
    [
        *("merges.txt", "vocab.txt", "vocab.json", "tokenizer.model", "chat_template.jinja"),
        *("model.safetensors", "generation_config.json", "additional_chat_templates/rag.jinja"),
        "qwen.tiktoken",
    ],
)
def test_every_file_of_model_tokenizer_and_template_counts(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    before = fingerprint(str(tmp_path))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("one", encoding="utf-8")
    first = fingerprint(str(tmp_path))
    path.write_text("two", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert len({before, first, fingerprint(str(tmp_path))}) == 3
    (tmp_path / "README.md").write_text("no part of it", encoding="utf-8")
    path.write_text("one", encoding="utf-8")
    assert fingerprint(str(tmp_path)) == first


def test_a_large_file_is_read_once_by_all_processes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    read: list[str] = []

    def digest(path: Path) -> bytes:
        read.append(path.name)
        return file_digest(path)

    monkeypatch.setattr(names, "file_digest", digest)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    weights = folder / "model.safetensors"
    weights.touch()
    os.truncate(weights, 2**24)
    os.utime(weights, ns=(1, 1))

    def as_in_a_new_process() -> str:
        names._hash.cache_clear()
        read.clear()
        return fingerprint(str(folder))

    first = as_in_a_new_process()
    assert read == ["config.json", "model.safetensors"]
    assert (as_in_a_new_process(), read) == (first, ["config.json"])
    weights.write_bytes(b"1" + weights.read_bytes()[1:])  # a moment ago: may change unseen
    for _ in range(2):
        assert as_in_a_new_process() != first
        assert read == ["config.json", "model.safetensors"]
    [kept] = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    os.utime(weights, ns=(1, 1))
    assert as_in_a_new_process() == first  # size and time are all that is looked at
    kept.write_text("damaged")
    assert as_in_a_new_process() != first


def test_the_packaged_models_keep_their_fingerprints() -> None:
    known = {"weak": "2650e0418c0b850c", "strong": "fa773a3c8cf19b78"}
    assert {name: fingerprint(f"package:models/tiny/{name}") for name in known} == known


def test_a_hub_id_is_known_by_the_commit_that_its_revision_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    refs = tmp_path / "models--some--model" / "refs"
    refs.mkdir(parents=True)
    assert hub_commit("some/other") is None
    assert fingerprint("some/other") == "some/other"
    for commit in COMMITS:  # main moves
        (refs / "main").write_text(commit, encoding="utf-8")
        assert hub_commit("some/model") == hub_commit("some/model", "main") == commit
        assert fingerprint("some/model", commit) == f"some/model@{commit}"
    assert hub_commit("some/model", COMMITS[0]) == COMMITS[0]
    assert hub_commit("some/model", "v1") is None
    assert hub_commit(str(tmp_path)) is None
    assert local_folder("package:models/tiny/weak") is not None
