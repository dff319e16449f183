import numpy as np
import pytest

from toolkit.lessons.exercises.policy_gradients import (
    check_clipped_loss,
    check_k3,
    check_push,
    clipped_loss,
    k3,
    push_logits,
)


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (
            check_push,
            lambda *given: push_logits(*given)[1:],
            "2 numbers came back for 3 logits",
        ),
        (
            check_push,
            lambda p, w, a: push_logits(p, w, min(a, 0.0)),
            "Look at the chances",
        ),
        (
            check_clipped_loss,
            lambda new, old, a, e: (new - old) * a,
            "6 numbers came back for 1 batch",
        ),
        (
            check_clipped_loss,
            lambda new, old, a, e: clipped_loss(new, old, a, 0.2),
            "Look at the ratios",
        ),
        (
            check_k3,
            lambda new, ref: [k3(new, ref).mean()],
            "1 numbers came back for 3 words",
        ),
        (check_k3, lambda new, ref: np.minimum(k3(new, ref), 1.0), "Look at r"),
    ],
)
def test_answers_that_fit_the_example_alone_are_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


def test_a_push_is_what_autograd_finds():
    torch = pytest.importorskip("torch")

    def by_autograd(chances, said, advantage):
        logits = torch.tensor(chances, dtype=torch.float64).log().requires_grad_()
        (advantage * logits.log_softmax(-1)[said]).backward()
        return logits.grad.tolist()

    assert check_push(by_autograd).passed
