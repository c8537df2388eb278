#!/usr/bin/env bash
# The main job of pointsman on recorded answers of real models: calibrate a
# cascade of Llama-3.1 8B and 70B, serve it, send it questions that it has not
# seen, and audit what it did.
#
#   examples/mmlu-pro/run.sh DATA [WORKDIR]
#
# DATA is the folder that holds mmlu_pro/. WORKDIR is where everything is kept
# that is made on the way; its default is the folder work beside this script.
# What an earlier run left there is replaced. Progress goes to stderr; the last
# line of stdout is one JSON object. The binary is bin/pointsman, built where it is
# missing, or the one that POINTSMAN names.
set -euo pipefail

fail() { echo "run.sh: $*" >&2; exit 1; }
say() { echo "== $*" >&2; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

[[ $# -ge 1 && $# -le 2 ]] || { echo "usage: $0 DATA [WORKDIR]" >&2; exit 2; }
[[ -d $1 ]] || fail "there is no data folder $1; see README.md for where the data come from"
data=$(cd "$1" && pwd)
[[ -f $data/mmlu_pro/questions.jsonl.gz ]] || fail "$1 holds no mmlu_pro/questions.jsonl.gz; see README.md for where it comes from"
mkdir -p "${2:-$here/work}"
work=$(cd "${2:-$here/work}" && pwd)
# Only a folder that is empty or was made here is cleared.
if [[ -n $(ls -A "$work") && ! -f $work/.made-by-run.sh ]]; then
    fail "$work is not empty and was not made by this script"
fi

server=
stop() {
    if [[ -n $server ]]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" || true
        server=
    fi
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

touch "$work/.made-by-run.sh"
rm -rf "$work/state" "$work/run" "$work/recordings"
rm -f "$work"/*.json "$work"/*.jsonl "$work"/*.log "$work/url"

cd "$root"
pointsman=${POINTSMAN:-$root/bin/pointsman}
[[ -x $pointsman ]] || { say "build"; make build >&2; }
config=$work/pointsman.yaml
cp "$here/pointsman.yaml" "$config"

say "prepare: recordings and datasets"
go run ./examples/mmlu-pro/prepare "$data" "$work" | tee "$work/prepare.json" >&2

say "calibrate on $(wc -l <"$work/calibrate.jsonl") questions"
"$pointsman" calibrate --config "$config" --task mmlu --data "$work/calibrate.jsonl" --json >"$work/calibrate.json"

say "serve"
"$pointsman" serve --config "$config" --listen 127.0.0.1:0 --ready-file "$work/url" --log-level warn >/dev/null 2>"$work/serve.log" &
server=$!
for _ in $(seq 600); do
    [[ -s $work/url ]] && break
    kill -0 "$server" 2>/dev/null || { cat "$work/serve.log" >&2; server=; fail "the server stopped before it was ready"; }
    sleep 0.1
done
[[ -s $work/url ]] || { cat "$work/serve.log" >&2; fail "the server was not ready within a minute"; }
url=$(<"$work/url")

say "ask $(wc -l <"$work/test.jsonl") other questions of each target at $url"
"$pointsman" eval run --config "$config" --task mmlu --data "$work/test.jsonl" --url "$url" \
    --targets small,large,cascade --workers 16 --out "$work/run" --json >"$work/eval.json"

say "stop the server"
kill -TERM "$server"
status=0
wait "$server" || status=$?
server=
cat "$work/serve.log" >&2
[[ $status -eq 0 ]] || fail "the server stopped with status $status"

say "verify the journal"
"$pointsman" audit verify --config "$config" --json >"$work/verify.json" || { cat "$work/verify.json" >&2; fail "the journal is not what was written"; }
say "replay every decision"
"$pointsman" audit replay --config "$config" --json >"$work/replay.json" || { cat "$work/replay.json" >&2; fail "decisions do not replay"; }
cat "$work/replay.json" >&2
"$pointsman" audit export --config "$config" >"$work/decisions.jsonl"

go run ./examples/mmlu-pro/summary "$work"
