//! Who listens on a port: from the kernel's socket tables to the process that holds the socket, and on to the process in
//! the container where the holder is Docker's proxy.
//!
//! Docker publishes a container's port by a `docker-proxy` on the host, one for IPv4 and one for IPv6. It holds the
//! socket, passes each connection on to an address in the container's network namespace, and says nothing about what
//! answers there. It is started before the container's process, and takes connections before that one listens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use crate::machine::{Executables, arguments, pids};
use crate::protocol::Listener;
use crate::sock_diag;

/// Docker's userland proxy (moby, cmd/docker-proxy).
const PROXY: &str = "docker-proxy";
/// Of a table of local addresses. A container has a handful of them, at some 100 bytes each.
const ADDRESSES_BYTES_MAX: u64 = 1 << 20;
/// Looks for a moment in which no socket is closed under the look; the next look is some milliseconds away.
const TRIES: u32 = 3;

/// Inodes of sockets that listen on a TCP port in our own network namespace, IPv4 and IPv6.
pub fn listening_inodes(port: u16) -> BTreeSet<u64> {
    sock_diag::listening_inodes(port).unwrap_or_else(|_| tabled_inodes(port))
}

/// The same from /proc, for a kernel that cannot be asked for listening sockets alone.
fn tabled_inodes(port: u16) -> BTreeSet<u64> {
    let sockets = listening_in("/proc/net").into_iter();
    sockets.filter(|socket| socket.address.port() == port).map(|socket| socket.inode).collect()
}

/// Who listens on a port, as of one moment: the sockets with the process behind each.
///
/// A socket that is closed between the two looks has no holder and is none any more, so then both are done again.
pub fn listeners(port: u16, executables: &mut Executables) -> (BTreeSet<u64>, Vec<Listener>) {
    let mut inodes = listening_inodes(port);
    for _ in 0..TRIES {
        let found = behind(port, &inodes, executables);
        if found.iter().all(|listener| listener.process.is_some()) {
            return (inodes, found);
        }
        let after = listening_inodes(port);
        if after == inodes {
            return (inodes, found);
        }
        inodes = after;
    }
    let found = behind(port, &inodes, executables);
    (inodes, found)
}

/// Listeners of these sockets, each with the process behind it: that one in the container where a docker-proxy passes
/// connections on and somebody takes them, else the holder of the socket.
fn behind(port: u16, inodes: &BTreeSet<u64>, executables: &mut Executables) -> Vec<Listener> {
    if inodes.is_empty() {
        return Vec::new();
    }
    let pids = pids();
    let holders = holders(&pids, inodes);
    // Both proxies of a container pass on to one address. It is looked at once, so that they come to the same.
    let mut taken: BTreeMap<SocketAddr, Option<u32>> = BTreeMap::new();
    let mut listeners = Vec::new();
    for inode in inodes {
        let holders = holders.get(inode).map(Vec::as_slice).unwrap_or_default();
        let inside = holders
            .iter()
            .find_map(|pid| passed_on_by(*pid))
            .and_then(|target| *taken.entry(target).or_insert_with(|| taker(&pids, target)));
        let process = inside.or(holders.first().copied()).and_then(|pid| executables.identify(pid));
        listeners.push(Listener { port, process });
    }
    listeners
}

/// Whether all listeners belong to releases. One that does not can come to, without a change of its socket: the process
/// in the container listens later than its docker-proxy, and a socket can change hands from the one who opened it.
pub fn all_released(listeners: &[Listener]) -> bool {
    listeners.iter().all(|listener| listener.process.as_ref().is_some_and(|process| process.version.is_some()))
}

/// Which of these processes hold each of these sockets.
fn holders(pids: &[u32], inodes: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u32>> {
    let mut holders: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for pid in pids {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let target = target.to_string_lossy();
            let inode = target
                .strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'))
                .and_then(|text| text.parse().ok());
            if let Some(inode) = inode.filter(|inode| inodes.contains(inode)) {
                holders.entry(inode).or_default().push(*pid);
            }
        }
    }
    holders
}

/// Where a process passes connections on to; `None` if it is no docker-proxy.
fn passed_on_by(pid: u32) -> Option<SocketAddr> {
    let executable = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    // An upgrade of the engine replaces the file of a running proxy.
    if executable.file_name()?.to_str()?.trim_end_matches(" (deleted)") != PROXY {
        return None;
    }
    passes_on_to(&arguments(pid)?)
}

/// The process in another network namespace that takes connections to an address there; `None` if nobody does.
fn taker(pids: &[u32], target: SocketAddr) -> Option<u32> {
    namespaces(pids).values().find_map(|members| {
        // A process that ends meanwhile has no tables; another one of the namespace has the same.
        let witness = members.iter().find(|pid| has_address(**pid, target.ip()))?;
        let taking: BTreeSet<u64> = listening_in(&format!("/proc/{witness}/net"))
            .into_iter()
            .filter(|socket| socket.takes(target))
            .map(|socket| socket.inode)
            .collect();
        holders(members, &taking).into_values().flatten().next()
    })
}

