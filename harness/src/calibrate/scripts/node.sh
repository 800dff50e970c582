# A second node beside the machine's own, at another port.
set -a
. /etc/tensor-wasm/env
set +a
for ((turn = 0; turn < n; turn++)); do
  now began
  exec {out}< <(exec /usr/local/bin/tensor-wasm serve --addr 127.0.0.1:18080 2> /dev/null)
  node=$!
  until read -r -u "$out" line && [[ $line = *listening* ]]; do :; done
  now ended
  tell node-listens "$began" "$ended"
  now began
  kill -TERM "$node"
  wait "$node"
  now ended
  tell node-ends "$began" "$ended"
  exec {out}<&-
done
