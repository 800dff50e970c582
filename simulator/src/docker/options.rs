//! The command line of a subcommand, read as the client's parser (spf13/pflag) reads it.

/// What a subcommand takes.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Options that are modelled, parted by blanks: `d,detach name= e,env=`; a sign of equality means a value.
    pub known: &'static str,
    /// Options that the real client has and this one has not, in the same form.
    pub refused: &'static str,
    /// Whether options may stand after operands.
    pub interspersed: bool,
}

/// Why a command line cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadOption {
    /// The client refuses it: its message.
    Wrong(String),
    /// The client takes it, the simulator does not.
    Unmodelled(String),
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// Options by their long names, in order.
    pub values: Vec<(&'static str, String)>,
    /// The rest.
    pub operands: Vec<String>,
}

struct Found {
    long: &'static str,
    takes_value: bool,
    known: bool,
}

impl Options {
    fn find(&self, is: impl Fn(&str, &str) -> bool) -> Option<Found> {
        [(self.known, true), (self.refused, false)].into_iter().find_map(|(list, known)| {
            list.split_ascii_whitespace().find_map(|entry| {
                let (name, takes_value) = entry.strip_suffix('=').map_or((entry, false), |name| (name, true));
                let (short, long) = name.split_once(',').unwrap_or(("", name));
                is(short, long).then_some(Found { long, takes_value, known })
            })
        })
    }

    /// Reads words; those that are not known before the command runs are `None` and taken as operands or values.
    ///
    /// # Errors
    /// See [`BadOption`].
    pub fn parse(&self, words: &[Option<&str>]) -> Result<Parsed, BadOption> {
        let mut parsed = Parsed::default();
        let mut rest = words.iter().copied();
        let text = |word: Option<&str>| word.unwrap_or("?").to_owned();
        while let Some(word) = rest.next() {
            let option = word.filter(|word| word.len() > 1 && word.starts_with('-'));
            let Some(option) = option else {
                parsed.operands.push(text(word));
                if self.interspersed {
                    continue;
                }
                break;
            };
            if option == "--" {
                break;
            }
            if let Some(long) = option.strip_prefix("--") {
                self.long(long, &mut parsed, &mut rest)?;
            } else {
                self.short(option, &mut parsed, &mut rest)?;
            }
        }
        parsed.operands.extend(rest.map(text));
        Ok(parsed)
    }

    fn long<'a>(
        &self,
        option: &str,
        parsed: &mut Parsed,
        rest: &mut impl Iterator<Item = Option<&'a str>>,
    ) -> Result<(), BadOption> {
        let (name, given) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let Some(found) = self.find(|_, long| long == name) else {
            return Err(BadOption::Wrong(format!("unknown flag: --{name}")));
        };
        let value = match (found.takes_value, given) {
            (true, Some(value)) => value.to_owned(),
            (true, None) => match rest.next() {
                Some(value) => value.unwrap_or("?").to_owned(),
                None => return Err(BadOption::Wrong(format!("flag needs an argument: --{name}"))),
            },
            (false, given) => truth(given, &format!("--{name}"))?,
        };
        found.into(parsed, value, &format!("--{name}"))
    }

    fn short<'a>(
        &self,
        option: &str,
        parsed: &mut Parsed,
        rest: &mut impl Iterator<Item = Option<&'a str>>,
    ) -> Result<(), BadOption> {
        let letters = option.get(1..).unwrap_or_default();
        for (at, letter) in letters.char_indices() {
            let mut encoded = [0; 4];
            let name = &*letter.encode_utf8(&mut encoded);
            let Some(found) = self.find(|short, _| short == name) else {
                return Err(BadOption::Wrong(format!("unknown shorthand flag: '{letter}' in -{letters}")));
            };
            let after = letters.get(at + letter.len_utf8()..).unwrap_or_default();
            if found.takes_value {
                let value = match after {
                    "" => match rest.next() {
                        Some(value) => value.unwrap_or("?").to_owned(),
                        None => {
                            let message = format!("flag needs an argument: '{letter}' in -{letters}");
                            return Err(BadOption::Wrong(message));
                        }
                    },
                    given => given.strip_prefix('=').unwrap_or(given).to_owned(),
                };
                return found.into(parsed, value, &format!("-{letter}"));
            }
            if let Some(given) = after.strip_prefix('=') {
                let value = truth(Some(given), &format!("-{letter}"))?;
                return found.into(parsed, value, &format!("-{letter}"));
            }
            found.into(parsed, "true".to_owned(), &format!("-{letter}"))?;
        }
        Ok(())
    }
}

impl Found {
    fn into(self, parsed: &mut Parsed, value: String, shown: &str) -> Result<(), BadOption> {
        if !self.known {
            return Err(BadOption::Unmodelled(shown.to_owned()));
        }
        parsed.values.push((self.long, value));
        Ok(())
    }
}

fn truth(given: Option<&str>, shown: &str) -> Result<String, BadOption> {
    match given {
        None | Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok("true".to_owned()),
        Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok("false".to_owned()),
        Some(other) => Err(BadOption::Wrong(format!(
            "invalid argument \"{other}\" for \"{shown}\" flag: strconv.ParseBool: parsing \"{other}\": invalid syntax"
        ))),
    }
}

impl Parsed {
    /// Whether a switch is on.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value != "false")
    }

    /// An option's last value.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(long, _)| *long == name).map(|(_, value)| value.as_str())
    }

    /// All values of an option.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(long, _)| *long == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Options = Options { known: "d,detach rm name= e,env=", refused: "gpus= t,tty", interspersed: false };

    fn parse(line: &str) -> Result<String, BadOption> {
        let words: Vec<Option<&str>> = line.split_whitespace().map(Some).collect();
        RUN.parse(&words).map(|parsed| {
            let values: Vec<String> = parsed.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} | {}", values.join(" "), parsed.operands.join(" "))
        })
    }

    #[test]
    fn a_command_line_is_read_as_pflag_reads_it() {
        let wrong = |text: &str| Err(BadOption::Wrong(text.to_owned()));
        let not = |text: &str| Err(BadOption::Unmodelled(text.to_owned()));
        let ok = |text: &str| Ok(text.to_owned());
        let cases = [
            ("-d --name a image -d", ok("detach=true name=a | image -d")),
            ("--name=a -eX=1 -e=Y=2 --rm=false image", ok("name=a env=X=1 env=Y=2 rm=false | image")),
            ("-deX=1 image", ok("detach=true env=X=1 | image")),
            ("-- -d", ok(" | -d")),
            ("--nosuch x", wrong("unknown flag: --nosuch")),
            ("-dx x", wrong("unknown shorthand flag: 'x' in -dx")),
            ("--name", wrong("flag needs an argument: --name")),
            ("-de", wrong("flag needs an argument: 'e' in -de")),
            ("--gpus all x", not("--gpus")),
            ("-dt x", not("-t")),
        ];
        for (line, wanted) in cases {
            assert_eq!(parse(line), wanted, "{line}");
        }
    }
}
