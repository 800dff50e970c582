//! What is between two contents of a file, as `git diff` tells it.

use super::objects::blob_id;
use crate::programs::common::{chomp, lines};

/// Cells of the table of one comparison.
const CELLS_MAX: usize = 4_000_000;
/// Lines around a change.
const CONTEXT: usize = 3;
/// Bytes in which git looks for a NUL before it takes a file for text.
const LOOKED_AT: usize = 8000;

/// A side of a comparison: content, and whether it is executable. `None`: there is no such file.
pub type Side<'a> = Option<(&'a [u8], bool)>;

/// Whether git takes this for no text.
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(LOOKED_AT).any(|byte| *byte == 0)
}

/// For each line of both whether it stays.
struct Kept {
    old: Vec<bool>,
    new: Vec<bool>,
}

/// The longest common lines. Of several ways to choose them the one that takes lines of the old (or the new) first.
fn kept(old: &[&[u8]], new: &[&[u8]], old_first: bool) -> Result<Kept, String> {
    let mut kept = Kept { old: vec![false; old.len()], new: vec![false; new.len()] };
    let (n, m) = (old.len(), new.len());
    if (n + 1).saturating_mul(m + 1) > CELLS_MAX {
        return Err("a diff of files so large".into());
    }
    let width = m + 1;
    let mut table = vec![0_u32; (n + 1) * width];
    let cell = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            let best = if old.get(i) == new.get(j) {
                cell(&table, i + 1, j + 1) + 1
            } else {
                cell(&table, i + 1, j).max(cell(&table, i, j + 1))
            };
            if let Some(place) = table.get_mut(i * width + j) {
                *place = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < n && j < m {
        let here = cell(&table, i, j);
        let (skip_old, skip_new) = (cell(&table, i + 1, j) == here, cell(&table, i, j + 1) == here);
        if skip_old && old_first {
            i += 1;
        } else if skip_new && !old_first {
            j += 1;
        } else if old.get(i) == new.get(j) && cell(&table, i + 1, j + 1) + 1 == here {
            if let (Some(a), Some(b)) = (kept.old.get_mut(i), kept.new.get_mut(j)) {
                (*a, *b) = (true, true);
            }
            i += 1;
            j += 1;
        } else if skip_old {
            i += 1;
        } else {
            j += 1;
        }
    }
    Ok(kept)
}

/// Lines added and taken away.
pub fn counts(old: &[u8], new: &[u8]) -> Result<(usize, usize), String> {
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (lines(old).collect(), lines(new).collect());
    let kept = kept(&old, &new, true)?;
    let changed = |kept: &[bool]| kept.iter().filter(|kept| !**kept).count();
    Ok((changed(&kept.new), changed(&kept.old)))
}

/// The whole of a file's diff, its head included; empty if nothing differs.
pub fn patch(path: &str, old: Side<'_>, new: Side<'_>) -> Result<String, String> {
    if old == new {
        return Ok(String::new());
    }
    let mode = |executable: bool| if executable { "100755" } else { "100644" };
    let short = |side: Side<'_>| {
        side.map_or("0000000".to_owned(), |(bytes, _)| blob_id(bytes).get(..7).unwrap_or_default().to_owned())
    };
    let mut text = format!("diff --git a/{path} b/{path}\n");
    match (old, new) {
        (None, Some((_, executable))) => text.push_str(&format!("new file mode {}\n", mode(executable))),
        (Some((_, executable)), None) => text.push_str(&format!("deleted file mode {}\n", mode(executable))),
        (Some((_, before)), Some((_, after))) if before != after => {
            text.push_str(&format!("old mode {}\nnew mode {}\n", mode(before), mode(after)));
        }
        _ => {}
    }
    let (old_bytes, new_bytes) = (old.map_or(&[][..], |(bytes, _)| bytes), new.map_or(&[][..], |(bytes, _)| bytes));
    if old.is_some() && new.is_some() && old_bytes == new_bytes {
        return Ok(text);
    }
    let same_mode = match (old, new) {
        (Some((_, before)), Some((_, after))) if before == after => format!(" {}", mode(after)),
        _ => String::new(),
    };
    text.push_str(&format!("index {}..{}{same_mode}\n", short(old), short(new)));
    if old_bytes.is_empty() && new_bytes.is_empty() {
        return Ok(text);
    }
    let name =
        |side: Side<'_>, letter: char| if side.is_some() { format!("{letter}/{path}") } else { "/dev/null".to_owned() };
    let (old_name, new_name) = (name(old, 'a'), name(new, 'b'));
    if is_binary(old_bytes) || is_binary(new_bytes) {
        text.push_str(&format!("Binary files {old_name} and {new_name} differ\n"));
        return Ok(text);
    }
    // A name with a blank ends with a tab, so that patch(1) finds its end.
    let end = if path.contains(' ') { "\t" } else { "" };
    text.push_str(&format!("--- {old_name}{end}\n+++ {new_name}{end}\n"));
    text.push_str(&hunks(old_bytes, new_bytes)?);
    Ok(text)
}

