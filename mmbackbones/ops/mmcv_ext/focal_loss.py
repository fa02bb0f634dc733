"""Focal loss (Lin et al., ICCV 2017) of class labels, for logits and for softmax probabilities, with gradients.

Targets are [n] class indices. An empty `weight` means none; otherwise it holds a factor per class, which multiplies the
rows of that class.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import UserError
from .precision import at_least_float32


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Fill `output` with the loss of every class: [n, c], like the logits `input`.

    A target outside 0..c-1 (c by convention) is background: negative for every class, and not weighted.

    Raises:
        UserError: A target is greater than c.
    """
    _check(target, input.size(1))
    margin, _, balance = _margins(input, target, alpha)
    loss = balance * (-margin).sigmoid().pow(gamma) * -F.logsigmoid(margin)
    output.copy_(_weighted(loss, weight, target))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill `grad_input` [n, c] with the derivative of the loss of each class with respect to its logit."""
    margin, sign, balance = _margins(input, target, alpha)
    miss = (-margin).sigmoid()
    slope = gamma * margin.sigmoid() * F.logsigmoid(margin) - miss
    grad_input.copy_(_weighted(sign * balance * miss.pow(gamma) * slope, weight, target))


def softmax_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Fill `output` [n] with the loss of each row of the softmax probabilities `input` [n, c].

    A target outside 0..c-1 is ignored: its loss is 0.

    Raises:
        UserError: A target is greater than c.
    """
    _check(target, input.size(1))
    p, inside = _target_probability(input, target)
    loss = -alpha * (1 - p).pow(gamma) * _safe_log(p)
    output.copy_(_weighted(loss * inside, weight, target))


def softmax_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, buff: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill `grad_input` [n, c] with the derivative of the loss of each row with respect to its logits.

    Args:
        buff: [n], receives p dL/dp, where p is the probability of the target.
    """
    p, inside = _target_probability(input, target)
    # 0 < 1 - p, so that p = 1 has slope 0 for gamma < 1 as well.
    miss = (1 - p).clamp_min(torch.finfo(p.dtype).tiny)
    by_log_p = alpha * (gamma * miss.pow(gamma - 1) * p * _safe_log(p) - (1 - p).pow(gamma))
    by_log_p = _weighted(by_log_p * inside, weight, target)
    buff.copy_(by_log_p)
    grad_input.copy_(by_log_p[:, None] * (_is_target(target, input.size(1)).to(p) - input))


def _is_target(target: Tensor, num_classes: int) -> Tensor:
    return target[:, None] == torch.arange(num_classes, device=target.device)


def _margins(input: Tensor, target: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """The logit of the right answer, its sign relative to `input`, and the factor alpha or 1 - alpha.

    With the margin z = x for the target's class and -x for the others, p = sigmoid(z) is the probability of the right
    answer, and one formula serves both: -alpha (1 - p)^gamma log p. sigmoid(-z) and logsigmoid(z) stay exact where
    1 - p and p underflow.
    """
    logits = at_least_float32(input)
    positive = _is_target(target, input.size(1))
    sign = torch.full_like(logits, -1).masked_fill_(positive, 1)
    balance = torch.full_like(logits, 1 - alpha).masked_fill_(positive, alpha)
    return sign * logits, sign, balance


def _target_probability(softmax: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of the target of each row, [n], and whether it has one, [n]."""
    num_classes = softmax.size(1)
    inside = (target >= 0) & (target < num_classes)
    p = at_least_float32(softmax).gather(1, target.clamp(0, num_classes - 1)[:, None])[:, 0]
    return p, inside


def _weighted(x: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    """`x` [n, ...] times the weights of the targets' classes, or 1 for targets that are no class."""
    num_classes = len(weight)
    if not num_classes:
        return x
    inside = (target >= 0) & (target < num_classes)
    factor = torch.where(inside, weight[target.clamp(0, num_classes - 1)], 1)
    return x * factor.view(-1, *[1] * (x.dim() - 1))


def _safe_log(p: Tensor) -> Tensor:
    return p.clamp_min(torch.finfo(torch.float32).tiny).log()


def _check(target: Tensor, num_classes: int) -> None:
    if len(target) and (highest := int(target.max())) > num_classes:
        raise UserError(
            f'focal loss: a target has class {highest}, but the predictions have classes 0 to '
            f'{num_classes - 1} (and {num_classes} for background); check num_classes'
        )
