"""Designs, dictionaries and signals for the solvers' benchmark: drawn from fixed seeds, or real.

numpy and scipy only: what a solver is given must not be made by one.
"""

from __future__ import annotations

from typing import Any

import data
import numpy as np

__all__ = ["autoregressive", "coded_patches", "gaussian", "gaussian_dictionary", "news", "observed", "scattered"]

SNR = 3.0  # ‖Ax‖ over the norm of the noise
DENSITY = 0.01  # of the true coefficients
GROUP = "comp."  # the newsgroups that are told from the rest


def gaussian(m: int, n: int, seed: int = 0) -> np.ndarray:
    """(m, n), independent standard normal entries."""
    return np.random.default_rng(seed).standard_normal((m, n))


def autoregressive(m: int, n: int, rho: float = 0.9, seed: int = 0) -> np.ndarray:
    """(m, n), rows of an AR(1) process: columns i and j correlate by rho^|i − j|."""
    A = gaussian(m, n, seed).T.copy()  # columns as rows, so that each step runs over adjacent memory
    for j in range(1, n):
        A[j] = rho * A[j - 1] + (1 - rho**2) ** 0.5 * A[j]
    return np.ascontiguousarray(A.T)


def scattered(m: int, n: int, density: float, seed: int = 0) -> Any:
    """(m, n) CSR, standard normal values at random places."""
    from scipy.sparse import random

    draw = np.random.default_rng(seed)
    return random(m, n, density, format="csr", random_state=draw, data_rvs=draw.standard_normal)


def observed(A: Any, seed: int = 1) -> np.ndarray:
    """b = Ax + noise: standard normal coefficients at 1 % of the places, ‖Ax‖ three times the norm of the noise."""
    draw = np.random.default_rng(seed)
    m, n = A.shape
    x = np.zeros(n)
    support = draw.choice(n, max(1, int(DENSITY * n)), replace=False)
    x[support] = draw.standard_normal(len(support))
    clean, noise = A @ x, draw.standard_normal(m)
    return clean + noise * (np.linalg.norm(clean) / (SNR * np.linalg.norm(noise)))


def news() -> tuple[Any, np.ndarray]:
    """The training texts of 20 Newsgroups: tf-idf (documents, words), CSR; and ±1, centred: about computers or not."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    labels, texts = data.newsgroups("train")
    b = np.where([label.startswith(GROUP) for label in labels], 1.0, -1.0)
    return TfidfVectorizer().fit_transform(texts).tocsr(), b - b.mean()


def gaussian_dictionary(m: int, n: int, signals: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit atoms (m, n) and signals (signals, m), normal; float32."""
    draw = np.random.default_rng(seed)
    atoms, drawn = draw.standard_normal((m, n)), draw.standard_normal((signals, m))
    return (atoms / np.linalg.norm(atoms, axis=0)).astype(np.float32), drawn.astype(np.float32)


def coded_patches(atoms: int, signals: int, side: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Patches of three photographs over a dictionary of other patches: atoms (side², atoms), signals (signals, side²).

    Each patch has its mean taken out and norm 1; patches of less contrast than two grey levels are left out.
    """
    views = [
        np.lib.stride_tricks.sliding_window_view(image.astype(float), (side, side)).reshape(-1, side * side)
        for image in data.photographs()
    ]
    patches = np.concatenate(views)
    patches -= patches.mean(1, keepdims=True)
    norms = np.linalg.norm(patches, axis=1)
    kept = np.flatnonzero(norms > 2 * side)  # ‖·‖ / side is the standard deviation
    chosen = np.random.default_rng(seed).choice(kept, atoms + signals, replace=False)
    unit = patches[chosen] / norms[chosen, None]
    return np.ascontiguousarray(unit[:atoms].T), unit[atoms:]
