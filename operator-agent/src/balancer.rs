//! The balancer's administrative state of the node, read from HAProxy's admin socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::pause;
use crate::protocol::Happened;
use crate::reports::Reports;

/// How often it is looked at between commands; before and after each command it is looked at besides.
const EVERY: Duration = Duration::from_millis(20);
/// The socket answers in well under a millisecond.
const TIMEOUT: Duration = Duration::from_secs(1);
/// `show servers state` of one server is below 1 KiB.
const ANSWER_MAX: u64 = 64 << 10;

/// What was seen last. Clones share it.
#[derive(Debug, Clone)]
pub struct Balancer {
    socket: String,
    backend: String,
    server: String,
    last: Arc<Mutex<Option<State>>>,
    reports: Reports,
}

/// The state of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether new requests go to it.
    pub in_rotation: bool,
    /// `ready`, `drain`, `maint`, `down`; or `unreadable: …`, with `in_rotation` as it was before.
    pub word: String,
}

impl Balancer {
    /// Watches in the background from now on. `server` is `backend/server`.
    pub fn start(socket: &str, server: &str, reports: Reports) -> Balancer {
        let (backend, server) = server.split_once('/').unwrap_or((server, server));
        let balancer = Balancer {
            socket: socket.to_owned(),
            backend: backend.to_owned(),
            server: server.to_owned(),
            last: Arc::default(),
            reports,
        };
        let background = balancer.clone();
        std::thread::spawn(move || {
            loop {
                background.look();
                pause(EVERY);
            }
        });
        balancer
    }

    /// Looks now and reports a change.
    pub fn look(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let read = self.ask().map_err(|error| error.to_string()).and_then(|answer| parse(&answer, &self.server));
        let now = match (read, last.as_ref()) {
            (Ok(state), _) => state,
            // A balancer that does not tell has not changed its mind: unreadable is never "out of rotation".
            (Err(why), Some(known)) => State { in_rotation: known.in_rotation, word: format!("unreadable: {why}") },
            // It is still coming up.
            (Err(_), None) => return,
        };
        if last.as_ref() != Some(&now) {
            let (in_rotation, state) = (now.in_rotation, now.word.clone());
            *last = Some(now);
            self.reports.say(Happened::BalancerChanged { in_rotation, state });
        }
    }

    fn ask(&self) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.write_all(format!("show servers state {}\n", self.backend).as_bytes())?;
        let mut answer = String::new();
        stream.take(ANSWER_MAX).read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// Reads `show servers state`: be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state …
/// (HAProxy management guide: operational 2 is running, 0 stopped; administrative bits 0x01 forced maintenance,
/// 0x08 forced drain, others inherited or by name resolution).
pub fn parse(answer: &str, server: &str) -> Result<State, String> {
    let fields = answer
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|fields| fields.get(3) == Some(&server));
    let number = |index: usize| fields.as_ref().and_then(|fields| fields.get(index)?.parse::<u32>().ok());
    let (Some(operational), Some(administrative)) = (number(5), number(6)) else {
        return Err(format!("no server {server} in the answer"));
    };
    let word = if administrative & 0x03 != 0 {
        "maint"
    } else if administrative & 0x18 != 0 {
        "drain"
    } else if administrative != 0 {
        "maint"
    } else if operational == 0 {
        "down"
    } else {
        "ready"
    };
    Ok(State { in_rotation: word == "ready", word: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrative_state_decides_rotation() {
        for (operational, administrative, word) in
            [(2, 0, "ready"), (2, 8, "drain"), (0, 1, "maint"), (0, 0, "down"), (2, 32, "maint"), (2, 16, "drain")]
        {
            let answer = format!(
                "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n4 node 1 tensor-wasm 127.0.0.1 {operational} {administrative} 1 1 3\n"
            );
            let wanted = State { in_rotation: word == "ready", word: word.to_owned() };
            assert_eq!(parse(&answer, "tensor-wasm"), Ok(wanted));
        }
        assert!(parse("garbage", "tensor-wasm").is_err());
    }
}
