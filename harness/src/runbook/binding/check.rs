//! What a binding must hold beyond its types.

use std::collections::BTreeSet;

use super::{Binding, Placeholders};
use crate::runbook::error::quote;
use crate::runbook::placeholder;

impl Binding {
    /// What the types cannot say: (what is wrong, what was looked for).
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        let wrong = |what: String, wanted: &str| Err((what, wanted.to_owned()));
        if self.schema != 1 {
            return wrong(format!("schema = {}", self.schema), "schema = 1");
        }
        let Placeholders { good, bad } = &self.placeholders;
        for placeholder in [good, bad] {
            if placeholder::find(placeholder) != Some(placeholder.as_str()) {
                return wrong(format!("placeholder {}", quote(placeholder)), "a placeholder of the shape vX.Y.Z");
            }
        }
        if good == bad {
            return wrong(format!("both placeholders are {}", quote(good)), "two different placeholders");
        }
        let mut letters = BTreeSet::new();
        for (id, topology) in &self.topologies {
            let letter = &topology.section;
            if letter.is_empty() || !letter.chars().all(|c| c.is_ascii_uppercase()) || !letters.insert(letter) {
                return wrong(format!("topologies.{id}: section {}", quote(letter)), "a letter of its own");
            }
            let mut begins = BTreeSet::new();
            for command in &topology.commands {
                if command.classes.is_empty() || !begins.insert(&command.begins) {
                    let what = format!("topologies.{id}: command {}", quote(&command.begins));
                    return wrong(what, "each beginning once, with at least one class");
                }
            }
        }
        let spans = self.verification.iter().flat_map(|item| &item.spans);
        let spans = spans.chain(self.failure.items.iter().flat_map(|item| &item.spans));
        let spans = spans.chain(self.postmortem.iter().flat_map(|item| &item.spans));
        let prerequisites = || self.prerequisites.iter().flat_map(|bound| &bound.items);
        let spans: Vec<_> = spans.chain(prerequisites().flat_map(|item| &item.spans)).collect();
        let named = self.supplied.iter().map(|supplied| &supplied.on);
        let named = named.chain(self.known_gaps.iter().filter_map(|gap| gap.on.as_ref()));
        let named = named.chain(prerequisites().flat_map(|item| &item.looks).map(|look| &look.on));
        let named = named.chain(spans.iter().filter_map(|span| span.on.as_ref()));
        let mut named = named.chain(spans.iter().map(|span| &span.blind_on)).flatten();
        if let Some(unknown) = named.find(|id| !self.topologies.contains_key(*id)) {
            return wrong(format!("topology {}", quote(unknown)), "one of the binding's topologies");
        }
        let begins = self.topologies.values().flat_map(|topology| {
            let commands = topology.commands.iter().map(|command| &command.begins);
            commands.chain([&topology.heading])
        });
        let begins = begins.chain(spans.iter().map(|span| &span.begins));
        let shared = [&self.sections.decision, &self.sections.prerequisites, &self.sections.verification];
        let shared = shared.into_iter().chain([&self.sections.failure, &self.sections.postmortem]);
        if begins.chain(shared).any(|begins| begins.trim().is_empty() || begins.trim() != begins) {
            return wrong("an empty beginning, or one with blanks round it".into(), "words that something begins with");
        }
        if self.failure.incompatible_state.iter().any(|words| words.trim().is_empty()) {
            return wrong("an empty word in incompatible_state".into(), "words that a healthy journal does not hold");
        }
        self.check_ids()
    }

    fn check_ids(&self) -> Result<(), (String, String)> {
        let mut ids = BTreeSet::new();
        let all = self.postmortem.iter().map(|item| &item.id).chain(self.records.iter().map(|record| &record.id));
        for id in all {
            if !ids.insert(id) {
                return Err((format!("requirement id {}", quote(id)), "each id once".into()));
            }
        }
        // The names become files of the bundle, so they must not lead out of it.
        for file in self.postmortem.iter().filter_map(|item| item.file.as_ref()) {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if file.is_empty() || file.starts_with('.') || !file.chars().all(plain) {
                return Err((format!("file {}", quote(file)), "a plain file name".into()));
            }
        }
        Ok(())
    }
}