/// The processes of each network namespace that is not our own.
fn namespaces(pids: &[u32]) -> BTreeMap<PathBuf, Vec<u32>> {
    let own = fs::read_link("/proc/self/ns/net").ok();
    let mut namespaces: BTreeMap<PathBuf, Vec<u32>> = BTreeMap::new();
    for pid in pids {
        if let Ok(namespace) = fs::read_link(format!("/proc/{pid}/ns/net"))
            && own.as_ref() != Some(&namespace)
        {
            namespaces.entry(namespace).or_default().push(*pid);
        }
    }
    namespaces
}

/// Whether an address is one of the process's network namespace.
fn has_address(pid: u32, address: IpAddr) -> bool {
    let read = |table: &str| {
        let mut text = String::new();
        fs::File::open(format!("/proc/{pid}/net/{table}"))
            .and_then(|file| file.take(ADDRESSES_BYTES_MAX).read_to_string(&mut text))
            .map_or_else(|_| String::new(), |_| text)
    };
    match address {
        IpAddr::V4(address) => local_ipv4(&read("fib_trie")).contains(&address),
        IpAddr::V6(address) => local_ipv6(&read("if_inet6")).contains(&address),
    }
}

/// A listening TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Socket {
    address: SocketAddr,
    inode: u64,
}

impl Socket {
    /// Whether a connection to that address comes to this socket. One on the container's loopback is out of reach.
    fn takes(self, target: SocketAddr) -> bool {
        let own = self.address.ip();
        // Linux gives IPv4 connections to `::` too, unless net.ipv6.bindv6only or the socket's own option forbids it.
        let any = own.is_unspecified() && (own.is_ipv6() || target.is_ipv4());
        self.address.port() == target.port() && (any || own == target.ip())
    }
}

fn listening_in(folder: &str) -> Vec<Socket> {
    let tables = ["tcp", "tcp6"].into_iter().filter_map(|table| fs::File::open(format!("{folder}/{table}")).ok());
    tables.flat_map(|file| listening(BufReader::with_capacity(4096, file))).collect()
}

/// Reads /proc/net/tcp or tcp6 (proc_net_tcp.txt in the kernel's documentation).
///
/// The kernel lists listening sockets first (net/ipv4/tcp_ipv4.c, `tcp_seq_start`), and thousands of closing ones after
/// them under traffic: reading stops at the first that does not listen.
fn listening(table: impl BufRead) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for line in table.lines().skip(1).map_while(Result::ok) {
        let mut fields = line.split_whitespace();
        let (local, state) = (fields.nth(1), fields.nth(1));
        if state != Some("0A") {
            break;
        }
        let inode = fields.nth(5).and_then(|inode| inode.parse().ok());
        if let (Some(address), Some(inode)) = (local.and_then(socket_address), inode) {
            sockets.push(Socket { address, inode });
        }
    }
    sockets
}

