"""From one master to what each reader gets: learner, solution, guide.

A master is a py:percent file. In `tutorials/src` stand the lessons, in `notebooks` the
workbenches. What it says by marks, and what becomes of them:

| in the master | in the notebook |
|---|---|
| title | the badge below it, which leads to this very notebook |
| `![words](end-state)` | the picture that the cell tagged `end-state` draws |
| `Budget: an hour of yours.` | what the last run took, added to it |
| `**Exercise.**` before a cell with `exercise="name"` | its number and header |
| a cell with `exercise="name"` | the stub; in the solution, the reference |
| cells tagged `guide` | nothing: they are for the instructor's guide |

Links lead from the folder of the learner's notebook.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.errors import ConfigError, MissingExtraError
from toolkit.lessons.exercises import exercise_of
from toolkit.paths import assets_dir

FOLDERS = Path("tutorials/src"), Path("notebooks")
"""Where masters are."""
COLAB = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/multiturn-rl-toolkit/"
    "multiturn-rl-toolkit/blob/v{version}/{path})"
)
END_STATE, GUIDE = "end-state", "guide"
"""Tags of cells."""
_LINK = re.compile(r"\]\((?!https?:|#|/)")
_BUDGET = re.compile(r"(?m)^Budget: (.*)$")
_EXERCISE = "**Exercise.**"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


# ---- what is written -----------------------------------------------------------------


def is_lesson(master: Path) -> bool:
    """Return whether a master is a lesson, with a solution and a guide."""
    return master.parent.name == "src"


def learner_path(master: Path) -> Path:
    """Return where the notebook goes.

    >>> print(learner_path(Path("tutorials/src/04_credit.py")))
    tutorials/04_credit.ipynb
    """
    folder = master.parent.parent if is_lesson(master) else master.parent
    return folder / f"{master.stem}.ipynb"


def solution_path(master: Path) -> Path:
    """Return where the solution of a lesson goes."""
    return master.parents[1] / "solutions" / f"{master.stem}.ipynb"


def guide_path(master: Path) -> Path:
    """Return where the guide of a lesson goes."""
    return master.parents[1] / "guides" / f"{master.stem}.md"


def picture_path(master: Path) -> Path:
    """Return where the picture of a lesson's end goes."""
    return learner_path(master).parent / "pictures" / f"{master.stem}.svg"


# ---- what is known from earlier runs -------------------------------------------------


def facts_path() -> Path:
    """Return the file of what is known about all notebooks."""
    return assets_dir() / "lessons.json"


def facts_of(name: str) -> dict[str, Any]:
    """Return what is known about a notebook: its stubs and its measured budgets."""
    known = json.loads(facts_path().read_text(encoding="utf-8"))
    return dict(known.get(name, {}))


def note_facts(name: str, **facts: Any) -> None:
    """Add to what is known about a notebook."""
    known = json.loads(facts_path().read_text(encoding="utf-8"))
    known[name] = {**known.get(name, {}), **facts}
    text = json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False)
    facts_path().write_text(text + "\n", encoding="utf-8")


