//! A page of metrics without its text: the same samples in the same order as [`Metrics::render`] writes them, for whoever
//! would only read the text again.

use super::{Counters, HTTP_BUCKETS, Histogram, HttpLabels, KERNEL_BUCKETS, Metrics};
use crate::release::Release;

/// What a page shows, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    metrics: &'a Metrics,
    release: &'a Release,
    stalled: bool,
}

/// Which series a page has. While it stays the same for a node, its pages have the same series in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Series of a node come, and never go.
    http: usize,
    in_flight: usize,
}

/// Which series a sample is of; its name and labels are put together when they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesName {
    /// Without `tensor_wasm_` and suffix.
    family: &'static str,
    suffix: &'static str,
    le: Option<&'static str>,
    labels: Source,
}

/// Where labels are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    None,
    Http(HttpLabels),
    InFlight(&'static str, &'static str),
    /// The release.
    Build,
}

impl SeriesName {
    fn plain(family: &'static str, suffix: &'static str) -> SeriesName {
        SeriesName { family, suffix, le: None, labels: Source::None }
    }

    /// The sample's name, e.g. `tensor_wasm_http_requests_total`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("tensor_wasm_{}{}", self.family, self.suffix)
    }

    /// Names and values of its labels, as they stand in the text, without escapes. `None`: they are the release's, and none
    /// is given.
    #[must_use]
    pub fn labels(&self, release: Option<&Release>) -> Option<Vec<(&'static str, String)>> {
        let mut labels: Vec<_> = self.le.map(|le| ("le", le.to_owned())).into_iter().collect();
        match self.labels {
            Source::None => {}
            Source::Http((route, method, status)) => labels.extend([
                ("route", route.to_owned()),
                ("method", method.to_owned()),
                ("status", status.to_string()),
            ]),
            Source::InFlight(route, method) => {
                labels.extend([("route", route.to_owned()), ("method", method.to_owned())]);
            }
            Source::Build => {
                let release = release?;
                let build = &release.build_info;
                labels.extend([
                    ("version", release.version.to_string()),
                    ("git_sha", build.git_sha.clone()),
                    ("rustc_version", build.rustc_version.clone()),
                    ("profile", build.profile.clone()),
                    ("target", build.target.clone()),
                ]);
            }
        }
        Some(labels)
    }
}

impl Metrics {
    /// What [`Metrics::render`] would write.
    #[must_use]
    pub fn page<'a>(&'a self, release: &'a Release, stalled: bool) -> Page<'a> {
        Page { metrics: self, release, stalled }
    }

    /// All samples in the order of [`Metrics::render`]. With `stalled` as there.
    pub fn samples(&self, stalled: bool, each: impl FnMut(SeriesName, f64)) {
        self.tell(stalled, &mut Named(each));
    }

    fn tell(&self, stalled: bool, to: &mut impl Takes) {
        let frozen = Counters::default();
        let counters = if stalled { &frozen } else { &self.counters };
        let plain = SeriesName::plain;
        to.take(|| plain("active_instances", ""), number(self.active_instances));
        to.take(|| plain("gpu_memory_used_bytes", ""), 0.0);
        to.take(|| plain("kernel_dispatches", "_total"), number(counters.kernel_dispatches));
        counters.kernel_latency.tell(plain("kernel_latency_seconds", ""), &KERNEL_BUCKETS, to);
        to.take(|| plain("instance_spawns", "_total"), number(counters.spawns));
        to.take(|| plain("instance_terminations", "_total"), number(counters.terminations));
        to.take(|| plain("offload_success", "_total"), 0.0);
        to.take(|| plain("offload_fallback", "_total"), 0.0);
        for (labels, histogram) in &counters.http {
            let labels = || Source::Http(*labels);
            to.take(|| SeriesName { labels: labels(), ..plain("http_requests", "_total") }, number(histogram.count));
        }
        for (labels, histogram) in &counters.http {
            let of = SeriesName { labels: Source::Http(*labels), ..plain("http_request_duration_seconds", "") };
            histogram.tell(of, &HTTP_BUCKETS, to);
        }
        for ((route, method), count) in &self.in_flight {
            let labels = || Source::InFlight(route, method);
            to.take(|| SeriesName { labels: labels(), ..plain("http_requests_in_flight", "") }, number(*count));
        }
        to.take(|| SeriesName { labels: Source::Build, ..plain("build_info", "") }, 1.0);
        to.take(|| plain("jobs_active", ""), 0.0);
        to.take(|| plain("streaming_chunks_emitted", "_total"), 0.0);
    }
}

