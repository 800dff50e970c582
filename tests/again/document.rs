//! `docs/found-again.md`: what exploring finds again, and why not the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rollback_harness::explore::{explain, finds};

use super::base::Base;
use super::{Again, Case, Forbidden, MOST, Place};

/// Where it lies, below the workspace.
pub const DOCUMENT: &str = "docs/found-again.md";

/// How the document is made anew.
pub const MADE_BY: &str = "cargo run -p conformance --example found-again";

/// Why a level that the space has not is a reason.
const BETWEEN: &str = "Between the space's levels: the case has a value of its fault at which it is forbidden, and at all levels of the space\n\
    it holds. `explore` without `--exhaustive` takes samples at any value.";

/// Why a case is not found by its own faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Found(usize),
    AsAnother,
    NotForbidden,
    NoBase,
    TooMany,
    Between,
}

impl Kind {
    fn of(case: &Case) -> Kind {
        let all = || case.forbidden.values();
        let found = all().filter_map(|again| match again {
            Again::Found(faults) => Some(*faults),
            _ => None,
        });
        match found.max() {
            Some(faults) => Kind::Found(faults),
            None if case.forbidden.is_empty() => Kind::NotForbidden,
            None if all().any(|again| *again == Again::NoBase) => Kind::NoBase,
            None if all().any(|again| matches!(again, Again::TooMany(_))) => Kind::TooMany,
            None if all().any(|again| matches!(again, Again::Between(_))) => Kind::Between,
            None => Kind::AsAnother,
        }
    }

    fn words(self) -> String {
        match self {
            Kind::Found(0) => "found again, without any fault added".to_owned(),
            Kind::Found(1) => "found again, by single faults".to_owned(),
            Kind::Found(2) => "found again, by pairs of faults".to_owned(),
            Kind::Found(more) => format!("found again, by sets of {more} faults"),
            Kind::AsAnother => {
                "forbidden in nothing of their own: it is there without their faults, or earlier, as another case"
                    .to_owned()
            }
            Kind::NotForbidden => "no property forbids how they end".to_owned(),
            Kind::NoBase => "forbidden, and made of none of the space's bases".to_owned(),
            Kind::Between => "forbidden, and only at values between the levels of the space".to_owned(),
            Kind::TooMany => format!("forbidden, with more than {MOST} faults"),
        }
    }
}

/// The whole document.
///
/// # Errors
/// A case that a property forbids and that is not found, with no reason for it.
pub fn render(cases: &[Case]) -> Result<String, String> {
    refuse_missed(cases)?;
    let mut kinds: BTreeMap<Kind, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        kinds.entry(Kind::of(case)).or_default().push(case);
    }
    let mut text = format!(
        "# What exploring finds again\n\n\
         Made by `{MADE_BY}`; not edited by hand. Would `explore` come upon what\n\
         the cases under `scenarios/cases/` pin, if nobody had told it? Each case is drilled in the simulator as often as it says,\n\
         and held against the properties of `scenarios/explore/properties.toml` that are about how a drill ends. What they forbid\n\
         is then looked for where `rollback-drill explore --faults {MOST} --exhaustive` comes upon it: in the cells of its space with\n\
         the same faults. From there it has to come down to a smallest cell that this case pins.\n\n\
         | cases | |\n|---:|---|\n"
    );
    // Writing to a String does not fail, here and below.
    for (kind, cases) in &kinds {
        let _ = writeln!(text, "| {} | {} |", cases.len(), kind.words());
    }
    let _ = writeln!(text, "| {} | in all |", cases.len());
    for (kind, cases) in &kinds {
        let words = kind.words();
        let (first, rest) = words.split_at(1);
        let _ = write!(text, "\n## {}{rest}\n\n", first.to_uppercase());
        match kind {
            Kind::Found(_) => found(&mut text, cases),
            Kind::AsAnother | Kind::TooMany => others(&mut text, cases),
            Kind::NotForbidden => not_forbidden(&mut text, cases),
            Kind::NoBase => no_base(&mut text, cases),
            Kind::Between => between(&mut text, cases),
        }
    }
    Ok(text)
}

fn refuse_missed(cases: &[Case]) -> Result<(), String> {
    let mut missed = Vec::new();
    for case in cases {
        for (forbidden, again) in &case.forbidden {
            if let Again::Missed(why) = again {
                let Forbidden { property, subject, place } = forbidden;
                let (name, operator) = (&case.scenario.name, place.operator.as_str());
                missed.push(format!("{name} on {} by {operator}: `{property}` ({subject}): {why}", place.topology));
            }
        }
    }
    if missed.is_empty() {
        Ok(())
    } else {
        Err(format!("not found again, and no reason for it:\n{}", missed.join("\n")))
    }
}

