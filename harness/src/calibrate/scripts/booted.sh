# How this machine came up: when the first unit of its own began, on the wall's clock, and how long packaged units took.
first=
for unit in haproxy drill-repository containerd docker docker-registry tensor-wasm; do
  begun=$(systemctl show "$unit.service" --property=InactiveExitTimestamp --value --timestamp=us+utc)
  [ -n "$begun" ] || continue
  begun=$(date --utc --date "$begun" +%s%6N)
  if [ -z "$first" ] || [ "$begun" -lt "$first" ]; then first=$begun; fi
done
echo "first-unit-at $first"
for unit in haproxy containerd docker; do
  main=$(systemctl show "$unit.service" --property=ExecMainStartTimestampMonotonic --value)
  ready=$(systemctl show "$unit.service" --property=ActiveEnterTimestampMonotonic --value)
  [ "${main:-0}" = 0 ] || tell "$unit-ready" "$main" "$ready"
done
now at
echo "wall-at $at"
