import json

import pytest

from toolkit.errors import ConfigError
from toolkit.lessons.show_claims import (
    paired,
    show_claims,
    show_differences,
    show_grid,
    show_transfer,
)

WORLDS = ("w2-o3-q4", "w4-o3-q4")


def write(path, **changes):
    """Store an experiment: small gains 2, 3 and 4 points at home, and loses 1 away."""

    def run(seed, home, away):
        shares = zip(WORLDS, (home, away), strict=True)
        return {
            "seed": seed,
            "before": {w: {"success": 0.5} for w in WORLDS},
            "after": {w: {"success": 0.5 + s} for w, s in shares},
        }

    runs = [run(0, 0.02, -0.01), run(1, 0.03, -0.01), run(2, 0.04, -0.01)]
    parts = [{"env": f"textworld/{w}"} for w in WORLDS]
    both = {"curriculum": {"name": "mixture", "parts": parts}}
    found = {
        "name": "made_up",
        "title": "Does it help?",
        "seeds": [0, 1, 2],
        "exams": list(WORLDS),
        "arms": {
            "small": {"settings": {"env": "textworld/w2-o3-q4"}, "runs": runs},
            "both": {"label": "both worlds", "settings": both, "runs": runs[:1]},
        },
        "paper": {"small": {WORLDS[0]: [0.1, 0.8]}},
        "paper_source": "Table 99",
        "claims": [
            {"text": "It helps", "better": ["small", WORLDS[0]], "than": "before"},
            {
                "text": "Both are better",
                "better": ["both", WORLDS[0]],
                "than": ["small", WORLDS[0]],
            },
        ],
        "limits": ["It is <made> up."],
        **changes,
    }
    path.write_text(json.dumps(found))
    return path


def test_pairs_are_subtracted_one_by_one():
    # differences 0.1, 0.2, 0.3: 0.2 ± 4.3027 · 0.1 / √3
    mean, low, high = paired([0.5, 0.9, 0.4], [0.4, 0.7, 0.1])
    assert mean == pytest.approx(0.2)
    assert (low, high) == pytest.approx((-0.0484, 0.4484), abs=1e-4)
    with pytest.raises(ConfigError, match="3 runs and 2 are no pairs"):
        paired([1, 2, 3], [1, 2])


def test_each_claim_is_drawn_beside_the_papers_number(tmp_path):
    view = show_claims(write(tmp_path / "a.json"))
    first, title, helps, both = view.text.splitlines()
    assert first == "2 claims: 1 held, 1 undecided."
    assert title == "Does it help?"
    assert helps == "It helps: held: +3.0 (+0.5 to +5.5), 3 pairs; the paper +70"
    assert both == "Both are better: undecided: 1 pair of runs"
    assert "The paper: Table 99." in view.html
    assert view.html.count('class="other"') == 2  # a mark and its key
    without = show_claims(write(tmp_path / "b.json", paper={}, paper_source=""))
    assert "No numbers of the paper" in without.html
    assert 'class="other"' not in without.html
    assert "<li>It is &lt;made&gt; up.</li>" in view.html


def test_missing_files_are_told_and_the_others_drawn(tmp_path):
    view = show_claims(tmp_path / "alfworld.json", write(tmp_path / "a.json"))
    assert "`toolkit experiment alfworld` makes it" in view.text
    assert "1 held" in view.text
    alone = show_claims(tmp_path / "none.json")
    assert alone.text.startswith("0 claims: none judged.")
    assert "toolkit experiment none" in show_transfer(tmp_path / "none.json").text


def test_a_transfer_table_frames_the_worlds_of_training(tmp_path):
    view = show_transfer(write(tmp_path / "a.json"))
    assert view.text.splitlines()[1] == (
        "small: w2-o3-q4 +3.0 points (+0.5 to +5.5), "
        "w4-o3-q4 -1.0 points (-1.0 to -1.0)"
    )
    assert "both worlds: w2-o3-q4 not known, w4-o3-q4 not known" in view.text
    assert view.svg.count("stroke-width:2") == 3  # one of small, two of both


def test_differences_and_grids_are_told_in_words():
    found = {"a minus b": (0.1, 0.05, 0.15)}
    view = show_differences(found, title="Games won")
    assert view.text == "Games won\na minus b: +10.0 points (+5.0 to +15.0)"
    assert "<svg" in view.svg
    assert show_grid({"a": found}, title="t").text.startswith("t\na: a minus b +10.0")
