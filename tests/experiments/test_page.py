import copy

import pytest

from tests.experiments.made_up import EXAMS, claim, exam, result, run
from tests.html_checks import Outline
from toolkit.errors import ToolkitError
from toolkit.experiments.page import write_page

EVIL = "<script>alert('x')</script>"


def outline(folder, *results):
    path = write_page(results, folder / "page")
    assert path == folder / "page" / "index.html"
    return Outline(path.read_text(encoding="utf-8"))


def labels(found):
    return [svg["aria-label"] for svg in found.having("svg")]


def set_after(made, arm, shares):
    for one, share in zip(made["arms"][arm]["runs"], shares, strict=True):
        one["after"][EXAMS[0]] = exam(share)


def test_each_experiment_has_its_part_and_its_link(tmp_path):
    found = outline(tmp_path, result("algorithms"), result("density"))
    assert [a["id"] for a in found.having("article")] == ["algorithms", "density"]
    assert [a["href"] for a in found.having("a")] == ["#algorithms", "#density"]
    assert "2 experiments · 30 training runs · 62 minutes of training" in found.texts
    assert found.texts.count("Which algorithm?") == 4
    assert not found.having("script")


def test_verdicts_have_signs_words_and_numbers(tmp_path):
    made = result()
    set_after(made, "ppo", [0.9, 0.91, 0.92])
    set_after(made, "rloo", [0.8, 0.8, 0.8])
    set_after(made, "grpo", [0.6, 0.8, 1.0])
    made["claims"] = [
        claim("one", "ppo", "rloo"),
        claim("two", "rloo", "ppo", measure="gain"),
        claim("three", "grpo", "rloo"),
    ]
    found = outline(tmp_path, made)
    # 0.10, 0.11, 0.12: 0.11 ± 4.3027 · 0.01 / √3
    held = "✓ held one 91.0 % against 80.0 %: +11.0 points (95 %: +8.5 to +13.5; 3"
    assert f"{held} pairs of runs)." in found.text
    assert "✗ contradicted two +18.0 points against +29.0 points: -11.0" in found.text
    assert "? undecided three" in found.text
    assert "one; two; three ✓ 1 held ✗ 1 contradicted ? 1 undecided" in found.text
    # half widths 2.48, 2.48 and 49.7: root mean square 28.7
    assert "With 3 seeds, a mean difference under about 29 points" in found.text


def test_one_seed_decides_nothing(tmp_path):
    found = outline(tmp_path, result(seeds=(7,)))
    assert "? 4 undecided" in found.texts
    assert "points, in one run." in found.text
    assert "cannot be seen here" not in found.text


def test_each_exam_is_drawn_for_screens_and_phones(tmp_path):
    found = outline(tmp_path, result())
    for name in EXAMS:
        plots = [x for x in labels(found) if x.startswith(f"{name}. PPO")]
        assert len(plots) == 2
        assert "the paper 1 to 59 %" in plots[0] or name != EXAMS[1]
    assert sum("3 of 3 runs: share of training games" in x for x in labels(found)) == 5
    assert "Diamonds: the paper, Table 10, Qwen2.5-1.5B, one seed." in found.text


def test_without_a_paper_nothing_speaks_of_its_marks(tmp_path):
    made = result()
    made["paper"] = {}
    found = outline(tmp_path, made)
    assert "Diamonds" not in found.text
    assert not any("the paper" in label for label in labels(found))


def test_findings_limits_and_making_are_there(tmp_path):
    made = result()
    found = outline(tmp_path, made)
    for text in (*made["findings"], *made["limits"], made["made"]["command"]):
        assert text in found.texts


def test_missing_runs_are_named(tmp_path):
    made = result()
    arms = made["arms"]
    arms["grpo"]["runs"].pop()
    arms["rloo"]["runs"] = []
    arms["gigpo"]["runs"][1]["curve"] = []
    arms["gigpo"]["runs"][0]["stopped"] = "time limit"
    for one in arms["ppo"]["runs"]:
        del one["after"][EXAMS[1]]
    found = outline(tmp_path, made)
    told = "GRPO has 2 of 3 runs; RLOO has 0 of 3 runs; GiGPO, seed 0: time limit."
    assert f"Not everything has finished: {told}" in found.texts
    (easy, _), (hard, _) = (
        [x for x in labels(found) if x.startswith(name)] for name in EXAMS
    )
    assert "RLOO: after training not measured, 0 of 3 runs" in easy
    assert "2 of 3 runs" in easy
    assert "before 24 %, after training not measured, 0 of 3 runs" in hard
    assert "RLOO, 0 of 3 runs: no training curve" in labels(found)
    assert any(x.startswith("GiGPO, 2 of 3 runs: share") for x in labels(found))
    assert "No runs to judge by." in found.texts


def test_a_finished_experiment_has_no_notice(tmp_path):
    assert "Not everything" not in outline(tmp_path, result()).text


@pytest.mark.parametrize("part", sorted(set(result()) - {"claims", "arms"}))
def test_every_part_may_be_missing(tmp_path, part):
    made = result()
    del made[part]
    assert "PPO raises success" in outline(tmp_path, made).text


def test_bare_names_are_enough(tmp_path):
    found = outline(tmp_path, {"name": "new"}, {"name": "b", "arms": {"x": None}})
    assert found.texts.count("new") == 2
    assert found.text.count("Nothing was measured yet.") == 2
    assert found.texts.count("no claims") == 2


def test_everything_from_outside_is_escaped(tmp_path):
    made = poisoned(result())
    made["arms"]["ppo"]["runs"] = [{**run(EVIL, (0.5, 0.5)), "stopped": EVIL}]
    found = outline(tmp_path, made)
    assert not found.having("script")
    assert found.text.count(EVIL) > 20
    assert found.having("article")[0]["id"] == EVIL


def poisoned(made):
    """Put the same evil text wherever an experiment has words of its own."""
    made = copy.deepcopy(made)
    for key in ("name", "title", "question", "setting", "start", "paper_source", "n"):
        made[key] = EVIL
    made["findings"] = made["limits"] = made["seeds"] = [EVIL]
    made["made"] = {"versions": {EVIL: EVIL}, "command": EVIL}
    made["exams"] = [*EXAMS, EVIL]
    made["claims"] = [{**one, "text": EVIL} for one in made["claims"]]
    for arm in made["arms"].values():
        arm.update(label=EVIL, settings={EVIL: EVIL})
    return made


def test_nothing_to_show_says_what_to_do(tmp_path):
    with pytest.raises(ToolkitError, match="toolkit experiment algorithms"):
        write_page([], tmp_path)
    assert not list(tmp_path.iterdir())
