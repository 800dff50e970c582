//! From a request to its answer: who may call, how fast, and what (node-contract.md section 2).

use crate::http::{Request, Response};
use crate::limiter::Admission;

use super::route::Route;
use super::{Answer, Node, Output, TIMEOUT_US};

impl Node {
    pub(super) fn answer(&mut self, now: u64, route: &Route, request: &Request, outputs: &mut Vec<Output>) -> Answer {
        let reads = matches!(request.method.as_str(), "GET" | "HEAD");
        match route {
            Route::Healthz if reads => return self.healthz(now),
            Route::Metrics if reads => return Answer::Now(self.metrics_page(now, request)),
            // Not protected, so a wrong method is told without a token.
            Route::Healthz | Route::Metrics => return Answer::Now(route.method_not_allowed()),
            Route::Functions | Route::Function(_) | Route::Invoke(_) | Route::Unknown => {}
        }
        if let Err(refusal) = self.admit(now, request) {
            return Answer::Now(refusal);
        }
        match (route, request.method.as_str()) {
            (Route::Unknown, _) => Answer::Now(Response::empty(404)),
            (Route::Functions, "POST") => Answer::Now(self.deploy(now, request, outputs)),
            (Route::Function(id), "DELETE") => Answer::Now(self.remove(now, id, outputs)),
            (Route::Invoke(id), "POST") => self.invoke(now, id, request),
            _ => Answer::Now(route.method_not_allowed()),
        }
    }

    fn healthz(&self, now: u64) -> Answer {
        let response = Response::json(200, "{\"status\":\"ok\"}");
        match u64::from(self.release.healthz_delay_ms()) * 1000 {
            0 => Answer::Now(response),
            delay if delay > TIMEOUT_US => Answer::Later {
                due: now.saturating_add(TIMEOUT_US),
                response: Response::empty(408),
                counted: false,
                runs_guest: false,
            },
            delay => Answer::Later { due: now.saturating_add(delay), response, counted: true, runs_guest: false },
        }
    }

    fn metrics_page(&self, now: u64, request: &Request) -> Response {
        if let Some(secret) = &self.config.metrics_token
            && !crate::auth::carries(request, secret)
        {
            return Response::error(401, "unauthorized", "missing or wrong bearer token for /metrics");
        }
        if self.metrics_are_dead(now) {
            return Response::error(500, "internal", "the metrics cannot be collected");
        }
        // Rendered before this scrape is counted, as the real node does: a scrape sees itself in flight only.
        let page = self.metrics.render(&self.release, self.release.metrics_stalled());
        Response::of_type(200, "text/plain; version=0.0.4", page)
    }

    pub(super) fn metrics_are_dead(&self, now: u64) -> bool {
        self.metrics_die_at.is_some_and(|at| at <= now)
    }

    fn admit(&mut self, now: u64, request: &Request) -> Result<(), Response> {
        let config = &self.config;
        let caller = crate::auth::caller(request, &config.tokens.tokens, config.dev_mode, config.tenant_required)?;
        let refuse = |kind: &str, message: &str, seconds: u64| {
            Err(Response::error(429, kind, message).with("retry-after", &seconds.to_string()))
        };
        match self.limiter.admit(now, caller.token, caller.tenant) {
            Admission::Admitted => Ok(()),
            Admission::Limited { retry_after_seconds } => {
                refuse("rate_limited", "too many requests of this token and tenant", retry_after_seconds)
            }
            Admission::Full => refuse("tenant_capacity_exhausted", "too many tenants at a time", 1),
        }
    }
}
