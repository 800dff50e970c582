//! `budget-and-suspect`: more than a share of a month's error budget went in a window, and a release is suspected.
//!
//! Terms: `spent_over`, the percentage, of which more has to be gone; `spent_in`, the window; `suspect`, the words that
//! name the release as the cause.

use super::{Check, DAY, Holds, Judged, Kind, MINUTE, Rule, check, yes_if};
use crate::decide::input::{Budget, Input, Suspect};
use crate::decide::moment::length;
use crate::decide::terms::{Amount, TermError, Terms};

pub(super) const KIND: Kind = Kind { id: "budget-and-suspect", read };

#[derive(Debug)]
struct BudgetAndSuspect {
    spent_over: Amount,
    spent_in: Amount,
    /// Line of the words that name the suspect.
    suspect: u32,
}

fn read(terms: &mut Terms) -> Result<Box<dyn Rule>, TermError> {
    let spent_over = terms.percent("spent_over", 1..=100, "of what share of the budget more has to be gone")?;
    let spent_in = terms.duration("spent_in", MINUTE..=31 * DAY, "in how long it has to have gone")?;
    let suspect = terms.question("suspect", "the input says `suspect = \"release\"`")?;
    Ok(Box::new(BudgetAndSuspect { spent_over, spent_in, suspect }))
}

impl Rule for BudgetAndSuspect {
    fn alerts(&self) -> &[String] {
        &[]
    }

    fn judge(&self, input: &Input) -> Judged {
        let checks = match &input.budget {
            Some(budget) => vec![self.spent(budget), self.suspected(budget)],
            None => {
                let (over, within) = (self.spent_over.shown(), words(self.spent_in.value));
                let said =
                    format!("what went of the budget in {within} is not given (`[budget]`): wanted is over {over}");
                vec![check(Holds::Unknown, self.spent_over.line, said)]
            }
        };
        Judged { checks, warnings: Vec::new() }
    }
}

impl BudgetAndSuspect {
    fn spent(&self, budget: &Budget) -> Check {
        let over = &self.spent_over;
        let (spent, wanted) = (budget.spent_percent, over.shown());
        let in_words = words(budget.over_ms);
        if budget.over_ms != self.spent_in.value {
            let window = words(self.spent_in.value);
            let said = format!("{spent} % of a month's budget went in {in_words}: wanted is the figure for {window}");
            return check(Holds::Unknown, self.spent_in.line, said);
        }
        let said = format!("{spent} % of a month's budget went in {in_words}: wanted is over {wanted}");
        check(yes_if(spent > over.value as f64), over.line, said)
    }

    fn suspected(&self, budget: &Budget) -> Check {
        let said = format!("suspected is {}: wanted is a release", budget.suspect.words());
        check(yes_if(budget.suspect == Suspect::Release), self.suspect, said)
    }
}

fn words(ms: u64) -> String {
    length(i64::try_from(ms).unwrap_or(i64::MAX))
}
