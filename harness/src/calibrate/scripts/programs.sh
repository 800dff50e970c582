# Commands of the operator.
for ((turn = 0; turn < n; turn++)); do
  run true /bin/true
  run curl curl --silent http://127.0.0.1:1/
  run git git -C /srv/tensor-wasm log --oneline --max-count=1
  run page page --severity sev-3 --key calibrate --reason calibrate --evidence none
  run sudo sudo -n /bin/true
  run tensor-wasm tensor-wasm --version
done
