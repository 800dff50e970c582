//! Deploying, removing and invoking functions (node-contract.md section 2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::http::{Request, RequestBody, Response};
use crate::snapshot::FunctionRecord;

use super::{Answer, Node, Output, TIMEOUT_US};

/// Most functions deployed at a time; one more is refused with 503.
pub const FUNCTIONS_MAX: usize = 4096;
/// Longest name of a function, in bytes.
const NAME_MAX: usize = 256;
/// Most arguments of an invoke.
const ARGS_MAX: usize = 16;
/// How long each dispatched kernel takes, in microseconds: under the 50 us of the dispatch SLO.
pub(super) const KERNEL_US: u64 = 20;
/// The export that holds its answer for as many milliseconds as its argument says.
const HOLD_MS: &str = "hold_ms";
/// The export that traps each time that it is called.
const TRAP: &str = "trap";

/// What an invoke asks of its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// An answer, held for so many microseconds.
    Hold(u64),
    /// A trap.
    Trap,
}

// Fields that the model does not know are let through: a client of the real node may send them.
#[derive(Deserialize)]
struct Deployment {
    name: String,
    wasm_b64: String,
}

#[derive(Default, Deserialize)]
struct Invocation {
    export: Option<String>,
    args: Option<Value>,
}

impl Node {
    pub(super) fn deploy(&mut self, now: u64, request: &Request, outputs: &mut Vec<Output>) -> Response {
        let deployment = match deployment(request) {
            Ok(deployment) => deployment,
            Err(refusal) => return refusal,
        };
        let (name, wasm_bytes) = deployment;
        if self.functions.len() >= FUNCTIONS_MAX {
            return Response::error(503, "capacity_exhausted", "too many functions are deployed");
        }
        let mut id = self.new_uuid(now, &name);
        // Ids of functions that came back from a snapshot could be hit when the caller's clock begins anew.
        for _ in 0..FUNCTIONS_MAX {
            if !self.functions.contains_key(&id) {
                break;
            }
            id = self.new_uuid(now, &name);
        }
        let tenant =
            request.values("x-tensorwasm-tenant").next().and_then(|value| value.trim().parse().ok()).unwrap_or(0);
        let body = format!("{{\"id\":\"{id}\"}}");
        self.functions.insert(id.clone(), FunctionRecord { id, name, tenant, wasm_bytes });
        self.write_registry(now, outputs);
        Response::json(200, body)
    }

    pub(super) fn remove(&mut self, now: u64, id: &str, outputs: &mut Vec<Output>) -> Response {
        if self.functions.remove(id).is_none() {
            return no_such_function();
        }
        self.write_registry(now, outputs);
        Response::empty(204)
    }

    pub(super) fn invoke(&mut self, now: u64, id: &str, request: &Request) -> Answer {
        if !self.functions.contains_key(id) {
            return Answer::Now(no_such_function());
        }
        let asked = match asked(request) {
            Ok(asked) => asked,
            Err(refusal) => return Answer::Now(refusal),
        };
        self.metrics.instance_spawned();
        if self.release.invoke_dispatches_kernel {
            self.metrics.kernels_dispatched(KERNEL_US, 1);
        }
        self.error_debt += self.release.error_share_percent();
        let fails = self.error_debt >= 100;
        if fails {
            self.error_debt -= 100;
        }
        let hold_us = match asked {
            Asked::Hold(hold_us) if !fails => hold_us.saturating_add(u64::from(self.release.invoke_delay_ms()) * 1000),
            // A trap comes at once, whatever the guest was asked to hold.
            Asked::Hold(_) | Asked::Trap => {
                self.metrics.instance_terminated();
                return Answer::Now(Response::error(500, "wasmtime", "internal execution error"));
            }
        };
        let body = format!("{{\"function_id\":\"{id}\",\"result\":\"ok\"}}");
        let done = Response::json(200, body);
        match hold_us {
            0 => {
                self.metrics.instance_terminated();
                Answer::Now(done)
            }
            hold if hold > TIMEOUT_US => Answer::Later {
                due: now.saturating_add(TIMEOUT_US),
                response: Response::error(504, "invoke_timeout", "invocation deadline exceeded"),
                counted: true,
                runs_guest: true,
            },
            hold => Answer::Later { due: now.saturating_add(hold), response: done, counted: true, runs_guest: true },
        }
    }

