#!/usr/bin/env bash
# Measures what bench/README.md shows, and writes it. Leave the machine alone meanwhile.
#   bench/measure.sh                 all pieces, the suite in its short form: under twelve minutes on two cores
#   bench/measure.sh suite page      only these pieces
# Pieces: suite (with the peers that are there; SUITE_FLAGS="" takes the long form), depth, djl, page.
# A depth that was stopped goes on with DEPTH_FLAGS=--missing. Peers' Python: NIBBLE_PEER_PYTHON, as bench/peers says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The first JDK of 25 or newer: JMH alone is started without the launcher.
find_java() {
  local home major
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/* "$HOME"/.sdkman/candidates/java/*; do
    [ -x "$home/bin/java" ] && [ -r "$home/release" ] || continue
    major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
    if [ "${major:-0}" -ge 25 ]; then
      java=$home/bin/java
      return
    fi
  done
  echo "measure.sh: no JDK 25 or newer found: set JAVA_HOME to one." >&2
  exit 1
}

pieces=("$@")
[ $# -gt 0 ] || pieces=(suite depth djl page)
for piece in "${pieces[@]}"; do
  case $piece in
    suite)
      # shellcheck disable=SC2086 # the flags are words
      samples/nibble bench ${SUITE_FLAGS---quick} --peers --json bench/results/suite.json
      ;;
    depth)
      # shellcheck disable=SC2086
      samples/nibble bench --depth bench/results/depth.json ${DEPTH_FLAGS-}
      ;;
    djl)
      find_java
      mvn -q -Ppeers -pl bench -am package -Dmaven.test.skip=true
      "$java" -jar bench/target/benchmarks.jar DjlBenchmark -rf json -rff bench/results/djl.json
      ;;
    page)
      samples/nibble bench --page
      ;;
    *)
      echo "measure.sh: '$piece' is no piece: give suite, depth, djl or page." >&2
      exit 2
      ;;
  esac
done
