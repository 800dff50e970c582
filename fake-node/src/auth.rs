//! Who may call: API tokens with their tenant scope, the tenant header, the Host allowlist (node-contract.md sections 2, 4).

use crate::http::{Request, Response};

/// A secret from the environment or the command line; its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself, to be sent and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether that is the secret. Looks at every byte, as code that compares secrets should.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.0.len() == other.len() && self.0.bytes().zip(other.bytes()).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// The tenants that a token may speak for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Any.
    Wildcard,
    /// That one.
    Tenant(u64),
}

/// A configured token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the caller sends.
    pub secret: Secret,
    /// What it may do.
    pub scope: Scope,
}

/// The tokens of `TENSOR_WASM_API_TOKENS`, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenList {
    /// The tokens, in order; at most [`TOKENS_MAX`].
    pub tokens: Vec<Token>,
    /// How many had no scope and so got the wildcard (deprecated).
    pub bare: usize,
    /// How many entries were dropped because their scope cannot be read.
    pub dropped: usize,
}

/// Most tokens kept.
pub const TOKENS_MAX: usize = 1024;

impl TokenList {
    /// Reads `token:tenant=*,token:tenant=7,bare`. Blanks round an entry and empty entries do not count.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (secret, scope) = match entry.split_once(":tenant=") {
                None => {
                    list.bare += 1;
                    (entry, Some(Scope::Wildcard))
                }
                Some((secret, "*")) => (secret, Some(Scope::Wildcard)),
                Some((secret, tenant)) => (secret, tenant.parse().ok().map(Scope::Tenant)),
            };
            match scope {
                Some(scope) if !secret.is_empty() && list.tokens.len() < TOKENS_MAX => {
                    list.tokens.push(Token { secret: Secret::new(secret), scope });
                }
                _ => list.dropped += 1,
            }
        }
        list
    }
}

/// A caller that may go on: the index of its token (0 in dev mode) and the tenant it speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Index of its token.
    pub token: usize,
    /// Tenant, 0 without a header.
    pub tenant: u64,
}

/// Finds the caller of a protected route: bearer first, then tenant.
///
/// # Errors
/// The answer to give: 400, 401 or 403 with the kind of node-contract.md section 2.
pub fn caller(request: &Request, tokens: &[Token], dev_mode: bool, tenant_required: bool) -> Result<Caller, Response> {
    let open = tokens.is_empty() && dev_mode;
    let (token, scope) = if open { (0, Scope::Wildcard) } else { bearer(request, tokens)? };
    let tenant = tenant(request, tenant_required)?;
    match scope {
        Scope::Tenant(own) if own != tenant => {
            Err(Response::error(403, "tenant_scope_denied", "the token is not scoped to this tenant"))
        }
        Scope::Tenant(_) | Scope::Wildcard => Ok(Caller { token, tenant }),
    }
}

