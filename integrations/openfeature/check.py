"""OpenFeature's own Python provider asks a running server, and gets what `rehearsal assign` says.

Usage: check.py BASE_URL EXPERIMENT USER...    (with the packages of requirements.txt)
`rehearsal` must be on the path, and run in the folder that has `experiments/`. The token, if there is one, is in
REHEARSAL_TOKEN.
"""

import json
import os
import subprocess
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode


def main():
    base_url, experiment, *users = sys.argv[1:]
    token = os.environ.get("REHEARSAL_TOKEN")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    api.set_provider(OFREPProvider(base_url, headers_factory=lambda: headers))
    client = api.get_client()
    for user in users:
        context = EvaluationContext(targeting_key=user)
        command = ["rehearsal", "assign", "--experiment", experiment, "--user", user]
        assigned = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        value = assigned["value"]
        ask = {
            bool: client.get_boolean_details,
            int: client.get_integer_details,
            float: client.get_float_details,
            dict: client.get_object_details,
        }.get(type(value), client.get_string_details)
        kind = type(value) if value is not None else str
        details = ask(experiment, kind(), context)
        expected = assigned["variant"] if value is None else value
        if (details.variant, details.value) != (assigned["variant"], expected):
            sys.exit(f"{user}: the provider says {details}, assign says {assigned}")
    missing = client.get_string_details("no-such-flag", "default", EvaluationContext(targeting_key="u"))
    if (missing.value, missing.error_code) != ("default", ErrorCode.FLAG_NOT_FOUND):
        sys.exit(f"an unknown flag gives {missing}")
    print(f"{len(users)} users: the provider and assign agree")


main()
