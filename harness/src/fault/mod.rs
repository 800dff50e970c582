//! Faults: what can be wrong, within which bounds, how it is brought about, and what shows from outside that it bit.
//!
//! A new fault is one file here and one line in [`REGISTRY`]. The set of faults is open; the [`Effect`]s that a host has
//! to bring about are few and matched exhaustively.

use std::collections::BTreeMap;

use fake_node::release::Inborn;

use crate::judge::FaultEvidence;
use crate::judge::facts::Facts;
use crate::procedure::Class;
use crate::scenario::{FaultUse, Moment, Role};

mod alert_stuck;
mod compose_not_edited;
mod drained_forever;
mod errors;
mod functions_lost;
mod healthz_slow;
mod invoke_slow;
mod metrics_die_after_rollback;
mod metrics_stalled;
mod name_conflict;
mod page_lost;
mod port_held;
mod pull;
mod refusal;
mod registry_down;
mod release_missing;
mod scrape_cut;
mod sigterm_ignored;
mod snapshot_incompatible;
mod tag_missing;
mod tag_moved;
mod wrong_build;

pub use refusal::FaultError;

/// All faults, by id.
pub static REGISTRY: [&FaultKind; 20] = [
    &alert_stuck::KIND,
    &compose_not_edited::KIND,
    &drained_forever::KIND,
    &errors::KIND,
    &functions_lost::KIND,
    &healthz_slow::KIND,
    &invoke_slow::KIND,
    &metrics_die_after_rollback::KIND,
    &metrics_stalled::KIND,
    &name_conflict::KIND,
    &page_lost::KIND,
    &port_held::KIND,
    &registry_down::KIND,
    &release_missing::KIND,
    &scrape_cut::KIND,
    &sigterm_ignored::KIND,
    &snapshot_incompatible::KIND,
    &tag_missing::KIND,
    &tag_moved::KIND,
    &wrong_build::KIND,
];

/// Whence a fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    /// A release is born with it; these releases can be.
    Inborn {
        /// In which release it can be seen from outside.
        releases: &'static [Role],
    },
    /// Network, disk, state directory, registry or balancer.
    Outside,
}

/// When a fault can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// With the drill only: a release is born with it, or a machine that runs cannot be made to suffer it, or it waits by itself
    /// for the only moment at which it can act.
    WithTheDrill,
    /// With the drill, or before or during a command in the middle of it.
    AtAnyCommand,
    /// With the drill, and then it waits by itself for the only moment at which it can act; or in the watch of alerts that follows
    /// the verification.
    InTheWatch,
}

/// A parameter: always a whole number, its unit in the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// Such as `delay_ms`.
    pub name: &'static str,
    /// In words.
    pub unit: &'static str,
    /// Least value.
    pub min: u64,
    /// Greatest value.
    pub max: u64,
    /// Where a scenario does not give it; `None`: it has to.
    pub default: Option<u64>,
    /// Whether it can be a little more or less, and so has a threshold. The numbers of one that is no amount are names.
    pub is_amount: bool,
}

/// What a History shows of a fault: in words, and by which events.
pub type Seen = Option<(String, Vec<u64>)>;

/// A fault as the registry knows it.
#[derive(Debug)]
pub struct FaultKind {
    /// Kebab-case, as scenarios name it.
    pub id: &'static str,
    /// One sentence for a person.
    pub about: &'static str,
    /// Inborn or from outside.
    pub whence: Whence,
    /// Its parameters.
    pub params: &'static [Param],
    /// When it can begin.
    pub begins: Begins,
    effect: fn(&Filled<'_>) -> Effect,
    evidence: fn(&Facts<'_>, &Filled<'_>) -> Seen,
}

/// What a host has to bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// This release is installed with the fault.
    Inborn {
        /// Which.
        release: Role,
        /// What it is born with.
        fault: Inborn,
    },
    /// A snapshot of this format lies in the node's state directory when the good release starts.
    PlantSnapshot {
        /// Number of the format.
        format: u32,
    },
    /// The registry holds something else under the good release's tag when the drill begins.
    Tag {
        /// What.
        change: TagChange,
    },
    /// So many of the tenants' clients call an export that traps, whatever release serves.
    TrappingTenants {
        /// How many.
        tenants: usize,
    },
    /// The topology's own file says, under the fault's id, how its machine is made to suffer it. A topology that does not
    /// cannot have the fault.
    Arranged,
    /// The same of a fault that comes in several ways, each under a name of its own.
    ArrangedAs {
        /// The name.
        entry: &'static str,
    },
}

