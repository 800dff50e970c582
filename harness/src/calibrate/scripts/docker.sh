# The engine and its client, with containers of the node's image beside the machine's own.
port_is_open() { : 2> /dev/null <> /dev/tcp/127.0.0.1/18080; }
start_and_stop() { # NAME CREATE-OPTIONS...
  local name=$1 began ended gone free node job
  shift
  run docker-create docker create --name calibrate --env-file /etc/tensor-wasm/env "$@" "$bad"
  began=$EPOCHREALTIME
  run "docker-start$name" docker start calibrate
  echo "docker-task $((($(event_ns "$began" container start) - $(event_ns "$began" network connect)) / 1000))"
  node=$(docker inspect --format '{{.State.Pid}}' calibrate)
  now began
  docker stop calibrate > /dev/null &
  job=$!
  while kill -0 "$node"; do moment; done 2> /dev/null
  now gone
  if [ -n "$name" ]; then
    while port_is_open; do moment; done 2> /dev/null
    now free
    tell docker-released "$gone" "$free"
  fi
  wait "$job"
  now ended
  tell "docker-stop$name" "$began" "$ended"
  docker rm calibrate > /dev/null
}
for ((turn = 0; turn < n; turn++)); do
  run docker-ps docker ps
  start_and_stop ""
  start_and_stop -published --publish 18080:8080
  run docker-exec docker exec tensor-wasm tensor-wasm --version
  run docker-pull-known docker pull "$bad"
  docker rmi "$good" > /dev/null 2>&1
  run docker-pull-new docker pull "$good"
done
systemctl stop docker-registry.service
for ((turn = 0; turn < n; turn++)); do
  systemctl start docker-registry.service
  until : 2> /dev/null <> /dev/tcp/127.0.0.2/80; do moment; done 2> /dev/null
  now ended
  main=$(systemctl show docker-registry.service --property=ExecMainStartTimestamp --value --timestamp=us+utc)
  tell registry-ready "$(date --utc --date "$main" +%s%6N)" "$ended"
  systemctl stop docker-registry.service
  systemctl reset-failed docker-registry.service
done
systemctl start docker-registry.service
