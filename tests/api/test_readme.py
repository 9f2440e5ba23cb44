"""What the README shows is what the program does. `make figures` rewrites it where this fails."""

from pathlib import Path

import pytest

from docs import figures

TEXT = figures.README.read_text(encoding="utf-8")
BLOCKS = list(figures.blocks(TEXT))


@pytest.mark.parametrize("needs_data", [False, True], ids=["anywhere", "with data"])
def test_every_command_gives_the_output_that_is_shown(tmp_path: Path, needs_data: bool) -> None:
    if needs_data and not figures.data_folder().is_dir():
        pytest.skip(f"no data folder {figures.data_folder()}; set CLEARWAY_DATA")
    steps = [step for block in BLOCKS if block.needs_data is needs_data for step in block.steps]

    shown = [(step.command, figures.masked(step.output)) for step in steps]
    given = [(step.command, figures.masked(figures.run(step.command, tmp_path))) for step in steps]

    assert shown
    assert shown == given


def test_the_commands_to_start_with_are_there() -> None:
    makefile = (figures.ROOT / "Makefile").read_text()

    for target in ("run", "demo", "test", "figures"):
        assert f"make {target}" in TEXT
        assert f"\n{target}: " in makefile


def test_every_page_the_readme_links_to_exists() -> None:
    targets = [part.split(")")[0] for part in TEXT.split("](")[1:]]

    assert targets
    assert [target for target in targets if not (figures.ROOT / target).exists()] == []
