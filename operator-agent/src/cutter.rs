//! The cut between the rules engine and the node: once what listens on the node's port has gone, the machine's firewall drops
//! what Prometheus sends there. Everybody else reaches the node as before.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::{Deadline, pause};
use crate::holder;
use crate::listeners::listening_inodes;
use crate::root;

/// Between two looks. The firewall has to be there before the next node listens, which is some tens of milliseconds after.
const EVERY: Duration = Duration::from_millis(5);
/// For the firewall; a rule takes it some milliseconds.
const TOOL: Duration = Duration::from_secs(10);

/// In place of waiting for who listens to go.
const AT_ONCE: &str = "--now";

/// Reads the command line: whether it cuts at once, and the port. An error ends with how the program is called.
///
/// # Errors
/// No port, or more than that.
pub fn parse_arguments(arguments: &[String]) -> Result<(bool, u16), String> {
    let (at_once, port) = match arguments {
        [first, port @ ..] if first == AT_ONCE => (true, port),
        port => (false, port),
    };
    Ok((at_once, holder::parse_arguments("cut-scrape [--now]", port)?))
}

/// The sockets that listen on a port, by their inodes.
///
/// # Errors
/// There are none: nothing could be waited for.
pub fn listening(port: u16) -> Result<BTreeSet<u64>, String> {
    let inodes = listening_inodes(port);
    if inodes.is_empty() { Err(format!("cut-scrape: nobody listens on port {port}")) } else { Ok(inodes) }
}

/// Waits until none of these sockets listens on the port any more, whoever else does.
///
/// # Errors
/// One of them still does after `within`, which the error names.
pub fn wait_until_gone(port: u16, sockets: &BTreeSet<u64>, within: Duration) -> Result<(), String> {
    let deadline = Deadline::after(within);
    while !listening_inodes(port).is_disjoint(sockets) {
        if deadline.passed() {
            return Err(format!(
                "cut-scrape: who listened on port {port} did not go within {} s",
                within.as_secs_f64()
            ));
        }
        pause(EVERY);
    }
    Ok(())
}

/// Has the firewall drop what Prometheus sends to the port.
///
/// # Errors
/// The firewall's own words.
pub fn cut(port: u16) -> Result<(), String> {
    let rule = rule(port);
    let root::Ran { exit, output, .. } = root::run(&rule, TOOL);
    if exit == 0 { Ok(()) } else { Err(format!("cut-scrape: `{rule}` ended with {exit}: {}", output.trim())) }
}

/// By the user that Debian's unit runs Prometheus as, since all on a machine come from 127.0.0.1.
fn rule(port: u16) -> String {
    format!(
        "iptables --wait 5 --insert OUTPUT --protocol tcp --dport {port} --match owner --uid-owner prometheus --jump DROP"
    )
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn it_waits_for_those_that_listen_now() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sockets = listening(port).unwrap();
        let why = wait_until_gone(port, &sockets, Duration::from_millis(20)).unwrap_err();
        assert_eq!(why, format!("cut-scrape: who listened on port {port} did not go within 0.02 s"));
        drop(listener);
        let _next = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_eq!(wait_until_gone(port, &sockets, Duration::from_secs(20)), Ok(()));
    }

    #[test]
    fn it_waits_unless_it_is_told_not_to() {
        let parse = |words: &[&str]| parse_arguments(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!((parse(&["8080"]), parse(&["--now", "8080"])), (Ok((false, 8080)), Ok((true, 8080))));
        for words in [&[][..], &["--now"], &["8080", "--now"], &["--now", "--now", "8080"]] {
            assert!(parse(words).unwrap_err().contains("usage: cut-scrape [--now] PORT"), "{words:?}");
        }
    }

    #[test]
    fn where_nobody_listens_there_is_nothing_to_wait_for() {
        assert_eq!(listening(1), Err("cut-scrape: nobody listens on port 1".into()));
    }

    #[test]
    fn one_user_is_cut_off_from_one_port() {
        assert_eq!(
            rule(8080),
            "iptables --wait 5 --insert OUTPUT --protocol tcp --dport 8080 --match owner --uid-owner prometheus --jump DROP"
        );
    }
}
