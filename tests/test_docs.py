"""The pages tell what is there today: their examples run, what is made from code is up to date."""

import importlib.util
import re
from pathlib import Path

import pytest
from typer.main import get_command

from console import arguments, examples, matches, run
from wallwatch.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "docs" / "guide.md"]
RUNNABLE = [
    example for page in PAGES for example in examples(page) if example.command.startswith("wallwatch")
]


@pytest.mark.parametrize("example", RUNNABLE, ids=lambda example: example.place)
def test_an_example_prints_what_the_page_says(example, demo, tmp_path):
    (tmp_path / "demo").symlink_to(demo.folder)
    ran = run(arguments(example.command), tmp_path)
    assert ran.returncode in (0, 1), ran.stderr
    assert matches(example.expected, ran.stdout), f"{example.place} prints:\n{ran.stdout}"


def test_the_first_two_commands_of_the_readme_are_the_two_that_set_everything_up(demo):
    first, second = list(examples(ROOT / "README.md"))[:2]
    assert (first.command, second.command) == ("make demo", "make test")
    assert matches(first.expected, demo.printed), demo.printed


@pytest.mark.parametrize("name", ["tables.md", "commands.md"])
def test_generated_pages_are_up_to_date(name):
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == module.PAGES[name](), "run: make docs"


def test_every_command_and_option_says_what_it_does():
    def walk(command, path):
        assert command.help, path
        for parameter in command.params:
            assert getattr(parameter, "help", None), (*path, parameter.name)
        for name, child in getattr(command, "commands", {}).items():
            walk(child, (*path, name))

    walk(get_command(app), ("wallwatch",))


def test_links_between_pages_resolve():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
