#!/usr/bin/env bash
# Trains an embedded student on HEADLINES and measures it on the test part.
#
#   examples/headlines/run.sh DATA [WORKDIR]
#
# DATA is the folder that holds frugalgpt_headlines/. WORKDIR is where datasets
# and the student are kept; its default is the folder work beside this script.
# Progress goes to stderr; the last line of stdout is one JSON object. The binary is
# bin/pointsman, built where it is missing, or the one that POINTSMAN names.
set -euo pipefail

fail() { echo "run.sh: $*" >&2; exit 1; }
say() { echo "== $*" >&2; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

[[ $# -ge 1 && $# -le 2 ]] || { echo "usage: $0 DATA [WORKDIR]" >&2; exit 2; }
[[ -d $1 ]] || fail "there is no data folder $1; see README.md for where the data come from"
data=$(cd "$1" && pwd)
[[ -f $data/frugalgpt_headlines/train.csv.gz ]] || fail "$1 holds no frugalgpt_headlines/train.csv.gz; see README.md for where it comes from"
mkdir -p "${2:-$here/work}"
work=$(cd "${2:-$here/work}" && pwd)

cd "$root"
pointsman=${POINTSMAN:-$root/bin/pointsman}
[[ -x $pointsman ]] || { say "build"; make build >&2; }

say "prepare"
go run ./examples/headlines/prepare "$data" "$work" >&2

say "train"
"$pointsman" student train --data "$work/train.jsonl" --size large --out "$work/headlines.student" --json >"$work/train.json"
cat "$work/train.json" >&2

say "test"
"$pointsman" student test --model "$work/headlines.student" --data "$work/test.jsonl" --json >"$work/test.json"
cat "$work/test.json" >&2

go run ./examples/clinc150/summary "$work/train.json" "$work/test.json"
