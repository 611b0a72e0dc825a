"""Annealing as a single thread would do it, variable by variable: what the GPU's kernels must come to, bit by bit."""

from __future__ import annotations

import math

import numpy as np

from neurorig_drivers.solvers.gpu_annealing_kernel import threshold
from neurorig_drivers.solvers.gpu_search import DESCENT_SWEEPS
from neurorig_drivers.solvers.sa_search import choose_temperatures


def random_qubo(n, seed=0, largest=9):
    """Return a random symmetric integer matrix."""
    upper = np.triu(np.random.default_rng(seed).integers(-largest, largest + 1, (n, n)))
    return upper + np.triu(upper, 1).T


def best_cost(q):
    """Return the least cost of all states."""
    every = (np.arange(2 ** len(q))[:, None] >> np.arange(len(q))) & 1
    return int(np.einsum("ki,ij,kj->k", every, q, every).min())


class Sequential:
    """One replica as a single thread would anneal it, variable by variable: what the kernel must come to."""

    def __init__(self, q, key):
        self.q, self.key = q, key
        self.x = np.zeros(len(q), int)
        self.sweeps = self.best = 0
        self.kept = self.x.copy()

    def rise(self):
        """Return by how much the cost rises if each variable flips."""
        off = self.q - np.diag(np.diag(self.q))
        return (np.diag(self.q) + 2 * off @ self.x) * (1 - 2 * self.x)

    def sweep(self, temperature):
        """Try every variable once; return how many flipped."""
        flips = 0
        for i in range(len(self.q)):
            rise = self.rise()[i]
            limit = threshold(temperature, self.key, self.sweeps, i) if temperature > 0 else -0.5
            if rise > limit:
                continue
            self.x[i] ^= 1
            flips += 1
            if (cost := int(self.x @ self.q @ self.x)) < self.best:
                self.best, self.kept = cost, self.x.copy()
        self.sweeps += 1
        return flips


def sequential(q, seed, replicas, most_sweeps, first_sweeps):
    """Return cost and bits of the best of some replicas after so many sweeps behind the descent."""
    keys = np.random.SeedSequence(seed).generate_state(replicas, np.uint32)
    done = []
    for key in keys:
        one = Sequential(q, key)
        for _ in range(DESCENT_SWEEPS):
            if not one.sweep(0.0):
                break
        temperatures = np.zeros(2)
        choose_temperatures(temperatures, (one.rise(), 1 - 2 * one.x))
        hot, cold = temperatures
        length, at = first_sweeps, 0
        for _ in range(most_sweeps):
            one.sweep(hot * math.exp(math.log(cold / hot) / length * at))
            at += 1
            if at == length:
                length, at = 2 * length, 0
        done.append(one)
    best = min(done, key=lambda one: one.best)
    return best.best, best.kept
