//! curl's command line. Only what is listed here is known; the rest is refused by name.

use crate::programs::sleep::duration;
use crate::time::Us;

/// Letter or `'\0'`, long name, whether it takes a value.
type Known = (char, &'static str, bool);

const KNOWN: [Known; 31] = [
    ('A', "user-agent", true),
    ('H', "header", true),
    ('I', "head", false),
    ('L', "location", false),
    ('N', "no-buffer", false),
    ('S', "show-error", false),
    ('X', "request", true),
    ('d', "data", true),
    ('f', "fail", false),
    ('g', "globoff", false),
    ('i', "show-headers", false),
    ('i', "include", false),
    ('k', "insecure", false),
    ('m', "max-time", true),
    ('o', "output", true),
    ('s', "silent", false),
    ('w', "write-out", true),
    ('4', "ipv4", false),
    ('\0', "connect-timeout", true),
    ('\0', "data-ascii", true),
    ('\0', "data-binary", true),
    ('\0', "data-raw", true),
    ('\0', "fail-with-body", false),
    ('\0', "http1.1", false),
    ('\0', "json", true),
    ('\0', "no-progress-meter", false),
    ('\0', "retry", true),
    ('\0', "retry-all-errors", false),
    ('\0', "retry-connrefused", false),
    ('\0', "retry-delay", true),
    ('\0', "url", true),
];

/// A body's part as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// As it stands.
    Text(String),
    /// From a file, with or without its newlines.
    File(String, bool),
}

/// What a command line asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// In order.
    pub urls: Vec<String>,
    /// -X
    pub method: Option<String>,
    /// -I
    pub head: bool,
    /// -i
    pub include: bool,
    /// -H, in order.
    pub headers: Vec<(String, String)>,
    /// -A
    pub agent: Option<String>,
    /// -d and its kin, in order.
    pub data: Vec<Data>,
    /// --json
    pub json: bool,
    /// -f
    pub fail: bool,
    /// --fail-with-body
    pub fail_with_body: bool,
    /// -s
    pub silent: bool,
    /// -S
    pub show_error: bool,
    /// --no-progress-meter
    pub no_meter: bool,
    /// -L
    pub follow: bool,
    /// -m
    pub within: Option<Us>,
    /// -o, one for each URL in turn.
    pub outputs: Vec<String>,
    /// -w
    pub write_out: Option<String>,
    /// --retry
    pub retries: u64,
    /// --retry-delay
    pub retry_delay: Option<Us>,
    /// --retry-connrefused
    pub retry_refused: bool,
    /// --retry-all-errors
    pub retry_all: bool,
}

/// Why a command line is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// curl's own message.
    Wrong(String),
    /// curl may know it, the model does not.
    Unmodelled(String),
}

impl Arguments {
    /// Reads the arguments without the program's name.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Arguments, Bad> {
        let mut arguments = Arguments::default();
        let mut words = words.into_iter();
        let mut only_urls = false;
        while let Some(word) = words.next() {
            if only_urls || !word.starts_with('-') || word == "-" {
                arguments.urls.push(word.to_owned());
            } else if word == "--" {
                only_urls = true;
            } else if let Some(name) = word.strip_prefix("--") {
                let known = KNOWN.iter().find(|(_, known, _)| *known == name);
                let Some((_, name, takes)) = known else { return Err(Bad::Unmodelled(word.to_owned())) };
                let missing = || Bad::Wrong(format!("option {word}: requires parameter"));
                let value = if *takes { words.next().ok_or_else(missing)? } else { "" };
                arguments.set(word, name, value)?;
            } else {
                for (at, letter) in word.char_indices().skip(1) {
                    let known = KNOWN.iter().find(|(known, ..)| *known == letter);
                    let option = format!("-{letter}");
                    let Some((_, name, takes)) = known else { return Err(Bad::Unmodelled(option)) };
                    if !*takes {
                        arguments.set(&option, name, "")?;
                        continue;
                    }
                    let attached = word.get(at + letter.len_utf8()..).filter(|rest| !rest.is_empty());
                    let missing = || Bad::Wrong(format!("option {option}: requires parameter"));
                    let value = attached.or_else(|| words.next()).ok_or_else(missing)?;
                    arguments.set(&option, name, value)?;
                    break;
                }
            }
        }
        Ok(arguments)
    }

    fn set(&mut self, option: &str, name: &str, value: &str) -> Result<(), Bad> {
        let numeric = || Bad::Wrong(format!("option {option}: expected a proper numerical parameter"));
        let seconds = |value: &str| {
            let plain = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            duration(value).filter(|_| plain).ok_or_else(numeric)
        };
        match name {
            "user-agent" => self.agent = Some(value.to_owned()),
            "header" => match value.split_once(':') {
                Some((name, text)) if !value.starts_with('@') && !text.trim().is_empty() => {
                    self.headers.push((name.to_owned(), text.trim().to_owned()));
                }
                _ => return Err(Bad::Unmodelled(format!("-H '{value}'"))),
            },
            "head" => self.head = true,
            "location" => self.follow = true,
            "show-error" => self.show_error = true,
            "request" => self.method = Some(value.to_owned()),
            "data" | "data-ascii" | "data-binary" => self.data.push(match value.strip_prefix('@') {
                Some("-") => return Err(Bad::Unmodelled(format!("{option} @-"))),
                Some(path) => Data::File(path.to_owned(), name == "data-binary"),
                None => Data::Text(value.to_owned()),
            }),
            "data-raw" => self.data.push(Data::Text(value.to_owned())),
            "json" => {
                self.json = true;
                self.data.push(match value.strip_prefix('@') {
                    Some(path) => Data::File(path.to_owned(), true),
                    None => Data::Text(value.to_owned()),
                });
            }
            "fail" => self.fail = true,
            "fail-with-body" => self.fail_with_body = true,
            "show-headers" | "include" => self.include = true,
            // 0 is no limit.
            "max-time" => self.within = Some(seconds(value)?).filter(|within| *within > 0),
            // On this machine nothing is slow to connect to.
            "connect-timeout" => drop(seconds(value)?),
            "output" => self.outputs.push(value.to_owned()),
            "silent" => self.silent = true,
            "no-progress-meter" => self.no_meter = true,
            "write-out" if value.starts_with('@') => return Err(Bad::Unmodelled(format!("-w {value}"))),
            "write-out" => self.write_out = Some(value.to_owned()),
            "retry" => self.retries = value.parse().map_err(|_| numeric())?,
            "retry-delay" => self.retry_delay = Some(seconds(value)?),
            "retry-connrefused" => self.retry_refused = true,
            "retry-all-errors" => self.retry_all = true,
            "url" => self.urls.push(value.to_owned()),
            // What changes nothing here: -N, -g, -k, -4, --http1.1.
            _ => {}
        }
        Ok(())
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host name.
    pub host: String,
    /// Port, 80 unless it is said.
    pub port: u16,
    /// Path and query.
    pub target: String,
    /// `host:port` as it stands, for the header `Host`.
    pub authority: String,
}