/// Who is told samples. Whoever knows their series already does not have names made.
trait Takes {
    fn take(&mut self, series: impl FnOnce() -> SeriesName, value: f64);
}

struct Named<F>(F);

impl<F: FnMut(SeriesName, f64)> Takes for Named<F> {
    fn take(&mut self, series: impl FnOnce() -> SeriesName, value: f64) {
        (self.0)(series(), value);
    }
}

impl Takes for Vec<f64> {
    fn take(&mut self, _: impl FnOnce() -> SeriesName, value: f64) {
        self.push(value);
    }
}

/// Counters of a node are whole numbers below 2^53.
fn number(value: u64) -> f64 {
    value as f64
}

impl Page<'_> {
    /// Which series it has.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let http = if self.stalled { 0 } else { self.metrics.counters.http.len() };
        Shape { http, in_flight: self.metrics.in_flight.len() }
    }

    /// All samples, in the order of the text.
    pub fn samples(&self, each: impl FnMut(SeriesName, f64)) {
        self.metrics.samples(self.stalled, each);
    }

    /// Puts the values of all samples behind these, in the same order.
    pub fn values(&self, values: &mut Vec<f64>) {
        self.metrics.tell(self.stalled, values);
    }

    /// The labels of one of its series.
    #[must_use]
    pub fn labels(&self, series: SeriesName) -> Vec<(&'static str, String)> {
        series.labels(Some(self.release)).unwrap_or_default()
    }
}

impl Histogram {
    fn tell(&self, of: SeriesName, bounds: &[(u64, &'static str)], to: &mut impl Takes) {
        // Of a number of microseconds in decimal the nearest float; so is the quotient.
        to.take(|| SeriesName { suffix: "_sum", ..of }, number(self.sum_us) / 1e6);
        to.take(|| SeriesName { suffix: "_count", ..of }, number(self.count));
        let mut cumulative = 0u64;
        for ((_, le), count) in bounds.iter().zip(&self.buckets) {
            cumulative += count;
            to.take(|| SeriesName { suffix: "_bucket", le: Some(le), ..of }, number(cumulative));
        }
        to.take(|| SeriesName { suffix: "_bucket", le: Some("+Inf"), ..of }, number(self.count));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exposition;
    use crate::release::tests::documented;

    const ROUTES: [(&str, &str); 3] = [("/healthz", "GET"), ("/functions/:id/invoke", "POST"), ("unknown", "GET")];

    fn read(page: &Page<'_>) -> Vec<exposition::Sample> {
        let mut samples = Vec::new();
        page.samples(|series, value| {
            let labels = page.labels(series).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            samples.push(exposition::Sample { name: series.name(), labels, value });
        });
        samples
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_has_the_samples_of_the_text_in_their_order(
            requests in prop::collection::vec((0usize..3, 200u16..203, 0u64..20_000_000, 1u64..5), 0..40),
            kernels in prop::collection::vec((0u64..20_000_000, 1u64..5), 0..8),
            alive in 0u64..4,
            stalled: bool,
            git_sha in "[a-z\"\\\\\n]{0,6}",
        ) {
            let (mut metrics, mut release) = (Metrics::default(), documented("v0.4.0"));
            release.build_info.git_sha = git_sha;
            for (route, status, took, times) in requests {
                let (route, method) = ROUTES[route];
                for _ in 0..times {
                    metrics.request_begun(route, method);
                    metrics.request_ended(route, method, status, took);
                }
            }
            kernels.iter().for_each(|(latency, times)| metrics.kernels_dispatched(*latency, *times));
            (0..alive).for_each(|_| metrics.instance_spawned());
            let text = exposition::parse(&metrics.render(&release, stalled)).unwrap();
            let page = metrics.page(&release, stalled);
            let mut values = Vec::new();
            page.values(&mut values);
            prop_assert_eq!(&values, &text.iter().map(|sample| sample.value).collect::<Vec<_>>());
            prop_assert_eq!(read(&page), text);
        }
    }

    #[test]
    fn its_shape_tells_when_a_series_is_new() {
        let release = documented("v0.4.0");
        let mut metrics = Metrics::default();
        let shape = |metrics: &Metrics, stalled| metrics.page(&release, stalled).shape();
        let empty = shape(&metrics, false);
        metrics.request_begun("/healthz", "GET");
        let begun = shape(&metrics, false);
        metrics.request_ended("/healthz", "GET", 200, 5);
        let ended = shape(&metrics, false);
        metrics.requests_answered("/healthz", "GET", 200, 9);
        assert_eq!(shape(&metrics, false), ended);
        assert!(empty != begun && begun != ended);
        assert_eq!(shape(&metrics, true), begun, "what is frozen is not shown");
    }
}
