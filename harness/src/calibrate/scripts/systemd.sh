# The manager and what asks it. The oneshot stays active, so that the times of its start are kept.
cat > /run/systemd/system/calibrate.service << 'UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
User=tensor-wasm
ExecStart=/bin/true
UNIT
systemctl daemon-reload
shown() { systemctl show "$1" --property="$2" --value; }
for ((turn = 0; turn < n; turn++)); do
  now began
  systemctl start calibrate.service
  asked=$(systemctl show calibrate.service --property=InactiveExitTimestamp --value --timestamp=us+utc)
  tell systemctl-asked "$began" "$(date --utc --date "$asked" +%s%6N)"
  tell unit-ran "$(shown calibrate.service ExecMainStartTimestampMonotonic)" \
    "$(shown calibrate.service ExecMainExitTimestampMonotonic)"
  systemctl stop calibrate.service
  run systemctl systemctl is-active haproxy.service
  run daemon-reload systemctl daemon-reload
  run journalctl journalctl --unit=haproxy.service --no-pager --lines=20
  run supervisor bash -c "$supervisor"
  now began
  socat - UNIX-CONNECT:/run/haproxy/admin.sock <<< 'show servers state node' > /dev/null
  now ended
  tell socat "$began" "$ended"
done
