//! Which series an expression rests on.

use crate::labels::Labels;

use super::{Expr, Node};

impl Expr {
    /// Whether one of its selectors means the series with these labels, its name among them.
    pub fn sees(&self, labels: &Labels) -> bool {
        let mut seen = false;
        self.0.walk(&mut |node| {
            if let Node::Instant(of) | Node::Rate { of, .. } = node {
                seen |= of.metric == labels.name() && of.matchers.iter().all(|one| one.fits(labels.get(&one.label)));
            }
        });
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_seen_by_name_and_every_matcher() {
        let expr = Expr::parse(r#"sum(rate(m{status=~"5..", route!="x"}[5m])) / sum(n)"#).unwrap();
        for (name, status, route, wanted) in [
            ("m", "500", "y", true),
            ("m", "500", "", true),
            ("m", "500", "x", false),
            ("m", "200", "y", false),
            ("n", "200", "x", true),
            ("o", "500", "y", false),
        ] {
            let labels = Labels::metric(name, [("status", status), ("route", route)]);
            assert_eq!(expr.sees(&labels), wanted, "{labels}");
        }
    }
}
