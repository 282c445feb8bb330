"""The commands of the page about the record run as they stand there."""

from pathlib import Path

from console import arguments, examples, run

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "record.md"


def test_the_commands_of_the_page_run_in_order(tmp_path):
    text = (HERE / "data" / "record" / "uganda.txt").read_text(encoding="utf-8")
    body = "".join(f"<p>{line}</p>\n" for line in text.splitlines() if line.strip())
    (tmp_path / "article.html").write_text(
        f"<!doctype html><html><head><title>News</title></head><body><article>{body}</article></body></html>",
        encoding="utf-8",
    )
    (tmp_path / "article.txt").write_text(text, encoding="utf-8")
    (tmp_path / "statements.csv").write_text(
        "speaker,date,date_precision,quotation\nBobi Wine,2020-08-26,day,What they call 'security' is fear\n",
        encoding="utf-8",
    )
    commands = [one.command for one in examples(PAGE)]
    assert len(commands) >= 8
    for command in commands:
        ran = run(arguments(command), tmp_path)
        assert ran.returncode == 0, f"{command}\n{ran.stderr}"