fn found(text: &mut String, cases: &[&Case]) {
    let _ = writeln!(text, "| case | adds | found in | by | besides, as other cases |\n|---|---|---|---|---|");
    for case in cases {
        let is_found = |again: &Again| matches!(again, Again::Found(_));
        let drills = drills(case, is_found);
        let (by, besides) = (by(case, is_found), as_others(case));
        let _ = writeln!(text, "| `{}` | {} | {drills} | {by} | {besides} |", case.scenario.name, adds(case));
    }
    if cases.iter().any(|case| case.forbidden.values().any(|again| matches!(again, Again::Between(_)))) {
        let _ = writeln!(text, "\n{BETWEEN}");
    }
}

/// In how many of a case's drills: all of them, or how many are not forbidden, or have nothing of their own.
fn drills(case: &Case, is_found: impl Fn(&Again) -> bool) -> String {
    let found: BTreeSet<&Place> =
        case.forbidden.iter().filter(|(_, again)| is_found(again)).map(|(forbidden, _)| &forbidden.place).collect();
    let forbidden: BTreeSet<&Place> = case.forbidden.keys().map(|forbidden| &forbidden.place).collect();
    let between = |again: &Again| matches!(again, Again::Between(_));
    let between = case.forbidden.iter().filter(|(_, again)| between(again)).map(|(forbidden, _)| &forbidden.place);
    let between: BTreeSet<&Place> = between.filter(|place| !found.contains(place)).collect();
    let mut told = format!("{} of {}", found.len(), case.drills);
    let as_another = forbidden.len() - found.len() - between.len();
    if !between.is_empty() {
        let _ = write!(told, "; {} only between the space's levels", between.len());
    }
    let neither = case.drills - forbidden.len();
    if as_another > 0 {
        let _ = write!(told, "; {as_another} as other cases alone");
    }
    if neither > 0 {
        let _ = write!(told, "; {neither} not forbidden");
    }
    told
}

/// Properties with their subjects, and in how many drills each.
fn by(case: &Case, wanted: impl Fn(&Again) -> bool) -> String {
    let mut properties: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (forbidden, _) in case.forbidden.iter().filter(|(_, again)| wanted(again)) {
        *properties.entry(&forbidden.property).or_default().entry(&forbidden.subject).or_default() += 1;
    }
    let one = |(subject, count): (&&str, &usize)| format!("{subject} ×{count}");
    let told = properties.iter().map(|(property, subjects)| {
        format!("`{property}`: {}", subjects.iter().map(one).collect::<Vec<_>>().join(", "))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// What is there with fewer or weaker faults, by the case that pins it.
fn as_others(case: &Case) -> String {
    let mut others: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (forbidden, again) in &case.forbidden {
        if let Again::AsAnother(name) = again {
            others.entry(name).or_default().insert(&forbidden.subject);
        }
    }
    let told = others
        .iter()
        .map(|(name, subjects)| format!("{} as `{name}`", subjects.iter().copied().collect::<Vec<_>>().join(", ")));
    told.collect::<Vec<_>>().join("; ")
}

fn others(text: &mut String, cases: &[&Case]) {
    let _ = writeln!(text, "| case | adds | forbidden | as |\n|---|---|---|---|");
    for case in cases {
        let (by, others) = (by(case, |_| true), as_others(case));
        let _ = writeln!(text, "| `{}` | {} | {by} | {others} |", case.scenario.name, adds(case));
    }
}

fn between(text: &mut String, cases: &[&Case]) {
    let _ = writeln!(
        text,
        "{BETWEEN}\n\n\
         | case | adds | by | at | besides, as other cases |\n|---|---|---|---|---|"
    );
    for case in cases {
        let only = |again: &Again| matches!(again, Again::Between(_));
        let at: BTreeSet<String> = case
            .forbidden
            .values()
            .filter_map(|again| if let Again::Between(faults) = again { Some(explain::faults(faults)) } else { None })
            .collect();
        let (by, at) = (by(case, only), at.into_iter().collect::<Vec<_>>().join("; "));
        let besides = as_others(case);
        let _ = writeln!(text, "| `{}` | {} | {by} | {at} | {besides} |", case.scenario.name, adds(case));
    }
}

fn not_forbidden(text: &mut String, cases: &[&Case]) {
    let _ = writeln!(text, "| case | adds | ends |\n|---|---|---|");
    for case in cases {
        let endings: BTreeSet<String> =
            case.scenario.expect.values().flat_map(|operators| operators.values().map(finds::told_ending)).collect();
        let endings = endings.into_iter().collect::<Vec<_>>().join("; or ");
        let _ = writeln!(text, "| `{}` | {} | {endings} |", case.scenario.name, adds(case));
    }
}

fn no_base(text: &mut String, cases: &[&Case]) {
    let _ = writeln!(text, "| case | forbidden | nearest base | but |\n|---|---|---|---|");
    for case in cases {
        let by = by(case, |_| true);
        if let Base::Other { nearest, differs, .. } = &case.base {
            let _ = writeln!(text, "| `{}` | {by} | `{nearest}` | {} |", case.scenario.name, differs.join("; "));
        }
    }
}

/// What a case adds to its base.
fn adds(case: &Case) -> String {
    let faults = explain::faults(case.base.added());
    match &case.base {
        Base::Of { base, .. } => format!("{faults} to `{base}`"),
        Base::Other { .. } => faults,
    }
}
