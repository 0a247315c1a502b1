#!/usr/bin/env bash
# Measures what bench/README.md shows, and writes it. Leave the machine alone meanwhile.
#   bench/measure.sh                 all pieces, the suite in its short form: under twelve minutes on two cores
#   bench/measure.sh suite page      only these pieces
# Pieces: suite (with the peers that are there; SUITE_FLAGS="" takes the long form), depth, page; and, alone,
# service: what a retraining costs the clients of nibble serve, in two minutes;
# soak: nibble serve under load, killed at random and on a full disk, for two hours (SOAK_MINUTES=2 for a
# short one; SOAK_FILE for another file than bench/results/soak.json).
# A depth that was stopped goes on with DEPTH_FLAGS=--missing. Peers' Python: NIBBLE_PEER_PYTHON, as bench/peers says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pieces=("$@")
[ $# -gt 0 ] || pieces=(suite depth page)
for piece in "${pieces[@]}"; do
  case $piece in
    suite)
      samples/nibble bench --list >/dev/null # builds all, so that the jar with DJL is the newest
      mvn -q -Ppeers -pl bench -am -Dmaven.test.skip=true package || echo "measure.sh: goes on without DJL." >&2
      # shellcheck disable=SC2086 # the flags are words
      samples/nibble bench ${SUITE_FLAGS---quick} --peers --json bench/results/suite.json
      ;;
    depth)
      # shellcheck disable=SC2086
      samples/nibble bench --depth bench/results/depth.json ${DEPTH_FLAGS-}
      ;;
    service)
      samples/nibble bench --service bench/results/service.json
      ;;
    soak)
      samples/nibble bench --soak "${SOAK_FILE-bench/results/soak.json}" --minutes "${SOAK_MINUTES-120}"
      ;;
    page)
      samples/nibble bench --page
      ;;
    *)
      echo "measure.sh: '$piece' is no piece: give suite, depth, page, service or soak." >&2
      exit 2
      ;;
  esac
done