/// Why a URL is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadUrl {
    /// curl's status and message.
    Wrong(i32, String),
    /// Not modelled: what.
    Unmodelled(String),
}

/// Reads a URL of http, with or without its scheme.
pub fn url(text: &str) -> Result<Url, BadUrl> {
    let rejected = |why: &str| BadUrl::Wrong(3, format!("URL rejected: {why}"));
    if text.contains(['[', ']', '{', '}']) {
        return Err(BadUrl::Unmodelled(format!("the pattern {text}")));
    }
    if text.contains([' ', '\n', '\t']) {
        return Err(rejected("Malformed input to a URL function"));
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "http" => rest,
            "https" | "ftp" | "ftps" | "file" | "scp" | "sftp" | "ldap" | "ws" | "wss" | "telnet" | "dict" => {
                return Err(BadUrl::Unmodelled(format!("the scheme {scheme}")));
            }
            _ => return Err(BadUrl::Wrong(1, format!("Protocol \"{scheme}\" not supported"))),
        },
        None => text,
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, target) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if authority.contains('@') {
        return Err(BadUrl::Unmodelled("a user in the URL".into()));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, "")) => (host, 80),
        Some((host, port)) => {
            let wrong = || rejected("Port number was not a decimal number between 0 and 65535");
            (host, port.parse().map_err(|_| wrong())?)
        }
        None => (authority, 80),
    };
    if host.is_empty() {
        return Err(rejected("No host part in the URL"));
    }
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Ok(Url { host: host.to_owned(), port, target, authority: authority.trim_end_matches(':').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_read_as_curl_reads_them() {
        let given = Arguments::parse(["-sSfo", "/dev/null", "-m5", "http://localhost:8080/healthz"]).unwrap();
        assert!(given.silent && given.show_error && given.fail);
        assert_eq!((given.within, given.outputs.as_slice()), (Some(5_000_000), ["/dev/null".to_owned()].as_slice()));
        assert_eq!(given.urls, ["http://localhost:8080/healthz"]);
        let given = Arguments::parse(["--silent", "--max-time", "0.3", "--header", "A: b", "-X", "PUT", "x"]).unwrap();
        assert_eq!((given.within, given.method.as_deref()), (Some(300_000), Some("PUT")));
        assert_eq!(given.headers, [("A".to_owned(), "b".to_owned())]);
        let wrong = |text: &str| Err(Bad::Wrong(text.into()));
        assert_eq!(Arguments::parse(["-m", "x"]), wrong("option -m: expected a proper numerical parameter"));
        assert_eq!(Arguments::parse(["-m"]), wrong("option -m: requires parameter"));
        assert_eq!(Arguments::parse(["-sZ", "x"]), Err(Bad::Unmodelled("-Z".into())));
        assert_eq!(Arguments::parse(["--compressed"]), Err(Bad::Unmodelled("--compressed".into())));
    }

    #[test]
    fn urls_are_read_as_curl_reads_them() {
        let read = |text: &str| url(text).map(|url| (url.host, url.port, url.target));
        let ok = |host: &str, port, target: &str| Ok((host.to_owned(), port, target.to_owned()));
        assert_eq!(read("http://localhost:8080/healthz"), ok("localhost", 8080, "/healthz"));
        assert_eq!(read("localhost:8080"), ok("localhost", 8080, "/"));
        assert_eq!(read("HTTP://a?b=c#d"), ok("a", 80, "/?b=c"));
        let port = "URL rejected: Port number was not a decimal number between 0 and 65535";
        assert_eq!(read("http://a:99999/"), Err(BadUrl::Wrong(3, port.into())));
        assert_eq!(read("ftp2://x"), Err(BadUrl::Wrong(1, "Protocol \"ftp2\" not supported".into())));
        assert_eq!(read("https://x"), Err(BadUrl::Unmodelled("the scheme https".into())));
        assert_eq!(read("http:///x"), Err(BadUrl::Wrong(3, "URL rejected: No host part in the URL".into())));
    }
}
