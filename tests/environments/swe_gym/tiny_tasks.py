"""A small repository with bugs, as rows of SWE-Gym and as images of the fake engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

AREAS = '''"""Areas of shapes."""

PI = 3.141592653589793


def rectangle(width, height):
    """Return the area of a rectangle."""
    if width < 0 or height < 0:
        raise ValueError("a side is negative")
    return width * height


def triangle(base, height):
    """Return the area of a triangle."""
    return base * height / 2


def circle(radius):
    """Return the area of a circle."""
    return PI * radius**2
'''
NAMES = '''"""Names of shapes."""


def plural(name):
    """Return the plural of a name."""
    if name.endswith("s"):
        return name + "es"
    return name + "s"


def title(name):
    """Return a name as it is written in a heading."""
    return " ".join(word.capitalize() for word in name.split())
'''
TEST_AREAS = """import pytest

from shapes import areas


def test_triangle():
    assert areas.triangle(3, 4) == 6


@pytest.mark.parametrize("side", [0, 2])
def test_rectangle(side):
    assert areas.rectangle(side, 3) == side * 3


def test_circle():
    assert areas.circle(1) == pytest.approx(3.14159, abs=1e-4)
"""
TEST_NAMES = """import pytest

from shapes import names


def test_plural():
    assert names.plural("circle") == "circles"


@pytest.mark.parametrize("name", ["circle", "half circle"])
def test_title(name):
    assert names.title(name).lower() == name
