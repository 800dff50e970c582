//! Requests and responses of the node model, and the envelope of its errors (node-contract.md section 2).

use serde::Serialize;

/// What `vary` says on every answer that the CORS layer sees.
const VARY: &str = "origin, access-control-request-method, access-control-request-headers";

/// The body of a request as the transport got it.
#[derive(Clone, PartialEq, Eq)]
pub enum RequestBody {
    /// The whole body; empty when there is none.
    Complete(Vec<u8>),
    /// It is longer than the node's limit; the transport stopped reading.
    TooLarge,
    /// It did not arrive within the router's 30 s.
    NotReceived,
}

/// A request, parsed by a transport or made by a simulator.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method as sent, e.g. `GET`.
    pub method: String,
    /// The target as sent: path and query.
    pub target: String,
    /// Header names (any case) and values, in the order sent; `Host` is among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: RequestBody,
}

// By hand, so that neither a token in a header nor a body gets into a log or a History by way of `{:?}`.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = match &self.body {
            RequestBody::Complete(bytes) => format!("{} bytes", bytes.len()),
            RequestBody::TooLarge => "too large".to_owned(),
            RequestBody::NotReceived => "not received".to_owned(),
        };
        write!(f, "Request({} {}, {} headers, body {body})", self.method, self.target, self.headers.len())
    }
}

impl Request {
    /// A request without body, with `Host: localhost:8080`.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("host".to_owned(), "localhost:8080".to_owned())],
            body: RequestBody::Complete(Vec::new()),
        }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request with a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn json(mut self, body: &str) -> Self {
        self.body = RequestBody::Complete(body.as_bytes().to_vec());
        self.header("content-type", "application/json")
    }

    /// All values of a header, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The path of the target, without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }
}

/// An answer of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case and values.
    pub headers: Vec<(String, String)>,
    /// The body; for HEAD the transport sends its length only.
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: EnvelopeError<'a>,
}

#[derive(Serialize)]
struct EnvelopeError<'a> {
    kind: &'a str,
    message: &'a str,
}

impl Response {
    /// An answer without a body, with `vary`.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: vec![("vary".to_owned(), VARY.to_owned())], body: Vec::new() }
    }

    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::of_type(status, "application/json", body)
    }

    /// An answer with a body of that content type.
    #[must_use]
    pub fn of_type(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut response = Self::empty(status).with("content-type", content_type);
        response.body = body.into();
        response
    }

    /// The error envelope.
    #[must_use]
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        // Two strings always serialise; should that ever change, the status still says what happened.
        let body = serde_json::to_vec(&Envelope { error: EnvelopeError { kind, message } }).unwrap_or_default();
        Self::json(status, body)
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer without `vary`: it was given outside the CORS layer.
    #[must_use]
    pub fn outside_cors(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "vary");
        self
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
