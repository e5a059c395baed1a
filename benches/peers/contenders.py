"""The same workload, as well as each package can do it.

A user lives STEPS decisions. Each offers CANDIDATES vectors of DIMS numbers, the first 1 and the others
uniform. The policy is epsilon-greedy over one ridge regression per user, learned from after every decision;
the reward is 1 with probability sigma(w.x), w being the user's own. Users do not share anything.

    contenders.py NAME USERS    runs one of them and prints {"decisions", "seconds", "mean_reward"}

Imports, compilation and the preparation of what a log would hold stand outside of the seconds.
"""

import json
import sys
import tempfile
import time
from math import exp

import numpy as np

STEPS, CANDIDATES, DIMS = 200, 10, 12
EPSILON, LAMBDA = 0.1, 1.0


class User:
    """What one user meets, drawn in one go, and how they react."""

    def __init__(self, number: int):
        rng = np.random.default_rng(number)
        self.x = rng.random((STEPS, CANDIDATES, DIMS))
        self.x[:, :, 0] = 1.0
        w = rng.normal(size=DIMS)
        self.completes = rng.random((STEPS, 1)) < 1.0 / (1.0 + np.exp(-(self.x @ w)))
        self.explores = rng.random(STEPS) < EPSILON
        self.arms = rng.integers(0, CANDIDATES, STEPS)


def one_by_one(users: int, life) -> float:
    """Each user's life after the other; the sum of rewards."""
    return sum(life(User(number)) for number in range(users))


def mabwiser(users: int) -> float:
    """LinGreedy as a single arm, so that it has one ridge model for all ten candidates."""
    from mabwiser.mab import MAB, LearningPolicy

    def life(user: User) -> float:
        bandit = MAB(["tip"], LearningPolicy.LinGreedy(epsilon=0.0, l2_lambda=LAMBDA))
        total = 0.0
        for step in range(STEPS):
            x = user.x[step]
            if user.explores[step] or step == 0:
                k = user.arms[step]
            else:
                k = max(range(CANDIDATES), key=[e["tip"] for e in bandit.predict_expectations(x)].__getitem__)
            reward = float(user.completes[step, k])
            learn = bandit.fit if step == 0 else bandit.partial_fit
            learn(["tip"], [reward], x[k : k + 1])
            total += reward
        return total

    return one_by_one(users, life)


def river(users: int) -> float:
    """BayesianLinearRegression with alpha = beta = 1, whose mean is the ridge's."""
    from river.linear_model import BayesianLinearRegression

    names = [f"x{i}" for i in range(DIMS)]

    def life(user: User) -> float:
        model = BayesianLinearRegression(alpha=LAMBDA, beta=1)
        total = 0.0
        for step in range(STEPS):
            rows = user.x[step].tolist()
            if user.explores[step]:
                k = user.arms[step]
            else:
                scores = [model.predict_one(dict(zip(names, row))) for row in rows]
                k = scores.index(max(scores))
            reward = float(user.completes[step, k])
            model.learn_one(dict(zip(names, rows[k])), reward)
            total += reward
        return total

    return one_by_one(users, life)


def coba(users: int) -> float:
    """LinUCBLearner on the candidates' features with alpha = 0: the greedy choice of one ridge model."""
    from coba.learners import LinUCBLearner

    def life(user: User) -> float:
        learner = LinUCBLearner(alpha=0, features=["a"])
        total = 0.0
        for step in range(STEPS):
            actions = list(map(tuple, user.x[step].tolist()))
            if user.explores[step]:
                k = user.arms[step]
            else:
                k = actions.index(learner.predict(None, actions)[0])
            reward = float(user.completes[step, k])
            learner.learn(None, actions[k], reward, 1.0)
            total += reward
        return total

    return one_by_one(users, life)


VW = "--cb_explore_adf --cb_type dm --epsilon 0.1 --bit_precision 8 --noconstant --quiet"
LINE = "|f " + " ".join(f"{i}:%.2f" for i in range(DIMS))
REQUEST = "\n".join([LINE] * CANDIDATES)


def vw_python(users: int) -> float:
    """One Workspace per user, examples as text, predicted, labelled and learned from."""
    from vowpalwabbit import Workspace

    def life(user: User) -> float:
        vw = Workspace(VW)
        total = 0.0
        for step in range(STEPS):
            examples = vw.parse(REQUEST % tuple(user.x[step].ravel().tolist()))
            pmf = vw.predict(examples)
            if user.explores[step]:
                k = user.arms[step]
            else:
                k = pmf.index(max(pmf))
            reward = float(user.completes[step, k])
            examples[k].set_label_string(f"0:{-reward}:{pmf[k]}")
            vw.learn(examples)
            vw.finish_example(examples)
            total += reward
        vw.finish()
        return total

    return one_by_one(users, life)


