//! Options as getopt_long(3) takes them, for `systemctl`, `journalctl` and `systemd-run`.

/// An option that a tool has.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Without `--`.
    pub long: &'static str,
    /// Without `-`.
    pub short: Option<char>,
    /// Whether it takes a value.
    pub value: Value,
    /// Whether the simulator knows what it does.
    pub modelled: bool,
}

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// It does not.
    None,
    /// It has to.
    Needed,
    /// Only written together with it.
    Optional,
}

/// An option without a value that is modelled.
pub const fn flag(long: &'static str, short: Option<char>) -> Known {
    Known { long, short, value: Value::None, modelled: true }
}

/// An option with a value that is modelled.
pub const fn with(long: &'static str, short: Option<char>) -> Known {
    Known { long, short, value: Value::Needed, modelled: true }
}

/// An option that the tool has and the simulator does not know.
pub const fn other(long: &'static str, short: Option<char>) -> Known {
    Known { long, short, value: Value::Optional, modelled: false }
}

/// What a command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Long names and values, in order.
    pub options: Vec<(&'static str, String)>,
    /// The rest.
    pub words: Vec<String>,
}

impl Parsed {
    /// Whether an option was given.
    pub fn has(&self, long: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == long)
    }

    /// The value that counts: the last.
    pub fn last(&self, long: &str) -> Option<&str> {
        self.options.iter().rev().find(|(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// All values.
    pub fn all<'a>(&'a self, long: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }
}

/// Why a command line is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The tool itself says so; its words without its name.
    Tool(String),
    /// The tool would take it; the simulator does not know it.
    Unknown(String),
}

/// Takes a command line apart.
///
/// # Errors
/// What is wrong with it.
pub fn parse(known: &[Known], arguments: &[String]) -> Result<Parsed, Wrong> {
    let mut parsed = Parsed::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            parsed.words.extend(arguments.by_ref().cloned());
        } else if let Some(long) = argument.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let option = known.iter().find(|option| option.long == name).ok_or_else(|| {
                // getopt_long takes an unambiguous beginning too.
                if known.iter().any(|option| option.long.starts_with(name)) {
                    Wrong::Unknown(format!("the shortened option --{name}"))
                } else {
                    Wrong::Tool(format!("unrecognized option '--{name}'"))
                }
            })?;
            if !option.modelled {
                return Err(Wrong::Unknown(format!("the option --{name}")));
            }
            let value = match (option.value, value) {
                (Value::None, None) | (Value::Optional, None) => String::new(),
                (Value::None, Some(_)) => {
                    return Err(Wrong::Tool(format!("option '--{name}' doesn't allow an argument")));
                }
                (_, Some(value)) => value.to_owned(),
                (Value::Needed, None) => arguments
                    .next()
                    .cloned()
                    .ok_or_else(|| Wrong::Tool(format!("option '--{name}' requires an argument")))?,
            };
            parsed.options.push((option.long, value));
        } else if let Some(cluster) = argument.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
            let mut rest = cluster;
            while let Some(letter) = rest.chars().next() {
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
                let option = known
                    .iter()
                    .find(|option| option.short == Some(letter))
                    .ok_or_else(|| Wrong::Tool(format!("invalid option -- '{letter}'")))?;
                if !option.modelled {
                    return Err(Wrong::Unknown(format!("the option -{letter}")));
                }
                let value = match option.value {
                    Value::None => String::new(),
                    Value::Optional => std::mem::take(&mut rest).to_owned(),
                    Value::Needed if !rest.is_empty() => std::mem::take(&mut rest).to_owned(),
                    Value::Needed => arguments
                        .next()
                        .cloned()
                        .ok_or_else(|| Wrong::Tool(format!("option requires an argument -- '{letter}'")))?,
                };
                parsed.options.push((option.long, value));
            }
        } else {
            parsed.words.push(argument.clone());
        }
    }
    Ok(parsed)
}

/// For `knows`: a command line of which some words are not known before it runs.
///
/// # Errors
/// What the simulator does not know. What the tool itself refuses is left to the run.
pub fn check(known: &[Known], arguments: &[Option<&str>]) -> Result<Parsed, String> {
    let words: Vec<String> = arguments.iter().map(|word| word.unwrap_or("\u{fffd}").to_owned()).collect();
    match parse(known, &words) {
        Ok(parsed) => Ok(parsed),
        Err(Wrong::Tool(_)) => Ok(Parsed::default()),
        Err(Wrong::Unknown(what)) => Err(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_as_getopt_takes_them() {
        const KNOWN: &[Known] = &[flag("quiet", Some('q')), with("unit", Some('u')), other("follow", Some('f'))];
        let parse = |line: &str| parse(KNOWN, &line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let said = parse("a -qu x --unit=y b --quiet -uz -- -q").unwrap();
        assert_eq!(said.words, ["a", "b", "-q"]);
        assert_eq!(said.all("unit").collect::<Vec<_>>(), ["x", "y", "z"]);
        assert!(said.has("quiet"));
        for (line, wrong) in [
            ("--frob", Wrong::Tool("unrecognized option '--frob'".into())),
            ("-Z", Wrong::Tool("invalid option -- 'Z'".into())),
            ("-u", Wrong::Tool("option requires an argument -- 'u'".into())),
            ("--unit", Wrong::Tool("option '--unit' requires an argument".into())),
            ("--quiet=1", Wrong::Tool("option '--quiet' doesn't allow an argument".into())),
            ("-f", Wrong::Unknown("the option -f".into())),
            ("--qui", Wrong::Unknown("the shortened option --qui".into())),
        ] {
            assert_eq!(parse(line), Err(wrong), "{line}");
        }
    }
}
