"""From scores to probabilities one can believe: temperature scaling (Guo et al. 2017)."""

from __future__ import annotations

import numpy as np


def log_loss(scores: np.ndarray, y: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log probability (nats) of the true labels, for scores (n, k) and codes ``y`` (n,)."""
    scaled = scores / temperature
    top = scaled.max(axis=1)
    normaliser = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float((normaliser - scaled[np.arange(len(y)), y]).mean())


def temperature(scores: np.ndarray, y: np.ndarray) -> float:
    """Find the temperature (1e-3..1e3) that minimises the log loss of held-out scores (n, k)."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_t: log_loss(scores, y, float(np.exp(log_t))),
        bounds=(np.log(1e-3), np.log(1e3)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))
