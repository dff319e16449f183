from toolkit.lessons.show_parts import show_parts


def test_parts_are_drawn_and_told():
    view = show_parts(
        {"": {"a": {"x": 1.0, "y": 2.0}}}, title="Time", unit="s", lines={"most": 2.5}
    )
    assert view.svg.startswith("<svg")
    assert view.svg in view.html
    assert view.text == "Time (s)\na: 3 = 1 x + 2 y\nLines: most 2.5"