/// `0100007F:1F90`: each 32-bit word of the address as the kernel reads it in memory, then the port as a number.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let mut octets = Vec::new();
    for place in (0..address.len()).step_by(8) {
        octets.extend(u32::from_str_radix(address.get(place..place + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match octets.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        // An IPv4 address in IPv6's clothes is that IPv4 address.
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical(),
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Where a docker-proxy passes connections on to, by its arguments. Go's `flag` takes one dash or two, and a value as the
/// next argument or after `=`.
fn passes_on_to(arguments: &[String]) -> Option<SocketAddr> {
    let value = |name: &str| {
        arguments.iter().enumerate().skip(1).find_map(|(place, argument)| {
            let flag = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
            match flag.strip_prefix(name)? {
                "" => arguments.get(place + 1).map(String::as_str),
                rest => rest.strip_prefix('='),
            }
        })
    };
    Some(SocketAddr::new(value("container-ip")?.parse().ok()?, value("container-port")?.parse().ok()?))
}

/// A namespace's own IPv4 addresses, from /proc/PID/net/fib_trie: leaves (`|-- 172.17.0.2`) of which a following line
/// says `/32 host LOCAL`.
fn local_ipv4(trie: &str) -> BTreeSet<Ipv4Addr> {
    let mut local = BTreeSet::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in trie.lines().map(str::trim_start) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.trim_end().parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            local.extend(leaf);
        }
    }
    local
}

/// A namespace's own IPv6 addresses, from /proc/PID/net/if_inet6: 32 hexadecimal digits first in each line.
fn local_ipv6(table: &str) -> BTreeSet<Ipv6Addr> {
    table
        .lines()
        .filter_map(|line| u128::from_str_radix(line.split_whitespace().next()?, 16).ok().map(Ipv6Addr::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Deadline;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn socket(address: &str, inode: u64) -> Socket {
        Socket { address: address.parse().unwrap(), inode }
    }

    #[test]
    fn where_a_proxy_passes_connections_on_to_stands_in_its_arguments() {
        let wanted = Some("172.17.0.2:8081".parse().unwrap());
        for text in [
            "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 8081",
            "/usr/bin/docker-proxy -proto tcp -host-ip :: -host-port 8080 -container-ip 172.17.0.2 -container-port 8081 -use-listen-fd",
            "docker-proxy --container-ip=172.17.0.2 --container-port=8081",
            "docker-proxy -container-port=8081 --container-ip 172.17.0.2",
        ] {
            assert_eq!(passes_on_to(&words(text)), wanted, "{text}");
        }
        let six = words("docker-proxy -container-ip fd00::2 -container-port 8080");
        assert_eq!(passes_on_to(&six), Some("[fd00::2]:8080".parse().unwrap()));
        for text in [
            "docker-proxy",
            "docker-proxy -container-ip 172.17.0.2",
            "docker-proxy -container-ip 172.17.0.2 -container-port",
            "docker-proxy -container-ip host -container-port 8080",
            "docker-proxy container-ip 172.17.0.2 container-port 8080",
            "docker-proxy -container-ips 172.17.0.2 -container-ports 8080",
        ] {
            assert_eq!(passes_on_to(&words(text)), None, "{text}");
        }
    }

    #[test]
    fn only_listening_sockets_are_read_and_reading_stops_after_them() {
        let four = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23351 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000   900        0 23352 1 0000000000000000 100 0 0 10 0
   2: 020011AC:1F90 010011AC:D2F0 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 0000000000000000
   3: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23353 1 0000000000000000 100 0 0 10 0
";
        assert_eq!(listening(four.as_bytes()), [socket("0.0.0.0:8080", 23351), socket("127.0.0.1:8081", 23352)]);
        let six = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23357 1 0000000000000000 100 0 0 10 0
   1: 000000FD000000000000000002000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23358 1 0000000000000000 100 0 0 10 0
   2: 0000000000000000FFFF0000020011AC:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23359 1 0000000000000000 100 0 0 10 0
";
        let wanted = [socket("[::]:8080", 23357), socket("[fd00::2]:8080", 23358), socket("172.17.0.2:8080", 23359)];
        assert_eq!(listening(six.as_bytes()), wanted);
        assert_eq!(listening("".as_bytes()), []);
        assert_eq!(
            listening("head\n 0: zz:1F90 0:0 0A 0 0 0 0 0 1 1\n 1: 00:1F90 0:0 0A 0 0 0 0 0 1 1\n".as_bytes()),
            []
        );
    }

    #[test]
    fn a_connection_comes_to_who_listens_on_its_address_or_on_any() {
        let target = "172.17.0.2:8080".parse().unwrap();
        for (address, takes) in [
            ("0.0.0.0:8080", true),
            ("[::]:8080", true),
            ("172.17.0.2:8080", true),
            ("127.0.0.1:8080", false),
            ("172.17.0.3:8080", false),
            ("[::1]:8080", false),
            ("0.0.0.0:8081", false),
        ] {
            assert_eq!(socket(address, 1).takes(target), takes, "{address}");
        }
        let six = "[fd00::2]:8080".parse().unwrap();
        assert!(socket("[::]:8080", 1).takes(six));
        assert!(!socket("0.0.0.0:8080", 1).takes(six));
    }

    #[test]
    fn a_namespaces_own_addresses_are_the_local_leaves() {
        let trie = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 172.17.0.0/16 2 0 2
        +-- 172.17.0.0/30 2 0 2
           |-- 172.17.0.0
              /16 link UNICAST
           |-- 172.17.0.2
              /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
Local:
     |-- 172.17.0.2
        /32 host LOCAL
";
        let wanted: BTreeSet<Ipv4Addr> = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(172, 17, 0, 2)].into();
        assert_eq!(local_ipv4(trie), wanted);
        let table = "\
00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 02 40 00 80     eth0
";
        let wanted: BTreeSet<Ipv6Addr> = [Ipv6Addr::LOCALHOST, "fd00::2".parse().unwrap()].into();
        assert_eq!(local_ipv6(table), wanted);
        assert!(local_ipv4("").is_empty() && local_ipv6("").is_empty());
    }

    #[test]
    fn both_ways_to_read_listening_sockets_say_the_same() {
        // Of both families, where the machine has both.
        let four = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        let six = std::net::TcpListener::bind(("::1", port)).ok();
        let inodes = sock_diag::listening_inodes(port).unwrap();
        assert_eq!(inodes.len(), 1 + six.iter().count());
        assert_eq!(tabled_inodes(port), inodes);
        drop((four, six));
        // A test beside this one may be starting a process, which has our descriptors until its exec.
        let deadline = Deadline::after(std::time::Duration::from_secs(20));
        while !sock_diag::listening_inodes(port).unwrap().is_empty() {
            assert!(!deadline.passed(), "a closed socket is still listed");
        }
    }

    #[test]
    fn our_own_socket_is_ours() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (inodes, found) = listeners(port, &mut Executables::default());
        assert_eq!(inodes, listening_inodes(port));
        let pids: Vec<_> = found.iter().map(|on| on.process.as_ref().map(|process| process.pid)).collect();
        assert_eq!(pids, [Some(std::process::id())]);
        assert!(!all_released(&found), "a test is no release");
    }
}
