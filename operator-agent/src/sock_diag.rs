//! Asks the kernel for listening sockets alone (sock_diag(7)).
//!
//! /proc/net/tcp cannot be read without the established sockets: where its listening ones end, the kernel walks its whole
//! table of the others, 262144 places on a machine with 24 GiB. That took 6 ms for both tables, and we look every 5 ms.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

/// The kernel answers in some microseconds.
const ANSWER: Duration = Duration::from_secs(1);
/// A part of an answer is 32 KiB at most (netlink(7)), and one port has a handful of sockets, at some 100 bytes each.
const PART_BYTES_MAX: usize = 32 << 10;
/// Parts of an answer.
const PARTS_MAX: u32 = 64;

/// linux/netlink.h: NLM_F_REQUEST and NLM_F_DUMP.
const REQUEST_ALL: u16 = 0x301;
/// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
/// linux/netlink.h
const NLMSG_DONE: u16 = 3;
/// linux/sock_diag.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// linux/in.h
const IPPROTO_TCP: u8 = 6;
/// A set of states with TCP_LISTEN (net/tcp_states.h) alone.
const LISTENING: u32 = 1 << 10;
/// Of `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;
/// Of `struct inet_diag_req_v2`.
const REQUEST_BYTES: usize = 56;
/// Where `struct inet_diag_msg` has the inode.
const INODE_AT: usize = 68;

/// Inodes of sockets that listen on a TCP port in our own network namespace, IPv4 and IPv6.
///
/// An error is a kernel that cannot be asked so (it lacks inet_diag) or that did not answer.
pub fn listening_inodes(port: u16) -> Result<BTreeSet<u64>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER))?;
    let mut inodes = BTreeSet::new();
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        send(&socket, &request(family, port), SendFlags::empty())?;
        let mut part = vec![0; PART_BYTES_MAX];
        let mut done = false;
        for _ in 0..PARTS_MAX {
            let (_, length) = recv(&socket, part.as_mut_slice(), RecvFlags::empty())?;
            done = read(part.get(..length).unwrap_or_default(), &mut inodes)?;
            if done {
                break;
            }
        }
        if !done {
            return Err(Error::other(format!("the kernel's answer had more than {PARTS_MAX} parts")));
        }
    }
    Ok(inodes)
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2` (linux/inet_diag.h); what is not set here is "any".
fn request(family: AddressFamily, port: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + REQUEST_BYTES);
    bytes.extend(((HEADER_BYTES + REQUEST_BYTES) as u32).to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_ALL.to_ne_bytes());
    bytes.extend([0; 8]); // sequence number and sender: one request is open at a time
    bytes.extend([family.as_raw() as u8, IPPROTO_TCP, 0, 0]);
    bytes.extend(LISTENING.to_ne_bytes());
    bytes.extend(port.to_be_bytes());
    bytes.resize(HEADER_BYTES + REQUEST_BYTES, 0);
    bytes
}

/// Reads one part of an answer: whether it is the end of it.
fn read(mut part: &[u8], inodes: &mut BTreeSet<u64>) -> Result<bool> {
    let short = || Error::new(ErrorKind::InvalidData, "the kernel's answer is cut");
    while !part.is_empty() {
        let length = word(part, 0).and_then(|length| usize::try_from(length).ok()).ok_or_else(short)?;
        let message = part.get(..length).filter(|_| length >= HEADER_BYTES).ok_or_else(short)?;
        let kind = message.get(4..6).and_then(|bytes| Some(u16::from_ne_bytes(bytes.try_into().ok()?)));
        match kind {
            Some(NLMSG_DONE) => return Ok(true),
            Some(SOCK_DIAG_BY_FAMILY) => {
                inodes.insert(word(message, HEADER_BYTES + INODE_AT).ok_or_else(short)?.into());
            }
            Some(NLMSG_ERROR) => {
                let code = word(message, HEADER_BYTES).ok_or_else(short)?.cast_signed();
                return Err(Error::from_raw_os_error(code.saturating_neg()));
            }
            _ => {}
        }
        part = part.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER_BYTES + payload.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn socket(inode: u32) -> Vec<u8> {
        let mut payload = vec![0; INODE_AT];
        payload.extend(inode.to_ne_bytes());
        payload.extend([5, 0, 8, 0, 0]); // an attribute, of an odd length
        message(SOCK_DIAG_BY_FAMILY, &payload)
    }

    #[test]
    fn an_answer_is_sockets_up_to_its_end() {
        let mut inodes = BTreeSet::new();
        assert!(!read(&[socket(23351), socket(23352)].concat(), &mut inodes).unwrap());
        assert!(read(&[socket(23353), message(NLMSG_DONE, &[0; 4]), socket(1)].concat(), &mut inodes).unwrap());
        assert_eq!(inodes, [23351, 23352, 23353].into());
    }

    #[test]
    fn a_refusal_and_a_cut_answer_are_errors() {
        let mut inodes = BTreeSet::new();
        let refused = read(&message(NLMSG_ERROR, &(-2_i32).to_ne_bytes()), &mut inodes).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        let whole = socket(23351);
        for length in [1, 8, HEADER_BYTES, HEADER_BYTES + INODE_AT] {
            let cut = read(&whole[..length], &mut inodes).unwrap_err();
            assert_eq!(cut.kind(), ErrorKind::InvalidData, "{length} bytes");
        }
        assert_eq!(read(&[0; 16], &mut inodes).unwrap_err().kind(), ErrorKind::InvalidData);
        assert!(inodes.is_empty());
    }
}
