//! Label sets, as Prometheus has them: sorted by name, and an empty value is as good as none.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A label set. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

/// By names and values. What is a clone of the same set is told so without reading either; equality does that by itself.
impl Ord for Labels {
    fn cmp(&self, other: &Labels) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Labels) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Labels {
    /// Of names and values in any order. Of two values for a name the later one holds; empty values are left out.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Labels {
        let mut all: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (Arc::from(name.as_ref()), Arc::from(value.as_ref()));
            match all.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(at) => all[at].1 = value,
                Err(at) => all.insert(at, (name, value)),
            }
        }
        all.retain(|(_, value)| !value.is_empty());
        Labels(all.into())
    }

    /// Of a metric with these labels besides its name.
    pub fn metric<N: AsRef<str>, V: AsRef<str>>(name: &str, pairs: impl IntoIterator<Item = (N, V)>) -> Labels {
        let mut all = vec![(METRIC_NAME.to_owned(), name.to_owned())];
        all.extend(pairs.into_iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())));
        Labels::new(all)
    }

    /// The value of a label, or nothing as an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| &**known == name).map_or("", |(_, value)| value)
    }

    /// The metric's name, or an empty text.
    pub fn name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether it is the empty set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The set without these labels.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Labels {
        if !self.0.iter().any(|(name, _)| names.contains(&&**name)) {
            return self.clone();
        }
        Labels(self.0.iter().filter(|(name, _)| !names.contains(&&**name)).cloned().collect())
    }

    /// Of the set only these labels.
    #[must_use]
    pub fn only(&self, names: &[String]) -> Labels {
        if names.is_empty() {
            return Labels::default();
        }
        Labels(self.0.iter().filter(|(name, _)| names.iter().any(|wanted| **wanted == **name)).cloned().collect())
    }

    /// The set with these labels besides; they take the place of its own.
    #[must_use]
    pub fn with<N: AsRef<str>, V: AsRef<str>>(&self, pairs: impl IntoIterator<Item = (N, V)>) -> Labels {
        let mut all: Vec<(String, String)> = self.iter().map(|(name, value)| (name.into(), value.into())).collect();
        all.extend(pairs.into_iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())));
        Labels::new(all)
    }
}

/// As Prometheus writes a series: `up{job="node"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let mut before = "{";
        for (name, value) in self.iter().filter(|(name, _)| *name != METRIC_NAME) {
            write!(f, "{before}{name}={}", quoted(value))?;
            before = ", ";
        }
        match before {
            "{" if self.name().is_empty() => f.write_str("{}"),
            "{" => Ok(()),
            _ => f.write_str("}"),
        }
    }
}

/// A text in double quotes, as PromQL and YAML both read it.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_control() => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_and_has_no_empty_values() {
        let labels = Labels::metric("m", [("b", "2"), ("a", "1"), ("c", ""), ("a", "3")]);
        assert_eq!(labels.to_string(), r#"m{a="3", b="2"}"#);
        assert_eq!(labels.get("c"), "");
        assert_eq!(labels, Labels::new([("a", "3"), ("b", "2"), ("__name__", "m")]));
        assert_eq!(labels.without(&["__name__", "b"]).to_string(), r#"{a="3"}"#);
        assert_eq!(labels.only(&["b".to_owned(), "x".to_owned()]).to_string(), r#"{b="2"}"#);
        assert_eq!(labels.with([("b", "9"), ("a", "")]).to_string(), r#"m{b="9"}"#);
        assert_eq!(Labels::default().to_string(), "{}");
        assert_eq!(Labels::new([("__name__", "up")]).to_string(), "up");
    }

    #[test]
    fn values_are_quoted() {
        assert_eq!(Labels::new([("a", "x\"\\\n\u{1}")]).to_string(), "{a=\"x\\\"\\\\\\n\\u0001\"}");
    }
}
