//! The command that repeats a drill.

use std::path::PathBuf;

use crate::history::event::Plan;
use crate::scenario::STDIN;

/// Everything that a command line has to say so that the same drill is carried out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    /// As given: a name, a path, `-`.
    pub scenario: String,
    /// Id.
    pub topology: String,
    /// As on the command line.
    pub operator: String,
    /// `container` or `sim`.
    pub host: String,
    /// `documented` or `shipped`.
    pub profile: String,
    /// If it was given.
    pub runbook: Option<PathBuf>,
    /// If it was given.
    pub binding: Option<PathBuf>,
    /// As text.
    pub seed: String,
    /// If it is not the default.
    pub out: Option<PathBuf>,
}

impl Rerun {
    /// For a stored drill: the plan knows documents by path, but a scenario by its name only.
    pub fn of_plan(plan: &Plan) -> Rerun {
        Rerun {
            scenario: plan.scenario.clone(),
            topology: plan.topology.clone(),
            operator: plan.operator.as_str().into(),
            host: plan.host.clone(),
            profile: plan.profile.clone(),
            runbook: Some(PathBuf::from(&plan.runbook.path)),
            binding: Some(PathBuf::from(&plan.binding.path)),
            seed: plan.seed.clone(),
            out: None,
        }
    }

    /// To paste into a shell. What came on stdin has to come there again, which a command cannot do by itself: a comment
    /// says so.
    pub fn line(&self) -> String {
        let mut words: Vec<String> = vec!["rollback-drill".into(), "drill".into()];
        let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        flag("--scenario", &self.scenario);
        flag("--topology", &self.topology);
        flag("--operator", &self.operator);
        flag("--host", &self.host);
        flag("--profile", &self.profile);
        for (name, path) in [("--runbook", &self.runbook), ("--binding", &self.binding)] {
            if let Some(path) = path {
                flag(name, &path.to_string_lossy());
            }
        }
        flag("--seed", &self.seed);
        if let Some(out) = &self.out {
            flag("--out", &out.to_string_lossy());
        }
        let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        if self.scenario == STDIN { format!("{line} # with the same scenario on stdin") } else { line }
    }
}

fn quoted(word: &str) -> String {
    // The only word that cannot be quoted has a NUL in it, and none such comes in through a command line.
    shlex::try_quote(word).map_or_else(|_| word.replace('\0', ""), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::sample;

    #[test]
    fn the_line_can_be_pasted_and_is_parsed_back() {
        let mut rerun = Rerun::of_plan(&sample::plan());
        rerun.scenario = "my cases/it's.toml".into();
        let words = shlex::split(&rerun.line()).unwrap();
        assert_eq!(words[..4], ["rollback-drill", "drill", "--scenario", "my cases/it's.toml"]);
        assert_eq!(words[words.len() - 2..], ["--seed", "1"]);
    }

    #[test]
    fn what_came_on_stdin_has_to_come_again() {
        let mut rerun = Rerun::of_plan(&sample::plan());
        rerun.scenario = "-".into();
        let line = rerun.line();
        assert!(line.starts_with("rollback-drill drill --scenario - "), "{line}");
        assert!(line.ends_with(" --seed 1 # with the same scenario on stdin"), "{line}");
        // For a shell it is the command alone.
        assert_eq!(shlex::split(&line).unwrap().last().unwrap(), "1");
    }
}
