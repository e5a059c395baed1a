# Sourced by the checks of integrations. It makes a folder of which nothing stays behind and goes there, with the packages of
# their requirements.txt in `venv`. Processes whose ids are added to `started` end with the check. `here` is the folder of the
# check, `rehearsal` the program.
here=$(cd "$(dirname "$0")" && pwd)
rehearsal=$(command -v "${REHEARSAL:-rehearsal}")
rehearsal=$(cd "$(dirname "$rehearsal")" && pwd)/$(basename "$rehearsal")
work=$(mktemp -d)
# What is killed leaves its own temporary files, and these go with the folder.
export TMPDIR=$work
started=
finish() {
    for process in $started; do kill "$process" 2> /dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Waits, for two minutes at most, until what listens at a port says that it is well.
until_healthy() { # PORT
    for _ in $(seq 120); do
        if python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$1/health')" 2> /dev/null; then break; fi
        sleep 1
    done
}

# A baseline that is easily beaten (shuffle.toml), and a gate (gate.toml) whose people live so many steps.
small_gate() { # STEPS
    printf 'name = "shuffle"\nexplorer = "uniform"\nfeatures = "v1"\n' > shuffle.toml
    printf 'name = "short"\ndescription = "short"\nsteps = %s\n' "$1" > short.toml
    cat > gate.toml << 'GATE'
description = "small"
alpha = 0.05
beta = 0.05
minimum_effect = 0.02
max_users = 640
[[criteria]]
kind = "superior"
metric = "reward"
scenarios = ["short.toml"]
GATE
}
