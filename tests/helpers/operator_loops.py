"""The operators as plain loops: slow, and obviously right."""

import math

import torch


def overlap(a, b, offset=0):
    """IoU of two boxes; 0 if both have an area of 0."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + offset)
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + offset)
    area_a, area_b = ((x[2] - x[0] + offset) * (x[3] - x[1] + offset) for x in (a, b))
    union = area_a + area_b - width * height
    return width * height / union if union else 0.0


def nms(boxes, scores, iou_threshold, offset):
    """Indices of the boxes that greedy non-maximum suppression keeps, by falling score."""
    boxes, scores = boxes.double().tolist(), scores.tolist()
    keep = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(overlap(boxes[i], boxes[j], offset) <= iou_threshold for j in keep):
            keep.append(i)
    return keep


def nms_match(dets, iou_threshold):
    """Groups of boxes: the best remaining one with all that overlap it."""
    dets = dets.double().tolist()
    left = sorted(range(len(dets)), key=lambda i: -dets[i][4])
    groups = []
    while left:
        best, others = left[0], left[1:]
        group = [i for i in others if overlap(dets[best], dets[i]) >= iou_threshold]
        groups.append([best, *group])
        left = [i for i in others if i not in group]
    return groups


def soft_nms(boxes, scores, iou_threshold, sigma, min_score, method, offset):
    """Indices and lowered scores of the boxes that soft-NMS takes, in that order."""
    boxes = boxes.double().tolist()
    left = dict(enumerate(scores.double().tolist()))
    taken = []
    while left:
        best = max(left, key=left.get)
        taken.append((best, left.pop(best)))
        for i in list(left):
            iou = overlap(boxes[best], boxes[i], offset)
            if method == 'gaussian':
                left[i] *= math.exp(-(iou**2) / sigma)
            elif iou >= iou_threshold:
                left[i] *= {'naive': 0.0, 'linear': 1 - iou}[method]
            if left[i] < min_score:
                del left[i]
    return taken


def roi_align(features, rois, output_size, spatial_scale, sampling_ratio, pool_mode, aligned):
    """RoIAlign that reads `features` differentiably, so that autograd gives the gradient."""
    rows, columns = output_size
    regions = []
    for image, *corners in rois.tolist():
        x1, y1, x2, y2 = (c * spatial_scale - 0.5 * aligned for c in corners)
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = max(width, 1.0), max(height, 1.0)
        width, height = width / columns, height / rows
        n_x = sampling_ratio or max(math.ceil(width), 0)
        n_y = sampling_ratio or max(math.ceil(height), 0)
        cells = []
        for row in range(rows):
            for column in range(columns):
                samples = [
                    bilinear(
                        features[int(image)],
                        y1 + row * height + (i + 0.5) * height / n_y,
                        x1 + column * width + (j + 0.5) * width / n_x,
                    )
                    for i in range(n_y)
                    for j in range(n_x)
                ]
                if samples:
                    samples = torch.stack(samples)
                    cells.append(samples.mean(0) if pool_mode == 'avg' else samples.max(0).values)
                else:
                    cells.append(features.new_full((features.size(1),), 0.0 if pool_mode == 'avg' else -10000.0))
        regions.append(torch.stack(cells, 1).view(-1, rows, columns))
    return torch.stack(regions)


def bilinear(plane, y, x):
    """`plane` [c, h, w] at one point: the value at the border up to one cell outside, 0 further out."""
    height, width = plane.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return plane.new_zeros(plane.size(0))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, u = y - top, x - left
    return (
        (1 - v) * (1 - u) * plane[:, top, left]
        + (1 - v) * u * plane[:, top, right]
        + v * (1 - u) * plane[:, bottom, left]
        + v * u * plane[:, bottom, right]
    )


def focal_loss(probability, target, gamma, alpha):
    """Loss of one class: alpha (1 - p)^gamma (-log p) if it is the target, else the same of 1 - p and 1 - alpha."""
    if target:
        return -alpha * (1 - probability) ** gamma * probability.log()
    return -(1 - alpha) * probability**gamma * (1 - probability).log()


def sigmoid_focal_loss(logits, target, gamma, alpha, weight=None):
    """The loss of every class, [n, c]."""
    rows = []
    for x, t in zip(logits.sigmoid(), target.tolist(), strict=True):
        scale = weight[t] if weight is not None and 0 <= t < len(x) else 1.0
        rows.append(torch.stack([focal_loss(p, c == t, gamma, alpha) * scale for c, p in enumerate(x)]))
    return torch.stack(rows)


def softmax_focal_loss(logits, target, gamma, alpha, weight=None):
    """The loss of every row, [n]."""
    rows = []
    for x, t in zip(logits.softmax(1), target.tolist(), strict=True):
        if 0 <= t < len(x):
            rows.append(focal_loss(x[t], True, gamma, alpha) * (1.0 if weight is None else weight[t]))
        else:
            rows.append(x.sum() * 0)
    return torch.stack(rows)
