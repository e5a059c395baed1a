#!/usr/bin/env bash
# Looks at every page in a browser, and holds it against tools that are not ours: html-validate and the Nu checker for its
# HTML, axe-core for who reads it otherwise, and the browser itself for what leaves the screen or asks for a network.
#
#   scripts/check_pages.sh             makes a page of each kind with target/debug/rehearsal (or $REHEARSAL) and checks them
#   scripts/check_pages.sh PAGE...     checks these
#
# Pictures of each page at three widths, light and dark, are left in target/pages. Needs node 20, npm with its registry, a
# Chromium ($CHROMIUM, or one on the path); java for the Nu checker, without which that one is left out with a line.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
rehearsal=${REHEARSAL:-$root/target/debug/rehearsal}
work=$root/target/pages
mkdir -p "$work/tools"

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[[ -n $chromium ]] || { echo "no Chromium: name one in CHROMIUM" >&2; exit 2; }

# Tools of known versions, none of which the program needs.
cat > "$work/tools/package.json" << 'END'
{
  "private": true,
  "dependencies": { "axe-core": "4.14.1", "html-validate": "9.0.0", "puppeteer-core": "24.8.2", "vnu-jar": "26.9.27" }
}
END
if [[ ! -d $work/tools/node_modules/vnu-jar ]]; then
    npm install --prefix "$work/tools" --no-audit --no-fund --silent
fi

pages=()
for page in "$@"; do pages+=("$(realpath "$page")"); done
if [[ ${#pages[@]} = 0 ]]; then
    echo "== pages, made with $rehearsal"
    made=$work/made
    rm -rf "$made"
    mkdir -p "$made/people"
    cp personas/{mover,morning-planner,tip-weary}.toml "$made/people/"
    cd "$made"
    cat > month.toml << 'END'
name = "month"
description = "A month of tips, two decisions a day"
steps = 60
[moments]
per_day = 2
END
    cat > gate.toml << 'END'
description = "Better on the whole, worse for nobody"
alpha = 0.05
beta = 0.05
minimum_effect = 0.01
max_users = 400
batch = 32

[[criteria]]
kind = "superior"
metric = "reward"
scenarios = ["./month.toml"]

[[criteria]]
kind = "not-inferior"
metric = "reward"
scenarios = ["./month.toml"]
by = "persona"
margin = 0.05

[[criteria]]
kind = "not-inferior"
metric = "dismiss_rate"
scenarios = ["./month.toml"]
by = "persona"
margin = 0.05
END
    # A verdict has its exit code; 2 would be a failure.
    make() { "$rehearsal" "$@" > /dev/null 2> stderr || { code=$?; [[ $code != 2 ]] || { cat stderr >&2; exit 2; }; }; }
    own=(--gate gate.toml --personas people)
    make promote-check --baseline uniform --challenger egreedy-v2 "${own[@]}" --html promote.html
    make promote-check --baseline egreedy-v2 --challenger uniform "${own[@]}" --html reject.html
    make promote-check --baseline egreedy-v1 --challenger linucb "${own[@]}" --html inconclusive.html
    make promote-check --sensitivity --baseline egreedy-v1 --challenger egreedy-v2 "${own[@]}" --html sensitivity.html
    make calibrate --baseline uniform --challenger egreedy-v2 "${own[@]}" --runs 100 --pool 100 --html calibrate.html
    make simulate month.toml --personas people --policy uniform --users 40 --log log --html one.html
    make simulate month.toml steady --personas people --policy egreedy-v1 --policy egreedy-v2 --policy lints-v2 \
        --users 30 --html simulate.html
    make evaluate log --policy egreedy-v2 --policy uniform --html evaluate.html
    make compare-reality --log log --scenario month.toml --personas people --users 40 --html compare.html
    for page in *.html; do pages+=("$made/$page"); done
    cd "$root"
fi

echo "== html-validate"
cat > "$work/tools/rules.json" << 'END'
{
  "root": true,
  "extends": ["html-validate:standard", "html-validate:a11y"],
  "rules": {
    "void-style": ["error", { "style": "selfclose" }],
    "no-inline-style": "off",
    "require-sri": "off",
    "long-title": "off"
  }
}
END
"$work/tools/node_modules/.bin/html-validate" --config "$work/tools/rules.json" "${pages[@]}"

echo "== the Nu checker"
if command -v java > /dev/null; then
    java -jar "$work/tools/node_modules/vnu-jar/build/dist/vnu.jar" --errors-only "${pages[@]}"
else
    echo "left out: no java here"
fi

echo "== axe-core, and what leaves the screen"
CHROMIUM=$chromium TOOLS=$work/tools PICTURES=$work node scripts/check_pages.mjs "${pages[@]}"
