//! The routes of the model and their labels in metrics (node-contract.md sections 2 and 3).

use crate::http::Response;

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/healthz`
    Healthz,
    /// `/metrics`
    Metrics,
    /// `/functions`
    Functions,
    /// `/functions/:id`
    Function(String),
    /// `/functions/:id/invoke`
    Invoke(String),
    /// Any other.
    Unknown,
}

impl Route {
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/healthz" => return Self::Healthz,
            "/metrics" => return Self::Metrics,
            "/functions" => return Self::Functions,
            _ => {}
        }
        let mut parts = path.strip_prefix("/functions/").unwrap_or_default().split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(id), None, None) if !id.is_empty() => Self::Function(id.to_owned()),
            (Some(id), Some("invoke"), None) if !id.is_empty() => Self::Invoke(id.to_owned()),
            _ => Self::Unknown,
        }
    }

    /// The `route` label: the template, never the path.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::Healthz => "/healthz",
            Self::Metrics => "/metrics",
            Self::Functions => "/functions",
            Self::Function(_) => "/functions/:id",
            Self::Invoke(_) => "/functions/:id/invoke",
            Self::Unknown => "unknown",
        }
    }

    fn allow(&self) -> &'static str {
        match self {
            Self::Healthz | Self::Metrics => "GET,HEAD",
            Self::Functions | Self::Invoke(_) => "POST",
            Self::Function(_) => "DELETE",
            Self::Unknown => "",
        }
    }

    pub(super) fn changes_state(&self, method: &str) -> bool {
        matches!((self, method), (Self::Functions | Self::Invoke(_), "POST") | (Self::Function(_), "DELETE"))
    }

    pub(super) fn method_not_allowed(&self) -> Response {
        Response::empty(405).with("allow", self.allow())
    }
}

/// The `method` label: one of a closed set, so that no caller can make series without end.
pub(super) fn method_label(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("unknown")
}