fn hunks(old: &[u8], new: &[u8]) -> Result<String, String> {
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (lines(old).collect(), lines(new).collect());
    let (one, other) = (kept(&old, &new, true)?, kept(&old, &new, false)?);
    // Which of them git takes, its own heuristics decide.
    if one.old != other.old || one.new != other.new {
        return Err("a diff that can be told in more ways than one".into());
    }
    // Changes as ranges of both: begin and end of the old, begin and end of the new.
    let mut changes: Vec<(usize, usize, usize, usize)> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let (from_i, from_j) = (i, j);
        while one.old.get(i) == Some(&false) {
            i += 1;
        }
        while one.new.get(j) == Some(&false) {
            j += 1;
        }
        if (from_i, from_j) != (i, j) {
            changes.push((from_i, i, from_j, j));
        }
        i += usize::from(i < old.len());
        j += usize::from(j < new.len());
    }
    let mut text = String::new();
    let mut rest = changes.as_slice();
    while let Some((first, mut after)) = rest.split_first() {
        let mut group = vec![*first];
        while let Some((next, behind)) = after.split_first() {
            if next.0 - group.last().map_or(0, |last| last.1) > 2 * CONTEXT {
                break;
            }
            group.push(*next);
            after = behind;
        }
        rest = after;
        hunk(&old, &new, &group, &mut text);
    }
    Ok(text)
}

fn hunk(old: &[&[u8]], new: &[&[u8]], group: &[(usize, usize, usize, usize)], text: &mut String) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let lead = first.0.min(CONTEXT);
    let (old_from, new_from) = (first.0 - lead, first.2 - lead);
    let trail = (old.len() - last.1).min(CONTEXT);
    let (old_to, new_to) = (last.1 + trail, last.3 + trail);
    let range = |from: usize, to: usize| match to - from {
        0 => format!("{from},0"),
        1 => (from + 1).to_string(),
        count => format!("{},{count}", from + 1),
    };
    // The last line before it that begins with a letter, `_` or `$`: git's idea of a function.
    let is_title =
        |line: &&&[u8]| line.first().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'));
    let title = old.get(..old_from).unwrap_or_default().iter().rev().find(is_title).map(|line| {
        let line = line.get(..line.len().min(80)).unwrap_or_default();
        format!(" {}", String::from_utf8_lossy(line).trim_end())
    });
    text.push_str(&format!(
        "@@ -{} +{} @@{}\n",
        range(old_from, old_to),
        range(new_from, new_to),
        title.unwrap_or_default()
    ));
    let mut show = |mark: char, line: &[u8]| {
        text.push(mark);
        text.push_str(&String::from_utf8_lossy(chomp(line)));
        text.push('\n');
        if !line.ends_with(b"\n") {
            text.push_str("\\ No newline at end of file\n");
        }
    };
    let mut at = old_from;
    for (old_begin, old_end, new_begin, new_end) in group {
        old.get(at..*old_begin).unwrap_or_default().iter().for_each(|line| show(' ', line));
        old.get(*old_begin..*old_end).unwrap_or_default().iter().for_each(|line| show('-', line));
        new.get(*new_begin..*new_end).unwrap_or_default().iter().for_each(|line| show('+', line));
        at = *old_end;
    }
    old.get(at..old_to).unwrap_or_default().iter().for_each(|line| show(' ', line));
}