def vw_log(users: int):
    """A log of the decisions, written beforehand and read by Vowpal Wabbit itself, into one model for all."""
    from vowpalwabbit import Workspace

    log = tempfile.NamedTemporaryFile("w", suffix=".dat")
    total = 0.0
    for number in range(users):
        user = User(number)
        for step in range(STEPS):
            k = user.arms[step]
            lines = (REQUEST % tuple(user.x[step].ravel().tolist())).split("\n")
            reward = float(user.completes[step, k])
            lines[k] = f"0:{-reward}:{1 / CANDIDATES} {lines[k]}"
            log.write("\n".join(lines) + "\n\n")
            total += reward
    log.flush()

    def run() -> float:
        with log:
            Workspace(f"{VW} -d {log.name}").finish()
        return total

    return run


def numpy_loop(users: int) -> float:
    """One user after the other, each decision a few array operations."""

    def life(user: User) -> float:
        inverse, theta = np.eye(DIMS) / LAMBDA, np.zeros(DIMS)
        total = 0.0
        explores, arms, completes = user.explores.tolist(), user.arms.tolist(), user.completes.tolist()
        for step, xs in enumerate(user.x):
            k = arms[step] if explores[step] else int((xs @ theta).argmax())
            x = xs[k]
            reward = float(completes[step][k])
            ax = inverse @ x
            gain = ax / (1.0 + x @ ax)
            inverse -= gain[:, None] * ax
            theta += (reward - x @ theta) * gain
            total += reward
        return total

    return one_by_one(users, life)


def numpy_vectorised(users: int) -> float:
    """1,000 users at a time, each step of all of them a few array operations."""
    together, total = 1000, 0.0
    for first in range(0, users, together):
        n = min(together, users - first)
        rng, everyone = np.random.default_rng(first), np.arange(n)
        w = rng.normal(size=(n, DIMS))
        inverse = np.tile(np.eye(DIMS) / LAMBDA, (n, 1, 1))
        theta = np.zeros((n, DIMS))
        xs = np.empty((n, CANDIDATES, DIMS))
        for _ in range(STEPS):
            rng.random(out=xs)
            xs[:, :, 0] = 1.0
            best = np.matmul(xs, theta[:, :, None])[:, :, 0].argmax(axis=1)
            explores = rng.random(n) < EPSILON
            k = np.where(explores, rng.integers(0, CANDIDATES, n), best)
            x = xs[everyone, k]
            reward = rng.random(n) < 1.0 / (1.0 + np.exp(-np.einsum("ij,ij->i", x, w)))
            ax = np.matmul(inverse, x[:, :, None])[:, :, 0]
            gain = ax / (1.0 + np.einsum("ij,ij->i", x, ax))[:, None]
            inverse -= gain[:, :, None] * ax[:, None, :]
            theta += (reward - np.einsum("ij,ij->i", x, theta))[:, None] * gain
            total += float(reward.sum())
    return total


def numba(users: int):
    """Plain loops, compiled, the users spread over all cores; features are drawn where they are needed."""
    from numba import njit, prange

    @njit(parallel=True, fastmath=True)
    def run(users):
        total = 0.0
        for user in prange(users):
            np.random.seed(user)
            inverse, theta, w = np.zeros((DIMS, DIMS)), np.zeros(DIMS), np.empty(DIMS)
            xs, ax = np.empty((CANDIDATES, DIMS)), np.empty(DIMS)
            for i in range(DIMS):
                inverse[i, i] = 1.0 / LAMBDA
                w[i] = np.random.normal()
            rewards = 0.0
            for _ in range(STEPS):
                best, top = 0, -np.inf
                for k in range(CANDIDATES):
                    xs[k, 0] = 1.0
                    score = theta[0]
                    for i in range(1, DIMS):
                        xs[k, i] = np.random.random()
                        score += theta[i] * xs[k, i]
                    if score > top:
                        best, top = k, score
                if np.random.random() < EPSILON:
                    best = int(np.random.random() * CANDIDATES)
                x = xs[best]
                u, score, width = 0.0, 0.0, 0.0
                for i in range(DIMS):
                    u += w[i] * x[i]
                    score += theta[i] * x[i]
                    sum_of = 0.0
                    for j in range(DIMS):
                        sum_of += inverse[i, j] * x[j]
                    ax[i] = sum_of
                    width += sum_of * x[i]
                reward = 1.0 if np.random.random() < 1.0 / (1.0 + exp(-u)) else 0.0
                scale = 1.0 / (1.0 + width)
                for i in range(DIMS):
                    gain = ax[i] * scale
                    theta[i] += (reward - score) * gain
                    for j in range(DIMS):
                        inverse[i, j] -= gain * ax[j]
                rewards += reward
            total += rewards
        return total

    run(2)
    return lambda: run(users)


def main() -> None:
    name, users = sys.argv[1], int(sys.argv[2])
    contender = {f.__name__: f for f in (mabwiser, river, coba, vw_python, vw_log, numpy_loop, numpy_vectorised, numba)}[name]
    if contender in (vw_log, numba):
        run = contender(users)
    else:
        contender(1)
        run = lambda: contender(users)
    start = time.perf_counter()
    total = run()
    seconds = time.perf_counter() - start
    decisions = users * STEPS
    print(json.dumps({"decisions": decisions, "seconds": seconds, "mean_reward": total / decisions}))


if __name__ == "__main__":
    main()
