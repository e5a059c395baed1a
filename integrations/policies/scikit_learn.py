#!/usr/bin/env python3
"""A policy on scikit-learn: a linear model by stochastic gradient descent, and a softmax over what it predicts."""
import json
import sys

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import SGDRegressor

hasher = FeatureHasher(n_features=64)


def features(request, candidate):
    own = {f"{name}={value}" if isinstance(value, str) else name: 1.0 if isinstance(value, str) else value
           for name, value in candidate.items() if name != "id" and value is not None}
    return hasher.transform([{**own, f"hour={int(request['context']['hour'])}": 1.0, "bias": 1.0}])


def model(state):
    made = SGDRegressor(learning_rate="constant", eta0=0.02, random_state=0)
    made.coef_, made.intercept_ = np.array(state or [0.0] * 64), np.zeros(1)
    return made


def decide(state, request, **_):
    scores = np.array([model(state).predict(features(request, c))[0] for c in request["candidates"]])
    weights = np.exp((scores - scores.max()) / 0.1)
    return (weights / weights.sum()).tolist()


def learn(state, request, reward, **_):
    x = features(request, request["candidates"][0]).multiply(0.1)
    return model(state).partial_fit(x.tocsr(), [np.clip(reward, -1, 1)]).coef_.clip(-100, 100).tolist()


answers = {"hello": lambda call: {"protocol": 1},
           "decide": lambda call: {"probabilities": [decide(**item) for item in call["items"]]},
           "learn": lambda call: {"states": [learn(**item) for item in call["items"]]}}
for call in map(json.loads, sys.stdin):
    print(json.dumps({"id": call["id"], **answers[call["call"]](call)}), flush=True)
