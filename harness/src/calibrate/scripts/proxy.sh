# A connection that docker-proxy takes before the container behind it is up.
for ((turn = 0; turn < n; turn++)); do
  docker create --name calibrate --env-file /etc/tensor-wasm/env --publish 18080:8080 "$bad" > /dev/null
  docker start calibrate > /dev/null &
  until : 2> /dev/null <> /dev/tcp/127.0.0.1/18080; do moment; done 2> /dev/null
  run proxied curl --silent --max-time 5 http://127.0.0.1:18080/healthz
  wait $!
  docker rm --force calibrate > /dev/null
done
