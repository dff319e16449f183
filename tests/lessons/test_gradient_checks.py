import numpy as np
import pytest

from toolkit.lessons.gradient_checks import (
    check_clipped_loss,
    check_k3,
    check_push,
)


def explode(*_):
    raise ZeroDivisionError("division by zero")


# ---- push on the logits --------------------------------------------------------------


def score(chances, said):
    return np.eye(len(chances))[said] - chances


def push(chances, said, advantage):
    return [advantage * s for s in score(chances, said)]


PUSH = {
    "gradient of the loss": lambda p, w, a: push(p, w, -a),
    "only the word that was said is pushed": lambda p, w, a: a * np.eye(len(p))[w],
    "advantage is not used": lambda p, w, a: score(p, w),
    "gradient of the chance": lambda p, w, a: a * p[w] * score(p, w),
    "how the logarithm grows with the chance": lambda p, w, a: (
        a * np.eye(len(p))[w] / p
    ),
    "nothing here says which word": lambda p, w, a: [a * x for x in p],
    "all others lose alike": lambda p, w, a: a * (np.eye(len(p))[w] - 1 / len(p)),
    "2 numbers came back for 3 logits": lambda p, w, a: push(p, w, a)[1:],
    "Look at the chances": lambda p, w, a: push(p, w, min(a, 0.0)),
    "list of numbers is needed": lambda p, w, a: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", PUSH)
def test_wrong_pushes_are_named(message):
    verdict = check_push(PUSH[message])
    assert not verdict.passed
    assert message in verdict.message


def test_the_right_push_passes():
    assert check_push(push).passed


def test_a_push_is_what_autograd_finds():
    torch = pytest.importorskip("torch")

    def by_autograd(chances, said, advantage):
        logits = torch.tensor(chances, dtype=torch.float64).log().requires_grad_()
        (advantage * logits.log_softmax(-1)[said]).backward()
        return logits.grad.tolist()

    assert check_push(by_autograd).passed


# ---- clipped loss --------------------------------------------------------------------


def both(new, old, a, e):
    ratio = np.exp(new - old)
    return ratio * a, np.clip(ratio, 1 - e, 1 + e) * a


def clipped_loss(new, old, a, e):
    return -np.minimum(*both(new, old, a, e)).mean()


def other_way_for_blame(new, old, a, e):
    free, near = both(new, old, a, e)
    return -np.where(a < 0, np.maximum(free, near), np.minimum(free, near)).mean()


def clipped_in_logs(new, old, a, e):
    near = np.exp(np.clip(new - old, -e, e)) * a
    return -np.minimum(np.exp(new - old) * a, near).mean()


def averaged_first(new, old, a, e):
    return -min(values.mean() for values in both(new, old, a, e))


CLIPPED_LOSS = {
    "minus sign is missing": lambda *args: -clipped_loss(*args),
    "the larger of the two is taken. The smaller": lambda *args: (
        -np.maximum(*both(*args)).mean()
    ),
    "for blame the larger": other_way_for_blame,
    "clipped one alone": lambda *args: -both(*args)[1].mean(),
    "nothing is clipped": lambda *args: -both(*args)[0].mean(),
    "logarithm of the ratio is clipped": clipped_in_logs,
    "averaged before": averaged_first,
    "that is the sum": lambda *args: -np.minimum(*both(*args)).sum(),
    "upside down": lambda new, old, a, e: clipped_loss(old, new, a, e),
    "exp is missing": lambda new, old, a, e: -((new - old) * a).mean(),
    "6 numbers came back for 1 batch": lambda *args: -np.minimum(*both(*args)),
    "Look at the ratios": lambda new, old, a, e: clipped_loss(new, old, a, 0.2),
    "list must hold numbers": lambda *args: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", CLIPPED_LOSS)
def test_wrong_losses_are_named(message):
    verdict = check_clipped_loss(CLIPPED_LOSS[message])
    assert not verdict.passed
    assert message in verdict.message


def test_logarithms_that_are_clipped_as_if_they_were_ratios_are_named():
    def in_logs(new, old, a, e):
        gap = new - old
        return -np.minimum(gap * a, np.clip(gap, 1 - e, 1 + e) * a).mean()

    assert "exp is missing" in check_clipped_loss(in_logs).message


def test_the_right_loss_passes():
    assert check_clipped_loss(clipped_loss).passed


# ---- k3 ------------------------------------------------------------------------------


def k3(new, ref):
    return np.exp(ref - new) - 1 - (ref - new)


K3 = {
    "that is k1": lambda new, ref: new - ref,
    "the size of k1": lambda new, ref: np.abs(new - ref),
    "that is k2": lambda new, ref: (new - ref) ** 2 / 2,
    "upside down": lambda new, ref: k3(ref, new),
    "logarithm has the wrong sign": lambda new, ref: np.exp(ref - new) - 1 + ref - new,
    "sign is turned": lambda new, ref: -k3(new, ref),
    "r - 1 alone": lambda new, ref: np.exp(ref - new) - 1,
    "the 1 is missing": lambda new, ref: k3(new, ref) + 1,
    "1 numbers came back for 3 words": lambda new, ref: [k3(new, ref).mean()],
    "Look at r": lambda new, ref: np.minimum(k3(new, ref), 1.0),
    "list of numbers is needed": lambda new, ref: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", K3)
def test_wrong_divergences_are_named(message):
    verdict = check_k3(K3[message])
    assert not verdict.passed
    assert message in verdict.message


def test_k3_passes():
    assert check_k3(k3).passed
