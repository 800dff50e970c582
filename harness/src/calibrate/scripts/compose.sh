# Compose. The file's image is edited back and forth, so that each `up` makes the node's container anew.
cd /srv/tensor-wasm || exit 1
docker pull "$good" > /dev/null
from=$bad to=$good
for ((turn = 0; turn < n; turn++)); do
  run compose-ps docker compose ps
  sed --in-place "s|$from|$to|" docker-compose.yml
  began=$EPOCHREALTIME
  run compose-up docker compose up -d --no-deps tensor-wasm
  echo "compose-up-stops $(($(event_ns "$began" container kill) / 1000 - ${began/[.,]/}))"
  swap=$from from=$to to=$swap
done
