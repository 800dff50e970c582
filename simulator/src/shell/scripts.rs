//! Texts that were parsed already: a machine runs the same scripts again and again, and so do the machines after it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::syntax::{Dialect, Script};
use super::{Refused, interpreter, parse_as};
use crate::monitoring::Engines;

/// Texts kept; a runbook has some dozens.
const TEXTS_MAX: usize = 4096;
/// Bytes of all texts that are kept; those of a topology and a runbook are some ten thousand.
const BYTES_MAX: usize = 1 << 20;

/// Parsed texts, and rules engines with their past. All clones share them: what one machine has worked out the others need not.
#[derive(Debug, Clone, Default)]
pub struct Scripts {
    texts: Arc<RwLock<Known>>,
    /// By what is asked of them.
    pub(crate) engines: Engines,
}

/// By dialect, since the same text is another script to another shell.
#[derive(Debug, Default)]
struct Known {
    bash: BTreeMap<String, Arc<Script>>,
    dash: BTreeMap<String, Arc<Script>>,
    bytes: usize,
}

impl Known {
    fn of(&self, dialect: Dialect) -> &BTreeMap<String, Arc<Script>> {
        match dialect {
            Dialect::Bash => &self.bash,
            Dialect::Dash => &self.dash,
        }
    }
}

impl Scripts {
    /// The text as a script, for the shell that its first line names.
    ///
    /// # Errors
    /// As [`super::parse`].
    pub fn parse(&self, text: &str) -> Result<Arc<Script>, Refused> {
        match interpreter(text) {
            Ok((dialect, _)) => self.parse_as(text, dialect),
            Err(_) => super::parse(text),
        }
    }

    /// The text as a script for a shell that is known.
    ///
    /// # Errors
    /// As [`parse_as`].
    pub fn parse_as(&self, text: &str, dialect: Dialect) -> Result<Arc<Script>, Refused> {
        // A map that was being written to when somebody panicked is whole all the same.
        let known = self.texts.read().unwrap_or_else(PoisonError::into_inner).of(dialect).get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let script = parse_as(text, dialect)?;
        let mut known = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = known.bytes.saturating_add(text.len());
        if bytes <= BYTES_MAX && known.bash.len() + known.dash.len() < TEXTS_MAX {
            known.bytes = bytes;
            let kept = match dialect {
                Dialect::Bash => &mut known.bash,
                Dialect::Dash => &mut known.dash,
            };
            kept.insert(text.to_owned(), script.clone());
        }
        Ok(script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_what_was_parsed_and_a_text_is_another_script_to_another_shell() {
        let scripts = Scripts::default();
        let other = scripts.clone();
        let one = scripts.parse("echo a").unwrap();
        assert!(Arc::ptr_eq(&one, &other.parse("echo a").unwrap()));
        let dash = other.parse_as("echo a", Dialect::Dash).unwrap();
        assert_eq!((one.dialect, dash.dialect), (Dialect::Bash, Dialect::Dash));
        assert_eq!(scripts.parse("#!/bin/sh\necho a").unwrap().dialect, Dialect::Dash);
        assert!(scripts.parse("#!/usr/bin/python3\n").is_err());
        assert!(scripts.parse("if").is_err() && scripts.parse("if").is_err());
    }

    #[test]
    fn no_more_is_kept_than_its_ceiling() {
        let scripts = Scripts::default();
        let text = |number: usize| format!("echo {number} {}", "x".repeat(10_000));
        let kept = |number: usize| {
            let [one, other] = [(); 2].map(|()| scripts.parse(&text(number)).unwrap());
            Arc::ptr_eq(&one, &other)
        };
        let all = (0..200).filter(|number| kept(*number)).count();
        assert_eq!(all, (0..all).take_while(|number| kept(*number)).count());
        assert!((100..=BYTES_MAX / 10_000).contains(&all), "{all}");
    }
}