def budget_line(known: dict[str, Any]) -> str:
    """Say what a notebook takes, from what was measured.

    >>> budget_line({"smoke": {"seconds": 12.3, "memory_mb": 640}})
    '20 s on two CPU cores, 0.7 GB of memory and no download. On a T4: not measured.'
    """
    if "smoke" not in known:
        return "what is not measured yet."
    smoke, t4 = known["smoke"], known.get("t4")
    tens, tenths = -int(-smoke["seconds"] // 10), -int(-smoke["memory_mb"] // 100)
    gpu = f"{t4['seconds'] / 60:.0f} minutes" if t4 else "not measured"
    return (
        f"{10 * tens} s on two CPU cores, {tenths / 10:.1f} GB of memory and no "
        f"download. On a T4: {gpu}."
    )


# ---- reading -------------------------------------------------------------------------


def read(master: Path) -> Any:
    """Return a master as a notebook, with all of its cells.

    Raises:
        MissingExtraError: If jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError as error:
        raise MissingExtraError("jupytext", "dev") from error
    return jupytext.read(master, fmt="py:percent")


def convert(master: Path, *, solved: bool = False) -> Any:
    """Return the notebook of a master, without outputs.

    Args:
        master: A py:percent file.
        solved: Put the references where learners find stubs.

    Raises:
        ConfigError: If a mark in the master cannot be understood.
        MissingExtraError: If jupytext is not installed.
    """
    notebook = read(master)
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    cells = [c for c in notebook.cells if GUIDE not in c.metadata.get("tags", ())]
    notebook.cells = cells
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:02}"
        cell.metadata.pop("lines_to_next_cell", None)
    _number_exercises(master.stem, cells)
    path = solution_path(master) if solved else learner_path(master)
    cells[0].source = _first_screen(cells[0].source, master, path)
    if solved:
        _solve(master.stem, cells)
    return notebook


def exercise_cells(cells: list[Any]) -> dict[str, Any]:
    """Return the code cells in which exercises are answered, by name."""
    return {c.metadata["exercise"]: c for c in cells if "exercise" in c.metadata}


def stubs(master: Path) -> dict[str, str]:
    """Return what learners find in place of each answer."""
    cells = exercise_cells(read(master).cells)
    return {name: binding(cell.source, name) for name, cell in cells.items()}


def binding(source: str, name: str) -> str:
    """Return the statement that binds a name, its comment included.

    Raises:
        ConfigError: If there is none.
    """
    first, last = _lines_of(source, name)
    return "\n".join(source.splitlines()[first:last])


# ---- parts ---------------------------------------------------------------------------


def _first_screen(text: str, master: Path, path: Path) -> str:
    """Add badge, picture and budget."""
    title, _, rest = text.partition("\n")
    root = master.parents[2 if is_lesson(master) else 1]
    place = path.relative_to(root).as_posix()
    badge = COLAB.format(version=__version__, path=place)
    picture = f"](pictures/{master.stem}.svg)"
    rest = rest.replace(f"]({END_STATE})", picture)
    budget = budget_line(facts_of(master.stem))
    rest = _BUDGET.sub(lambda found: f"**Budget:** {found[1]} It takes {budget}", rest)
    return f"{title}\n\n{badge}\n{rest}"


def _number_exercises(lesson: str, cells: list[Any]) -> None:
    """Write numbers and headers of exercises into the words before them.

    Raises:
        ConfigError: If such words are missing.
    """
    marked = [i for i, cell in enumerate(cells) if "exercise" in cell.metadata]
    for number, i in enumerate(marked, start=1):
        name = cells[i].metadata["exercise"]
        before, mark, words = cells[i - 1].source.partition(_EXERCISE)
        if not mark:
            raise ConfigError(
                f"{lesson}: no words introduce the exercise {name!r}.",
                f"A paragraph of the cell before it must begin with {_EXERCISE}",
            )
        header = exercise_of(lesson, name).header
        cells[
            i - 1
        ].source = f"{before}**Exercise {number}** ({header})\n\n{words.strip()}"


def _solve(lesson: str, cells: list[Any]) -> None:
    """Put the references in place of the stubs, and mend links."""
    for name, cell in exercise_cells(cells).items():
        lines = cell.source.splitlines()
        first, last = _lines_of(cell.source, name)
        lines[first:last] = exercise_of(lesson, name).source.splitlines()
        cell.source = "\n".join(lines)
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK.sub("](../", cell.source)


def _lines_of(source: str, name: str) -> tuple[int, int]:
    """Return the first line of the statement that binds a name, and the one after.

    Raises:
        ConfigError: If there is none.
    """
    for node in ast.parse(source).body:
        names = [getattr(node, "name", None)]
        names += [getattr(target, "id", None) for target in _targets(node)]
        if name in names:
            return node.lineno - 1, node.end_lineno or node.lineno
    raise ConfigError(f"Nothing in the cell of the exercise {name!r} has that name.")


def _targets(node: ast.stmt) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else []