/// Whether the request carries that bearer token, exactly once.
#[must_use]
pub fn carries(request: &Request, secret: &Secret) -> bool {
    let mut values = request.values("authorization");
    matches!((values.next().and_then(bearer_token), values.next()), (Some(token), None) if secret.is(token))
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn bearer(request: &Request, tokens: &[Token]) -> Result<(usize, Scope), Response> {
    let mut values = request.values("authorization");
    let Some(value) = values.next() else {
        return Err(Response::error(401, "unauthorized", "missing bearer token"));
    };
    if values.next().is_some() {
        return Err(Response::error(400, "bad_request", "more than one Authorization header"));
    }
    let Some(sent) = bearer_token(value) else {
        return Err(Response::error(401, "invalid_auth", "the Authorization header is not of the form `Bearer TOKEN`"));
    };
    let found = tokens.iter().enumerate().find(|(_, token)| token.secret.is(sent));
    found
        .map(|(index, token)| (index, token.scope))
        .ok_or_else(|| Response::error(401, "unauthorized", "unknown bearer token"))
}

fn tenant(request: &Request, required: bool) -> Result<u64, Response> {
    let mut values = request.values("x-tensorwasm-tenant");
    match (values.next(), values.next()) {
        (None, _) if required => Err(Response::error(400, "missing_tenant", "X-TensorWasm-Tenant is required")),
        (None, _) => Ok(0),
        (Some(_), Some(_)) => {
            Err(Response::error(400, "duplicate_tenant_header", "more than one X-TensorWasm-Tenant header"))
        }
        (Some(value), None) => value.trim().parse().map_err(|_| {
            Response::error(400, "invalid_tenant", "X-TensorWasm-Tenant is not an unsigned 64-bit integer")
        }),
    }
}

/// Whether the Host allowlist lets the request in. As in the real node only the ports 80 and 443 are cut off, so with
/// any list `Host: localhost:8080` is refused, even when `localhost` is on it.
#[must_use]
pub fn host_allowed(request: &Request, trusted: &[String]) -> bool {
    if trusted.is_empty() {
        return true;
    }
    let Some(host) = request.values("host").next() else {
        return false;
    };
    let host = host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host);
    trusted.iter().any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_lists() {
        // (text, scopes, bare, dropped)
        let cases: [(&str, &[Scope], usize, usize); 7] = [
            ("", &[], 0, 0),
            ("a:tenant=*", &[Scope::Wildcard], 0, 0),
            (" a:tenant=7 , b:tenant=* ,", &[Scope::Tenant(7), Scope::Wildcard], 0, 0),
            ("bare", &[Scope::Wildcard], 1, 0),
            ("a:tenant=x,b", &[Scope::Wildcard], 1, 1),
            (":tenant=*", &[], 0, 1),
            ("a:tenant=", &[], 0, 1),
        ];
        for (text, scopes, bare, dropped) in cases {
            let list = TokenList::parse(text);
            let found: Vec<Scope> = list.tokens.iter().map(|token| token.scope).collect();
            assert_eq!((found.as_slice(), list.bare, list.dropped), (scopes, bare, dropped), "{text:?}");
        }
        assert!(!format!("{:?}", TokenList::parse("hunter2")).contains("hunter2"));
    }

    #[test]
    fn callers() {
        let tokens = TokenList::parse("all:tenant=*,seven:tenant=7").tokens;
        let request = || Request::new("POST", "/functions");
        // (request, required, status of the refusal and kind, or the caller)
        let cases = [
            (request(), false, Err((401, "unauthorized"))),
            (request().bearer("wrong"), false, Err((401, "unauthorized"))),
            (request().header("authorization", "Basic all"), false, Err((401, "invalid_auth"))),
            (request().header("authorization", "all"), false, Err((401, "invalid_auth"))),
            (request().bearer("all").bearer("all"), false, Err((400, "bad_request"))),
            (request().bearer("all"), false, Ok(Caller { token: 0, tenant: 0 })),
            (request().header("Authorization", "bearer all"), false, Ok(Caller { token: 0, tenant: 0 })),
            (request().bearer("all"), true, Err((400, "missing_tenant"))),
            (request().bearer("all").header("X-TensorWasm-Tenant", "-1"), false, Err((400, "invalid_tenant"))),
            (request().bearer("all").header("X-TensorWasm-Tenant", "9"), true, Ok(Caller { token: 0, tenant: 9 })),
            (
                request().bearer("all").header("X-TensorWasm-Tenant", "1").header("x-tensorwasm-tenant", "1"),
                false,
                Err((400, "duplicate_tenant_header")),
            ),
            (request().bearer("seven"), false, Err((403, "tenant_scope_denied"))),
            (request().bearer("seven").header("X-TensorWasm-Tenant", "7"), false, Ok(Caller { token: 1, tenant: 7 })),
        ];
        for (number, (request, required, expected)) in cases.into_iter().enumerate() {
            let got = caller(&request, &tokens, true, required);
            match (got, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "case {number}"),
                (Err(response), Err((status, kind))) => {
                    assert_eq!(response.status, status, "case {number}");
                    assert!(String::from_utf8(response.body).unwrap().contains(kind), "case {number}");
                }
                (got, expected) => panic!("case {number}: {got:?}, expected {expected:?}"),
            }
        }
        assert!(caller(&request(), &[], true, false).is_ok(), "dev mode opens a node without tokens");
        assert!(caller(&request(), &[], false, false).is_err(), "and nothing else does");
    }

    #[test]
    fn hosts() {
        let list = ["localhost".to_owned(), "node.example".to_owned()];
        let host = |value: &str| Request { headers: vec![("Host".into(), value.into())], ..Request::new("GET", "/") };
        for (value, allowed) in [
            ("localhost", true),
            ("LOCALHOST:80", true),
            ("node.example:443", true),
            ("localhost:8080", false),
            ("x", false),
        ] {
            assert_eq!(host_allowed(&host(value), &list), allowed, "{value}");
        }
        assert!(host_allowed(&host("anything"), &[]));
        assert!(!host_allowed(&Request { headers: vec![], ..Request::new("GET", "/") }, &list));
    }
}
