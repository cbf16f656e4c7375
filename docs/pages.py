"""What the site has besides ``docs/``: each page and file that is linked, and the reference.

Paths are those of the repository, so that a link leads to the same page here and on a Git host.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
from contextlib import redirect_stdout, suppress
from importlib import import_module
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tratree.cli.main import COMMANDS, GROUPS, help_text
from tratree.config_reading import known_settings

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\(([^)\s#]+)")
HREF = re.compile(r'href="([^":#]+\.md)(#[^"]*)?"')
LOG = logging.getLogger("mkdocs.hooks.pages")


@event_priority(100)  # before the plugin that executes notebooks looks for them
def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Take the files by their paths in the repository, and add what they link to."""
    own = [file for file in files if file.src_dir == config.docs_dir]
    for file in own:
        files.remove(file)
    waiting = [
        "README.md",
        "AGENTS.md",
        *(f"docs/{file.src_uri}" for file in own if _belongs(file.src_uri)),
    ]
    found = set(waiting)
    for path in waiting:
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
        linked = linked_files(path) - found
        found |= linked
        waiting += sorted(linked)
    for name, text in (("settings", settings_page()), ("commands", commands_page())):
        files.append(File.generated(config, f"docs/reference/{name}.md", content=text))
    return files


def _belongs(path: str) -> bool:
    return path != Path(__file__).name and "__pycache__" not in path


def linked_files(page: str) -> set[str]:
    """Return the files of the repository that a page links to; a dead link stays for MkDocs."""
    if not page.endswith(".md"):
        return set()
    links = LINK.findall((ROOT / page).read_text("utf-8"))
    paths = {os.path.normpath(Path(page).parent / link) for link in links if ":" not in link}
    return {path for path in paths if (ROOT / path).is_file()}


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the links of notebooks lead to pages, as MkDocs does for those of Markdown."""

    def to_page(link: re.Match[str]) -> str:
        path = os.path.normpath(Path(page.file.src_uri).parent / link[1])
        file = files.get_file_from_path(path)
        if file is None:
            LOG.warning("%s links to %s, which is not there", page.file.src_uri, path)
            return link[0]
        return f'href="{file.url_relative_to(page.file)}{link[2] or ""}"'

    return HREF.sub(to_page, html) if page.file.src_uri.endswith(".py") else html


def settings_page() -> str:
    """Return a page with every setting, by the first part of its key."""
    parts = [
        "# Settings",
        "Every key of the configuration, from the one place that declares it. "
        "`tratree settings WORD` prints those with a word in their key.",
    ]
    group = ""
    for key, setting in sorted(known_settings().items()):
        if key.partition(".")[0] != group:
            group = key.partition(".")[0]
            parts.append(f"## {group}")
        default = "none: must be given" if setting.default == "???" else json.dumps(setting.default)
        meaning, values = _plain(" ".join(setting.meaning.split())), _plain(setting.values)
        parts.append(f"`{key}`\n:   {meaning}  \n    *{values}; default:* `{default}`")
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Keep Markdown from reading more into a text than code."""
    return re.sub(r"([*_<\[\]])(?=[^`]*(?:`[^`]*`[^`]*)*$)", r"\\\1", text)


def commands_page() -> str:
    """Return a page with the help of every command, as its parser prints it."""
    os.environ["COLUMNS"] = "90"
    parts = ["# Commands", f"```text\n{help_text()}\n```"]
    for title, names in GROUPS.items():
        parts.append(f"## {title[0].upper()}{title[1:]}")
        for name in names:
            parts += [f"### tratree {name}", f"```text\n{_help_of(name)}```"]
    return "\n\n".join(parts) + "\n"


def _help_of(name: str) -> str:
    assert name in COMMANDS
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        import_module(f"tratree.cli.{name.replace('-', '_')}").main(["--help"])
    return said.getvalue()
