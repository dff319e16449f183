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
            "came back; one number is needed",
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
        (check_clipped_loss, lambda *_: None, "nothing came back; one number"),
        (check_k3, lambda new, ref: np.minimum(k3(new, ref), 1.0), "Look at r"),
    ],
)
def test_answers_that_fit_the_example_alone_are_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (
            check_push,
            lambda p, w, a: [a * (1 - c) if i == w else 0 for i, c in enumerate(p)],
            "only the word that was said is pushed",
        ),
        (
            check_push,
            lambda p, w, a: [a * (1 - c) if i == w else a * c for i, c in enumerate(p)],
            "chances [0.5, 0.3, 0.2], word 1, advantage -2.00",
        ),
        (check_k3, lambda new, ref: new * np.nan, "Look at r = [0.5, 1.75, 0.9]"),
    ],
)
def test_half_right_answers_are_named_or_shown_a_simple_case(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


def test_a_loss_may_be_a_tensor_that_one_can_go_backward_from():
    torch = pytest.importorskip("torch")

    def with_gradient(new, old, advantages, epsilon):
        now = torch.tensor(new, requires_grad=True)
        ratio, gain = (now - torch.tensor(old)).exp(), torch.tensor(advantages)
        near = ratio.clamp(1 - epsilon, 1 + epsilon)
        return -torch.minimum(ratio * gain, near * gain).mean()

    assert check_clipped_loss(with_gradient).passed


def test_a_push_is_what_autograd_finds():
    torch = pytest.importorskip("torch")

    def by_autograd(chances, said, advantage):
        logits = torch.tensor(chances, dtype=torch.float64).log().requires_grad_()
        (advantage * logits.log_softmax(-1)[said]).backward()
        return logits.grad.tolist()

    assert check_push(by_autograd).passed