impl Effect {
    /// Under what name the topology's file arranges it for the fault of this id, if that is up to it.
    pub fn arranged_under<'a>(&self, id: &'a str) -> Option<&'a str> {
        match self {
            Effect::Arranged => Some(id),
            Effect::ArrangedAs { entry } => Some(entry),
            Effect::Inborn { .. }
            | Effect::PlantSnapshot { .. }
            | Effect::Tag { .. }
            | Effect::TrappingTenants { .. } => None,
        }
    }
}

/// What the registry holds under the good release's tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagChange {
    /// Nothing.
    Missing,
    /// The bad build.
    Moved,
}

/// A checked use of a fault, its parameters filled in.
#[derive(Debug)]
struct Filled<'u> {
    release: Option<Role>,
    params: &'u BTreeMap<String, u64>,
    /// The event since which it acts; 0: from the beginning on.
    since: u64,
}

impl Filled<'_> {
    fn param(&self, name: &str) -> u64 {
        self.params.get(name).copied().unwrap_or_default()
    }

    fn param_u32(&self, name: &str) -> u32 {
        u32::try_from(self.param(name)).unwrap_or(u32::MAX)
    }

    /// The release that is born with it. [`check`] refuses an inborn fault without one.
    fn role(&self) -> Role {
        self.release.unwrap_or(Role::Good)
    }
}

/// The effect of a fault that topologies arrange.
fn arranged(_: &Filled<'_>) -> Effect {
    Effect::Arranged
}

/// The fault with this id.
pub fn kind(id: &str) -> Option<&'static FaultKind> {
    REGISTRY.iter().copied().find(|kind| kind.id == id)
}

/// Checks a scenario's fault and fills in defaults.
///
/// # Errors
/// [`FaultError`], whose text says what is allowed.
pub fn check(given: &FaultUse) -> Result<FaultUse, FaultError> {
    let id = given.id.clone();
    let Some(kind) = kind(&id) else {
        let known = REGISTRY.iter().map(|kind| kind.id).collect::<Vec<_>>().join(", ");
        return Err(FaultError::UnknownFault { id, known });
    };
    for name in given.params.keys() {
        if !kind.params.iter().any(|param| param.name == name) {
            let known = kind.params.iter().map(|param| param.name).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            return Err(FaultError::UnknownParam { id, name: name.clone(), known });
        }
    }
    let mut params = BTreeMap::new();
    for Param { name, unit, min, max, default, .. } in kind.params.iter().copied() {
        let Some(value) = given.params.get(name).copied().or(default) else {
            return Err(FaultError::MissingParam { id, name, min, max, unit });
        };
        if !(min..=max).contains(&value) {
            return Err(FaultError::OutOfBounds { id, name, value, min, max, unit });
        }
        params.insert(name.to_owned(), value);
    }
    check_release(kind, given.release).map_err(|wanted| FaultError::Release { id: id.clone(), wanted })?;
    check_moment(given)?;
    Ok(FaultUse { id, release: given.release, params, at: given.at })
}

/// Classes of commands that only the failure path has, in its order; where a procedure is given up, there is the page alone. Its
/// stop is no first one any more: the failure path is for a node that was stopped before.
pub const FAILURE_PATH: [Class; 2] = [Class::Diagnose, Class::Page];

