//! A TensorWasm node that behaves as a release file says: data in, outputs out.
//!
//! The library is *sans-IO*: [`node::Node`] takes inputs and a time and gives [`node::Output`]s. It opens no socket or
//! file, reads no clock, starts no thread and draws no randomness, so a simulator can call it directly and the same
//! inputs give the same bytes. The binary `tensor-wasm` of this package puts sockets, files, signals and stdout round
//! it. The one exception is [`observe::observe_once`], the client behind `tensor-wasm observe`, which really fetches;
//! its pure part is [`observe::Observation::from_fetches`].
//!
//! What the node does follows `node-contract.md` (facts about the real software), sections named where they apply.
//!
//! # Left out of the contract
//! Requests for these are answered as for any unmatched path (401 without a token, 404 with an empty body with one):
//! `invoke-async` and `/jobs`, `invoke-stream`, `/snapshot/save` and `/snapshot/restore`, the OpenAI routes, the kernel
//! registry. Not modelled: the wedge mode, the queueing per concurrency class, the token layer of the rate limit
//! (`RATE_LIMIT_QPS`/`_BURST`), XFCC, CORS beyond the `vary` header, the audit log, OTLP, guests (no WebAssembly runs: an
//! invoke answers `ok`, the export `hold_ms` after as many milliseconds as its argument says). Subcommands other than
//! `serve` and `observe` do not exist, and are refused as clap refuses an unknown one.
//!
//! # Runbook's hypothetical
//! The real node never reads its state directory at start. A release with `state.on_unreadable = "exit"` does, and dies
//! of a file that it cannot read, because the runbook's failure path is about exactly that.

pub mod auth;
pub mod cli;
pub mod config;
pub mod exposition;
pub mod http;
pub mod limiter;
pub mod log;
pub mod metrics;
pub mod node;
pub mod observe;
pub mod release;
pub mod snapshot;
