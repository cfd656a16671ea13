#!/usr/bin/env bash
# Runs the local runner, and builds and starts it again when a source file
# changes. A change that does not build leaves the old one running.
set -euo pipefail

bin=.build/bin/rapport
next=.build/bin/rapport.next
runner=

sources() {
  find . \( -name node_modules -o -name dist -o -name .git -o -name .build -o -name .local -o -name .aws-sam \) -prune \
    -o -type f \( -name '*.go' -o -name '*.yaml' -o -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.html' -o -name go.mod \) -print
}

# Sizes and times of all sources, so that a removed file counts as a change too.
state() { sources | sort | xargs ls -ln | cksum; }

stop() {
  [ -n "$runner" ] || return 0
  kill -TERM "$runner" 2>/dev/null || true
  wait "$runner" 2>/dev/null || true
  runner=
}

build() { make -s console && go build -o "$next" ./infra/local && mv "$next" "$bin"; }

trap 'stop; exit 0' INT TERM
trap stop EXIT

seen=
while true; do
  now=$(state)
  if [ "$now" != "$seen" ]; then
    seen=$now
    if build; then
      stop
      "$bin" &
      runner=$!
    else
      echo "dev: this does not build; what ran goes on" >&2
    fi
  elif [ -n "$runner" ] && ! kill -0 "$runner" 2>/dev/null; then
    echo "dev: the runner has ended; change a file to start it again" >&2
    wait "$runner" 2>/dev/null || true
    runner=
  fi
  sleep 1
done