/// Classes of commands that stand before or behind all else: a fault cannot begin at them.
const ELSEWHERE: [Class; 2] = [Class::Look, Class::Capture];

/// Whether a fault can begin when it is to, on whatever topology.
///
/// # Errors
/// [`FaultError::Moment`], whose text says what is allowed.
pub fn check_moment(given: &FaultUse) -> Result<(), FaultError> {
    let (class, begins) = match given.at {
        None => return Ok(()),
        Some(Moment::Before(class) | Moment::During(class)) => (class, Begins::AtAnyCommand),
        Some(Moment::After(class)) => (class, Begins::InTheWatch),
    };
    let refuse = |wanted: String| Err(FaultError::Moment { id: given.id.clone(), wanted });
    let can = |kind: &&&FaultKind| kind.begins == begins;
    if !REGISTRY.iter().filter(can).any(|kind| kind.id == given.id) {
        let can = REGISTRY.iter().filter(can).map(|kind| kind.id).collect::<Vec<_>>().join(", ");
        return refuse(match begins {
            Begins::InTheWatch => {
                format!("nothing that it does acts behind the verification any more; there can begin {can}")
            }
            _ => format!("it is there from the beginning of a drill on, leave it out; later can begin {can}"),
        });
    }
    if begins == Begins::InTheWatch && class != Class::Verify {
        return refuse(format!(
            "nothing is watched behind the last command of class {}; looked for after = \"verify\"",
            class.as_str()
        ));
    }
    if ELSEWHERE.contains(&class) {
        return refuse(format!(
            "no command of class {} stands in a procedure, its verification or the failure path; looked for record, drain, \
             fetch, stop, swap, check, start, wait, undrain, verify, diagnose, page or other",
            class.as_str()
        ));
    }
    Ok(())
}

fn check_release(kind: &FaultKind, given: Option<Role>) -> Result<(), String> {
    match (kind.whence, given) {
        (Whence::Outside, None) => Ok(()),
        (Whence::Outside, Some(_)) => Err("it acts from outside: leave `release` out".into()),
        (Whence::Inborn { releases }, Some(release)) if releases.contains(&release) => Ok(()),
        (Whence::Inborn { releases }, _) => {
            let word = |role: &Role| if *role == Role::Good { "\"good\"" } else { "\"bad\"" };
            let allowed = releases.iter().map(word).collect::<Vec<_>>().join(" or ");
            Err(format!("a release is born with it: give `release = {allowed}`"))
        }
    }
}

/// What a host has to bring about for a scenario's fault.
///
/// # Errors
/// As [`check`].
pub fn effect(given: &FaultUse) -> Result<Effect, FaultError> {
    let checked = check(given)?;
    let kind = kind(&checked.id);
    let filled = Filled { release: checked.release, params: &checked.params, since: 0 };
    kind.map(|kind| (kind.effect)(&filled))
        .ok_or_else(|| FaultError::UnknownFault { id: checked.id.clone(), known: String::new() })
}

/// What a History shows of a declared fault. One that [`check`] refuses, or whose moment never came, can have left no evidence.
pub fn evidence(facts: &Facts<'_>, declared: &FaultUse) -> FaultEvidence {
    let seen = check(declared).ok().and_then(|checked| {
        let since = match checked.at {
            None => 0,
            Some(_) => facts.began(&checked.id, checked.at)?,
        };
        let filled = Filled { release: checked.release, params: &checked.params, since };
        let (seen, events) = kind(&checked.id).and_then(|kind| (kind.evidence)(facts, &filled))?;
        let told = match checked.at {
            Some(at) => format!("begun {}: {seen}", at.words()),
            None => seen,
        };
        Some((told, events))
    });
    let (seen, events) = seen.map_or((None, Vec::new()), |(seen, events)| (Some(seen), events));
    FaultEvidence { fault: declared.id.clone(), seen, events }
}

#[cfg(test)]
mod tests;
