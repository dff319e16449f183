import pytest

from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.workbench import validate
from toolkit.errors import ActionError
from toolkit.lessons import lending
from toolkit.lessons.lending import (
    FAILING,
    SOURCE,
    TEST_FILE,
    found_files,
    hand_in,
    make_lending,
)
from toolkit.sandbox import Level

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.mark.parametrize("unseen", [False, True])
def test_the_bug_is_what_is_written_down(tmp_path, unseen):
    verdict = validate(make_lending(tmp_path, unseen=unseen))
    assert verdict.same, verdict.difference


def test_files_are_handed_in_as_they_are(tmp_path):
    bug = make_lending(tmp_path)
    found = found_files(bug)
    assert hand_in(found, bug).still_fail == FAILING
    mended = found[SOURCE].replace("(days + ", "(days - ")
    assert hand_in(found | {SOURCE: mended}, bug).binary == 1.0
    changed = found | {SOURCE: mended, "new/file.py": "x = 1\n"}
    del changed[TEST_FILE]
    grade = hand_in(changed, bug)
    assert (grade.binary, grade.ignored) == (1.0, ("new/file.py", TEST_FILE))
    without = {path: text for path, text in found.items() if path != SOURCE}
    assert hand_in(without, bug).ratio == 0.0


def test_nothing_is_written_elsewhere(tmp_path):
    bug = make_lending(tmp_path / "lending")
    with pytest.raises(ActionError, match="no path in the repository"):
        hand_in(found_files(bug) | {"../out.py": ""}, bug)
    assert found_files(bug)[SOURCE] == lending.RIGHT.replace("- FREE", "+ FREE")
    assert get_repository(bug.repository).root == tmp_path / "lending"


def test_without_a_safe_sandbox_it_goes_on_with_code_that_is_trusted(
    tmp_path, monkeypatch
):
    asked = []

    def graded(bug, workspace, *, trusted, timeout_s):
        asked.append(trusted)

    monkeypatch.setattr(lending, "grade", graded)
    bug = make_lending(tmp_path)
    for level in (Level.BUBBLEWRAP, Level.LIMITS):
        monkeypatch.setattr(lending, "detect_level", lambda level=level: level)
        hand_in(found_files(bug), bug)
    assert asked == [False, True]
