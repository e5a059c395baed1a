"""What `rehearsal serve` is held against: the scorer that a team writes in an afternoon with FastAPI and NumPy.

It takes and gives the same JSON, looks at the same twelve dimensions (features/v2.toml), and chooses epsilon-greedily over a
ridge model of each user. It keeps models and decisions in the memory of each worker: no store, no shadows, no metrics,
nothing that a restart survives. Started by benches/serve.py.
"""

import math
import random
import uuid
from typing import Annotated

import numpy as np
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

DIM, EPSILON, LAMBDA = 12, 0.1, 1.0
REWARDS = {"completed": 1.0, "snoozed": 0.25, "ignored": 0.0, "dismissed": -0.5}
# Decisions that wait for a reward; beyond that the oldest are forgotten.
MAX_WAITING = 100_000

Share = Annotated[float, Field(ge=0, le=1)]
Hour = Annotated[float, Field(ge=0, lt=24)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Context(Strict):
    hour: Hour
    weekday: Annotated[int, Field(ge=0, le=6)]


class Candidate(Strict):
    id: Annotated[str, Field(min_length=1, max_length=256)]
    kind: str | None = None
    priority: Share | None = None
    due_in_days: float | None = None
    effort_minutes: Annotated[float, Field(ge=0)] | None = None
    hour: Hour | None = None


class Profile(BaseModel):
    completion_rate: Share | None = None
    dismiss_rate: Share | None = None
    mean_dwell_seconds: Annotated[float, Field(ge=0)] | None = None
    preferred_hour: Hour | None = None
    tip_volume: Annotated[float, Field(ge=0)] | None = None


class Request(Strict):
    user: str
    context: Context
    candidates: Annotated[list[Candidate], Field(min_length=1)]
    profile_features: Profile = Profile()


class Scored(BaseModel):
    id: str
    score: float
    propensity: float


class Decision(BaseModel):
    decision_id: str
    user: str
    policy: str
    chosen: str
    propensity: float
    explored: bool
    candidates: list[Scored]
    shadows: list


class Reward(Strict):
    decision: str
    reaction: str


class Ridge:
    """Normal equations, and their solution."""

    def __init__(self):
        self.a = LAMBDA * np.eye(DIM)
        self.b = np.zeros(DIM)
        self.theta = np.zeros(DIM)

    def learn(self, x, reward):
        self.a += np.outer(x, x)
        self.b += reward * x
        self.theta = np.linalg.solve(self.a, self.b)


models: dict[str, Ridge] = {}
waiting: dict[str, tuple[str, np.ndarray]] = {}
app = FastAPI()


def features(request: Request) -> np.ndarray:
    context, profile = request.context, request.profile_features
    rows = []
    for c in request.candidates:
        hour = context.hour if c.hour is None else c.hour
        angle = 2 * math.pi * hour / 24
        aligned = 0.0
        if profile.preferred_hour is not None:
            aligned = math.cos(2 * math.pi * (hour - profile.preferred_hour) / 24)
        rows.append([
            1.0,
            math.sin(angle),
            math.cos(angle),
            float(context.weekday >= 5),
            0.5 if c.priority is None else c.priority,
            0.0 if c.due_in_days is None else 1 / (1 + math.exp(min(700, c.due_in_days / 3))),
            0.25 if c.effort_minutes is None else min(c.effort_minutes, 60) / 60,
            profile.completion_rate or 0.0,
            profile.dismiss_rate or 0.0,
            min(profile.mean_dwell_seconds or 0.0, 600) / 600,
            aligned,
            min(1.0, math.log1p(profile.tip_volume or 0.0) / math.log(1001)),
        ])
    return np.array(rows)


@app.post("/score")
async def score(request: Request) -> Decision:
    model = models.get(request.user)
    if model is None:
        model = models[request.user] = Ridge()
    x = features(request)
    scores = x @ model.theta
    best = np.flatnonzero(scores == scores.max())
    count = len(scores)
    propensities = np.full(count, EPSILON / count)
    propensities[best] += (1 - EPSILON) / len(best)
    explored = random.random() < EPSILON
    chosen = random.randrange(count) if explored else int(random.choice(best))
    decision = str(uuid.uuid4())
    waiting[decision] = (request.user, x[chosen])
    if len(waiting) > MAX_WAITING:
        del waiting[next(iter(waiting))]
    return Decision(
        decision_id=decision,
        user=request.user,
        policy="egreedy-v2",
        chosen=request.candidates[chosen].id,
        propensity=float(propensities[chosen]),
        explored=explored,
        candidates=[
            Scored(id=c.id, score=float(s), propensity=float(p))
            for c, s, p in zip(request.candidates, scores, propensities)
        ],
        shadows=[],
    )


@app.post("/reward")
async def reward(reward: Reward) -> dict:
    found = waiting.pop(reward.decision, None)
    if found is None:
        raise HTTPException(404, "no such decision")
    user, x = found
    models[user].learn(x, REWARDS[reward.reaction])
    return {"user": user, "policy": "egreedy-v2", "reward": REWARDS[reward.reaction]}
