//! The dumb port holder: takes a port as soon as it is free and answers nobody, so that whoever wants it next cannot have it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::clock::{Deadline, pause};

/// How long a port is waited for.
pub const WITHIN: Duration = Duration::from_secs(600);
/// Between two tries. A restart leaves the port free for some tens of milliseconds; a try costs some microseconds.
const EVERY: Duration = Duration::from_millis(1);

/// Reads the command line of a program that wants a port, 1 to 65535. An error ends with how the program is called.
pub fn parse_arguments(program: &str, arguments: &[String]) -> Result<u16, String> {
    let port = match arguments {
        [port] => port.parse().ok().filter(|port| *port > 0),
        _ => None,
    };
    port.ok_or_else(|| {
        format!("{program}: one port from 1 to 65535 is needed, got {arguments:?}\nusage: {program} PORT")
    })
}

/// Takes the port on 0.0.0.0 once nobody has it. IPv4 only: who holds the port for IPv6 alone is not in the way.
///
/// An error names the port, and the ceiling `within` where somebody still had the port then. A port that can never be had
/// is an error at once.
pub fn take(port: u16, within: Duration) -> Result<TcpListener, String> {
    let deadline = Deadline::after(within);
    loop {
        // std sets SO_REUSEADDR, so connections of the last holder that are still closing do not keep the port from us.
        match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() != ErrorKind::AddrInUse => {
                return Err(format!("hold-port: cannot bind 0.0.0.0:{port}: {error}"));
            }
            Err(_) if deadline.passed() => {
                return Err(format!("hold-port: 0.0.0.0:{port} did not become free within {} s", within.as_secs_f64()));
            }
            Err(_) => pause(EVERY),
        }
    }
}

/// Accepts connections and closes each at once, until the process is killed.
pub fn hold(listener: &TcpListener) -> ! {
    loop {
        if listener.accept().is_err() {
            pause(EVERY); // Out of descriptors, say: it will pass, and must not cost a core until then.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_is_needed() {
        let parse = |words: &[&str]| {
            parse_arguments("hold-port", &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["8080"]), Ok(8080));
        for words in [&[][..], &["0"], &["65536"], &["http"], &["8080", "8081"]] {
            assert!(parse(words).unwrap_err().contains("usage: hold-port PORT"), "{words:?}");
        }
    }

    #[test]
    fn a_port_that_stays_taken_is_given_up_at_the_ceiling() {
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let why = take(port, Duration::from_millis(20)).unwrap_err();
        assert_eq!(why, format!("hold-port: 0.0.0.0:{port} did not become free within 0.02 s"));
        drop(taken);
        assert_eq!(take(port, WITHIN).unwrap().local_addr().unwrap().to_string(), format!("0.0.0.0:{port}"));
    }
}