    /// A UUID from what the node was told and how many it gave out: no randomness, and yet none twice in a process.
    pub(super) fn new_uuid(&mut self, now: u64, purpose: &str) -> String {
        self.sequence += 1;
        let wall = super::wall(self.epoch_unix_us, now);
        let digest = Sha256::digest(format!("{wall} {} {purpose}", self.sequence));
        let mut bytes: Vec<u8> = digest.iter().take(16).copied().collect();
        if let [_, _, _, _, _, _, version, _, variant, ..] = bytes.as_mut_slice() {
            *version = *version & 0x0f | 0x40;
            *variant = *variant & 0x3f | 0x80;
        }
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            let digits = [byte >> 4, byte & 0x0f].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            text.extend(digits);
        }
        text
    }
}

fn no_such_function() -> Response {
    Response::error(404, "not_found", "no such function")
}

fn body(request: &Request) -> &[u8] {
    match &request.body {
        RequestBody::Complete(bytes) => bytes,
        RequestBody::TooLarge | RequestBody::NotReceived => &[],
    }
}

/// The name and the module's length of a deployment.
fn deployment(request: &Request) -> Result<(String, u64), Response> {
    let bad = |kind: &str, message: &str| Err(Response::error(400, kind, message));
    let json_type = request.values("content-type").next().is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
    });
    if !json_type {
        return bad("invalid_json", "the content type is not JSON");
    }
    let Ok(deployment) = serde_json::from_slice::<Deployment>(body(request)) else {
        return bad("invalid_json", "the body is not JSON with the strings `name` and `wasm_b64`");
    };
    let name = deployment.name;
    if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
        return bad("invalid_name", "a name has 1 to 256 bytes and no control characters");
    }
    let Ok(wasm) = STANDARD.decode(&deployment.wasm_b64) else {
        return bad("invalid_base64", "wasm_b64 is not base64");
    };
    if !wasm.starts_with(b"\0asm") {
        return bad("invalid_wasm", "wasm_b64 is not a WebAssembly module");
    }
    Ok((name, wasm.len() as u64))
}

/// What an invoke asks of its function.
pub(super) fn asked(request: &Request) -> Result<Asked, Response> {
    let body = body(request);
    let invocation = if body.is_empty() {
        Invocation::default()
    } else {
        let Ok(invocation) = serde_json::from_slice::<Invocation>(body) else {
            return Err(Response::error(400, "invalid_json", "the body is not JSON with `export` and `args`"));
        };
        invocation
    };
    let bad = |message: &str| Err(Response::error(400, "invalid_args", message));
    let args = match invocation.args {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(args)) => args,
        Some(_) => return bad("args is not a list"),
    };
    if args.len() > ARGS_MAX {
        return Err(Response::error(400, "too_many_args", "at most 16 arguments"));
    }
    if args.iter().any(|arg| !arg.is_number()) {
        return bad("arguments are numbers");
    }
    match invocation.export.as_deref() {
        Some(HOLD_MS) => {}
        Some(TRAP) => return Ok(Asked::Trap),
        _ => return Ok(Asked::Hold(0)),
    }
    match args.as_slice() {
        [arg] => match arg.as_u64() {
            Some(ms) => Ok(Asked::Hold(ms.saturating_mul(1000))),
            None => bad("hold_ms takes one whole number of milliseconds"),
        },
        _ => bad("hold_ms takes one whole number of milliseconds"),
    }
}
