//! The table of what an exploration finds of sabotage, and of paraphrases.

use std::fmt::Write;
use std::path::Path;

use super::super::finds::told_of;
use super::super::space::Space;
use super::{Outcome, Row};
use crate::bundle::story;
use crate::exit::ExitStatus;

/// All that was looked at.
#[derive(Debug)]
pub struct Table<'a> {
    /// Where.
    pub space: &'a Space,
    /// Changed so that it is wrong.
    pub sabotage: Vec<Row>,
    /// Put in other words.
    pub paraphrases: Vec<Row>,
    /// Where the changed documents are.
    pub out: &'a Path,
}

impl Table<'_> {
    /// 1 where something came otherwise than its file says.
    pub fn status(&self) -> ExitStatus {
        let differs = self.sabotage.iter().chain(&self.paraphrases).any(|row| row.differs.is_some());
        if differs { ExitStatus::DoesNotConform } else { ExitStatus::Conforms }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let (hash, cells, most) = (super::super::report::short(&self.space.hash), self.space.len(), self.space.most);
        writeln!(
            to,
            "space {hash}: {cells} cells, up to {most} added faults; each is left where it shows something new"
        )?;
        let rows = || self.sabotage.iter().chain(&self.paraphrases);
        let width = rows().map(|row| row.name.len()).max().unwrap_or_default();
        for (title, rows) in [("sabotage", &self.sabotage), ("paraphrases", &self.paraphrases)] {
            writeln!(to, "\n{title:width$}  cells   CPU s  what shows it")?;
            for row in rows {
                let cpu = row.cpu.map_or("-".to_owned(), |cpu| format!("{:.2}", cpu.as_secs_f64()));
                writeln!(to, "{:width$}  {:5}  {cpu:>6}  {}", row.name, row.cells, came(row))?;
                if let Some(because) = &row.because {
                    writeln!(to, "  because {}", story::one_line(because))?;
                }
                if let Some((count, why)) = &row.incomplete {
                    writeln!(to, "  no drill in {count} cells: {}", story::one_line(why))?;
                }
                if let Some(said) = &row.differs {
                    writeln!(to, "  OTHERWISE than its file says: {}", story::one_line(said))?;
                }
            }
        }
        let count = |rows: &[Row], is: fn(&Outcome) -> bool| rows.iter().filter(|row| is(&row.outcome)).count();
        let found: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Found { .. });
        let refused: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Refused(_));
        let (all, shown) = (self.sabotage.len(), count(&self.sabotage, found));
        let unread = count(&self.sabotage, refused);
        let left = all - shown - unread;
        writeln!(to, "\nsabotage: {all}, of these {shown} found, {unread} refused when read, {left} not found")?;
        let (all, raise) = (self.paraphrases.len(), count(&self.paraphrases, found));
        writeln!(to, "paraphrases: {all}, of these {raise} raise something new")?;
        let out = self.out.display();
        writeln!(
            to,
            "again: rollback-drill explore --exhaustive --runbook {out}/NAME/rollback.md --binding \
             {out}/NAME/rollback.binding.toml"
        )
    }
}

fn came(row: &Row) -> String {
    match &row.outcome {
        Outcome::Refused(why) => format!("refused: {}", story::one_line(why)),
        Outcome::Found { property, of, script } => format!("{property}: {of}, {}", told_of(script)),
        Outcome::Nothing => "nothing new".to_owned(),
        Outcome::Interrupted => "interrupted".to_owned(),
    }
}
