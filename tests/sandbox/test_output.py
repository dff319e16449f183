from hypothesis import given
from hypothesis import strategies as st

from toolkit.sandbox.output import Output


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 60))
def test_the_beginning_and_the_end_are_kept(parts, half):
    output, whole = Output(2 * half), b"".join(parts)
    for part in parts:
        output.add(part)
    left_out = max(0, len(whole) - 2 * half)
    assert output.left_out == left_out
    expected = whole
    if left_out:
        notice = f"\n[... {left_out} bytes are left out here ...]\n".encode()
        expected = whole[:half] + notice + whole[-half:]
    assert output.text() == expected.decode(errors="replace")
