//! What runs inside an operator host on the harness's behalf: the operator's shell, the observers, the traffic, the
//! pager's listener, and the lease that keeps the host alive.
//!
//! One binary under four names: `agent` talks to the harness (see [`protocol`]), `page` is the operator's pager command,
//! `hold-port` and `cut-scrape` are faults: something else that has the node's port, and a firewall between Prometheus and it.
//! Everything here looks at the node from outside: sockets, processes, files, exit statuses.

pub mod agent;
pub mod balancer;
pub mod bounded;
pub mod clock;
pub mod cutter;
pub mod engine;
pub mod holder;
pub mod http;
pub mod ledger;
pub mod listeners;
pub mod machine;
pub mod measure;
pub mod monitoring;
pub mod pager;
pub mod protocol;
pub mod records;
pub mod reports;
pub mod root;
pub mod shell;
pub mod sock_diag;
pub mod traffic;
pub mod watch;
pub mod webhook;
