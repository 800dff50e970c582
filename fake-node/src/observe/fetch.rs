//! The fetches of `observe`: each within one timeout from connect to the last byte, each body bounded.

use std::io::Read;

use ureq::Agent;

use super::{Fetched, Limits, Observation};

/// Why a fetch gave no whole answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchFailure(pub String);

/// Looks at a node once: `/healthz`, then `/metrics`, each within `limits.timeout`. `addr` is its URL, without a path.
#[must_use]
pub fn observe_once(addr: &str, limits: &Limits) -> Observation {
    let config = Agent::config_builder()
        .timeout_global(Some(limits.timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // What the environment says of proxies has no bearing on a node's own address.
        .proxy(None)
        .max_response_header_size(64 * 1024)
        .max_idle_connections(0)
        .user_agent("tensor-wasm-observe")
        .build();
    let agent = config.new_agent();
    let base = addr.trim_end_matches('/');
    let health = fetch(&agent, &format!("{base}/healthz"), limits);
    let metrics = fetch(&agent, &format!("{base}/metrics"), limits);
    Observation::from_fetches(addr, health, metrics)
}

fn fetch(agent: &Agent, url: &str, limits: &Limits) -> Result<Fetched, FetchFailure> {
    let mut request = agent.get(url);
    if let Some(token) = &limits.token {
        request = request.header("authorization", format!("Bearer {}", token.expose()));
    }
    if limits.tenant != 0 {
        request = request.header("x-tensorwasm-tenant", limits.tenant.to_string());
    }
    let mut response = request.call().map_err(|error| explain(&error, limits))?;
    let status = response.status().as_u16();
    let declared = response
        .headers()
        .get("content-length")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    let mut body = Vec::new();
    // One byte over the limit tells a body that is too large from one that just fits.
    let mut reader = response.body_mut().as_reader().take(limits.body_bytes.saturating_add(1));
    reader.read_to_end(&mut body).map_err(|error| {
        let said = match error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            Some(inner) => explain(inner, limits).0,
            None => error.to_string(),
        };
        FetchFailure(format!("{said} after {} bytes of the body", body_so_far(declared)))
    })?;
    if body.len() as u64 > limits.body_bytes {
        return Err(FetchFailure(format!("the body is over {} bytes", limits.body_bytes)));
    }
    if let Some(declared) = declared.filter(|declared| *declared != body.len() as u64) {
        return Err(FetchFailure(format!("the body was cut: {} of {declared} bytes came", body.len())));
    }
    Ok(Fetched { status, body })
}

fn body_so_far(declared: Option<u64>) -> String {
    declared.map_or_else(|| "an unknown number of".to_owned(), |length| format!("fewer than {length}"))
}

fn explain(error: &ureq::Error, limits: &Limits) -> FetchFailure {
    FetchFailure(match error {
        ureq::Error::Timeout(_) => {
            format!("no whole answer within {} ms", limits.timeout.as_millis())
        }
        other => other.to_string(),
    })
}