"""
CLEAN = {
    "shapes/__init__.py": "",
    "shapes/areas.py": AREAS,
    "shapes/names.py": NAMES,
    "tests/test_areas.py": TEST_AREAS,
    "tests/test_names.py": TEST_NAMES,
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "README.md": "# Shapes\n",
}
A, N = "tests/test_areas.py", "tests/test_names.py"
# name: file, sound code, broken code, hidden test, its name, tests that stay whole
BUGS = {
    "tiny__shapes-1": (
        "shapes/areas.py",
        "return base * height / 2",
        "return base * height // 2",
        A,
        "\n\ndef test_half():\n    assert areas.triangle(1, 1) == 0.5\n",
        [f"{A}::test_half"],
        [f"{A}::test_triangle", f"{A}::test_rectangle[0]", f"{A}::test_circle"],
    ),
    "tiny__shapes-2": (
        "shapes/areas.py",
        "if width < 0 or height < 0:",
        "if width < 0 and height < 0:",
        A,
        "\n\ndef test_negative():\n    with pytest.raises(ValueError):\n"
        "        areas.rectangle(-1, 1)\n",
        [f"{A}::test_negative"],
        [f"{A}::test_triangle", f"{A}::test_rectangle[0]", f"{A}::test_rectangle[2]"],
    ),
    "tiny__shapes-3": (
        "shapes/names.py",
        'return name + "es"',
        'return name + "s"',
        N,
        '\n\n@pytest.mark.parametrize("name", ["bus", "big bus"])\n'
        "def test_plural_of_s(name):\n"
        '    assert names.plural(name) == name + "es"\n',
        # as the harness of SWE-bench lists it: cut at the blank
        [f"{N}::test_plural_of_s[bus]", f"{N}::test_plural_of_s[big"],
        [f"{N}::test_plural", f"{N}::test_title[circle]", f"{N}::test_title[half"],
    ),
    "tiny__shapes-4": (
        "shapes/names.py",
        "word.capitalize() for word",
        "word.lower() for word",
        N,
        '\n\ndef test_capitals():\n    assert names.title("a b") == "A B"\n',
        [f"{N}::test_capitals"],
        [f"{N}::test_plural", f"{N}::test_title[circle]"],
    ),
    "tiny__shapes-5": (
        "shapes/areas.py",
        "return PI * radius**2",
        "return PI * radius * 2",
        A,
        "\n\ndef test_large():\n    assert areas.circle(3) > 28\n",
        [f"{A}::test_large", f"{A}::test_circle"],
        [f"{A}::test_triangle"],
    ),
}


def broken(instance):
    """Return the files of a task before the repair."""
    path, sound, wrong, *_ = BUGS[instance]
    assert CLEAN[path].count(sound) == 1
    return {**CLEAN, path: CLEAN[path].replace(sound, wrong)}


def git(folder, *args):
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *args],
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
    )
    return done.stdout.decode()  # with the line ends as they are


def write(folder, files):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())


def difference(folder, files, path):
    """Return the patch that gives a file its text; the folder stays as it is."""
    before = (folder / path).read_text()
    (folder / path).write_text(files[path])
    patch = git(folder, "diff")
    (folder / path).write_text(before)
    return patch


def make_repository(folder, files):
    write(folder, files)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "base")
    return git(folder, "rev-parse", "HEAD").strip()


def make_row(instance, folder):
    """Build the repository of a task in a folder; return its row."""
    path, *_, tests, hidden, failing, passing = BUGS[instance]
    commit = make_repository(folder, broken(instance))
    return {
        "instance_id": instance,
        "repo": "tiny/shapes",
        "base_commit": commit,
        "version": "1.0",
        "problem_statement": f"Something in {path} gives wrong results.",
        "hints_text": "",
        "created_at": "2024-01-01T00:00:00",
        "patch": difference(folder, CLEAN, path),
        "test_patch": difference(folder, {tests: CLEAN[tests] + hidden}, tests),
        "FAIL_TO_PASS": failing,
        "PASS_TO_PASS": passing,
    }


def make_smith_row(folder):
    """Build a repository with sound code; return a row of SWE-smith about it."""
    make_repository(folder, CLEAN)
    wrong = broken("tiny__shapes-5")
    return {
        "instance_id": "tiny__shapes.abcdef12.func_pm__1",
        "repo": "swesmith/tiny__shapes.abcdef12",
        "image_name": "swebench/swesmith.x86_64.tiny_1776_shapes.abcdef12",
        "problem_statement": "",
        "patch": difference(folder, wrong, "shapes/areas.py"),
        "FAIL_TO_PASS": [f"{A}::test_circle"],
        "PASS_TO_PASS": [f"{A}::test_triangle", f"{N}::test_plural"],
    }


def patch_with_new_files(folder):
    """Return a patch that repairs the first task with the help of new files."""
    make_repository(folder, broken("tiny__shapes-1"))
    areas = AREAS.replace("PI =", "from shapes.parts.halves import half\n\nPI =")
    files = {
        "shapes/areas.py": areas.replace("base * height / 2", "half(base * height)"),
        "shapes/parts/__init__.py": "",
        "shapes/parts/halves.py": "def half(x):\n    return x / 2\n",
    }
    write(folder, files)
    git(folder, "add", "--all")
    return git(folder, "diff", "--cached")


class Engine:
    """The fake engine, as tests see it; its client is put first on the path."""

    def __init__(self, folder, name="docker"):
        self.state, self.bin = folder / "engine", folder / "bin"
        for part in (self.bin, self.state / "containers"):
            part.mkdir(parents=True)
        client = self.bin / name
        script = Path(__file__).with_name("fake_engine.py")
        client.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        client.chmod(0o755)

    @property
    def environment(self):
        """What a process has to find in its environment to meet this engine."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "FAKE_ENGINE": str(self.state),
        }

    def image(self, name, place="images"):
        """Return the folder of an image that is here, or in the registry."""
        folder = self.state / place / "".join(c if c.isalnum() else "_" for c in name)
        (folder / "testbed").mkdir(parents=True)
        return folder / "testbed"

    def breaks(self, how, also=True):
        """Make the engine fail in a way, or make it whole again."""
        (self.state / how).touch() if also else (self.state / how).unlink()

    def containers(self):
        return sorted(path.name for path in (self.state / "containers").iterdir())

    def settings(self, name):
        return json.loads(
            (self.state / "containers" / name / "settings.json").read_text()
        )

    def commands(self):
        """Return the commands that were given so far."""
        lines = (self.state / "log").read_text().splitlines()
        return [json.loads(line)[1:] for line in lines]

    def kill(self, name):
        """Let a container die, as out of memory."""
        path = self.state / "containers" / name / "process"
        os.killpg(int(path.read_text()), 9)

    def end(self):
        """Remove what is left; return what that was."""
        left = self.containers()
        for flag in ("down", "full", "denied", *self.state.glob("slow-*")):
            (self.state / flag).unlink(missing_ok=True)
        for name in left:
            subprocess.run(
                [next(self.bin.iterdir()), "rm", "--force", name],
                env={**os.environ, **self.environment},
                check=False,
                capture_output=True,
            )
        return left


def make_tasks(folder, instances=tuple(BUGS)):
    """Make an engine with the images of tasks; return it and the rows."""
    engine = Engine(folder)
    rows = []
    for name in instances:
        image = (
            f"docker.io/xingyaoww/sweb.eval.x86_64.{name.replace('__', '_s_')}:latest"
        )
        rows.append(make_row(name, engine.image(image)))
    return engine, rows


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
