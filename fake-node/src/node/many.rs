//! Many requests that are alike, at once: what [`Node::handle`] does for each of them, without making the answers. For a
//! simulator, whose traffic and probes would cost more than all else.

use crate::auth::Caller;
use crate::http::{Request, RequestBody};
use crate::limiter::Admission;
use crate::metrics::Page;

use super::functions::{Asked, KERNEL_US, asked};
use super::route::Route;
use super::{IN_FLIGHT_MAX, Node, Phase};

/// Labels of invokes.
const INVOKES: (&str, &str) = ("/functions/:id/invoke", "POST");
/// Labels of health checks.
const CHECKS: (&str, &str) = ("/healthz", "GET");
/// Labels of scrapes.
const SCRAPES: (&str, &str) = ("/metrics", "GET");

/// An invoke that is answered at once each time that it comes, until another request has changed the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    caller: Caller,
    /// Its function traps.
    traps: bool,
}

impl Node {
    /// What an invoke comes to, if it is one whose like [`Node::invoke_many`] takes. `None`: hand it to [`Node::handle`].
    #[must_use]
    pub fn alike(&self, request: &Request) -> Option<Alike> {
        let config = &self.config;
        let complete = matches!(request.body, RequestBody::Complete(_));
        let Route::Invoke(id) = Route::of(request.path()) else { return None };
        let known = request.method == INVOKES.1 && complete && self.functions.contains_key(&id);
        if !known || !self.takes_alike(request) {
            return None;
        }
        let traps = match asked(request) {
            Ok(Asked::Hold(0)) if self.release.invoke_delay_ms() > 0 => return None,
            Ok(Asked::Hold(0)) => false,
            Ok(Asked::Trap) => true,
            Ok(Asked::Hold(_)) | Err(_) => return None,
        };
        crate::auth::caller(request, &config.tokens.tokens, config.dev_mode, config.tenant_required)
            .ok()
            .map(|caller| Alike { caller, traps })
    }

    /// Takes invokes in the order of their times, and tells the status of each. False: none was taken, since nothing that
    /// comes now is answered at once; hand them to [`Node::handle`].
    pub fn invoke_many(&mut self, arrivals: impl Iterator<Item = (u64, Alike)>, mut each: impl FnMut(u16)) -> bool {
        if self.phase == Phase::Ended || self.pending.len() >= IN_FLIGHT_MAX {
            return false;
        }
        let share = self.release.error_share_percent();
        let (mut done, mut failed, mut limited) = (0, 0, 0);
        for (now, Alike { caller, traps }) in arrivals {
            let status = match self.limiter.admit(now, caller.token, caller.tenant) {
                Admission::Limited { .. } | Admission::Full => {
                    limited += 1;
                    429
                }
                Admission::Admitted => {
                    self.error_debt += share;
                    let fails = self.error_debt >= 100;
                    if fails {
                        self.error_debt -= 100;
                    }
                    if fails || traps {
                        failed += 1;
                        500
                    } else {
                        done += 1;
                        200
                    }
                }
            };
            each(status);
        }
        let ran = done + failed;
        self.metrics.instances_ran(ran);
        if self.release.invoke_dispatches_kernel && ran > 0 {
            self.metrics.kernels_dispatched(KERNEL_US, ran);
        }
        if self.release.request_id_header {
            self.sequence += ran + limited;
        }
        for (status, times) in [(200, done), (500, failed), (429, limited)] {
            self.metrics.requests_answered(INVOKES.0, INVOKES.1, status, times);
        }
        true
    }

    /// Takes so many health checks like this one, each answered 200 at once. False: none was taken, since they are not.
    pub fn check_many(&mut self, request: &Request, times: u64) -> bool {
        let at_once = self.release.healthz_delay_ms() == 0 && self.pending.len() < IN_FLIGHT_MAX;
        let is_check = request.method == CHECKS.1 && Route::of(request.path()) == Route::Healthz;
        let complete = matches!(request.body, RequestBody::Complete(_));
        let taken = at_once && is_check && complete && self.takes_alike(request);
        if taken {
            self.metrics.requests_answered(CHECKS.0, CHECKS.1, 200, times);
        }
        taken
    }

    /// Takes a scrape whose page is not read as a whole. False: it was not taken, since its answer is none; hand it to
    /// [`Node::handle`].
    pub fn scrape_unread(&mut self, now: u64, request: &Request) -> bool {
        let taken = self.takes_scrape(now, request);
        if taken {
            self.metrics.requests_answered(SCRAPES.0, SCRAPES.1, 200, 1);
        }
        taken
    }

    /// Takes a scrape whose page is read without its text. False: as [`Node::scrape_unread`].
    pub fn scrape(&mut self, now: u64, request: &Request, read: impl FnOnce(&Page<'_>)) -> bool {
        let taken = self.takes_scrape(now, request);
        if taken {
            // A page shows its own scrape in flight, and not yet counted.
            self.metrics.request_begun(SCRAPES.0, SCRAPES.1);
            read(&self.metrics.page(&self.release, self.release.metrics_stalled()));
            self.metrics.request_ended(SCRAPES.0, SCRAPES.1, 200, 0);
        }
        taken
    }

    /// Invokes taken and not yet answered, as the page of metrics shows them.
    #[must_use]
    pub fn invokes_in_flight(&self) -> u64 {
        self.metrics.in_flight(INVOKES.0, INVOKES.1)
    }

    fn takes_scrape(&self, now: u64, request: &Request) -> bool {
        let token = self.config.metrics_token.as_ref();
        let may = token.is_none_or(|secret| crate::auth::carries(request, secret));
        let alive = !self.metrics_are_dead(now);
        let is_scrape = request.method == SCRAPES.1 && Route::of(request.path()) == Route::Metrics;
        let complete = matches!(request.body, RequestBody::Complete(_));
        may && alive && is_scrape && complete && self.pending.len() < IN_FLIGHT_MAX && self.takes_alike(request)
    }

    fn takes_alike(&self, request: &Request) -> bool {
        self.phase != Phase::Ended && crate::auth::host_allowed(request, &self.config.trusted_hosts)
    }
}
