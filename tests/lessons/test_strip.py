import nbformat

from toolkit.lessons.strip import WIDGET, strip


def test_widgets_leave_their_text_only():
    live = {WIDGET: {"model_id": "x"}, "text/plain": "Play()"}
    outputs = [
        nbformat.v4.new_output("display_data", data=live),
        nbformat.v4.new_output(
            "execute_result", data={**live, "text/html": "<p>"}, execution_count=7
        ),
    ]
    cell = nbformat.v4.new_code_cell("x", outputs=outputs, execution_count=7)
    cell.metadata["execution"] = {"iopub.status.busy": "2026"}
    book = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    strip(book)
    (kept,) = book.cells[0].outputs
    assert kept.data == {"text/plain": "Play()", "text/html": "<p>"}
    assert kept.execution_count == book.cells[0].execution_count == 1
    assert "widgets" not in book.metadata
    assert "execution" not in book.cells[0].metadata
