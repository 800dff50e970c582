//! Placeholders in commands: only semantic versions take their place, so nothing else can reach a shell through them.

use super::binding::Placeholders;
use crate::procedure::Releases;

/// The first word of the shape `vX.Y.Z`, with any capital letters.
pub fn find(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let at = bytes.windows(6).position(|w| {
        matches!(w, [b'v', x, b'.', y, b'.', z]
            if x.is_ascii_uppercase() && y.is_ascii_uppercase() && z.is_ascii_uppercase())
    })?;
    text.get(at..at + 6)
}

/// The text with both placeholders replaced, in one pass; an `Err` holds a placeholder that is left over.
pub fn fill(text: &str, placeholders: &Placeholders, releases: &Releases) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let good = rest.strip_prefix(&placeholders.good).map(|rest| (rest, &releases.good));
        let known = good.or_else(|| rest.strip_prefix(&placeholders.bad).map(|rest| (rest, &releases.bad)));
        rest = match known {
            Some((after, version)) => {
                filled.push_str(&format!("v{version}"));
                after
            }
            None => {
                filled.push(c);
                rest.get(c.len_utf8()..).unwrap_or_default()
            }
        };
    }
    match find(&filled) {
        Some(left) => Err(left.to_owned()),
        None => Ok(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_replaced_and_nothing_is_left() {
        let placeholders = Placeholders { good: "vX.Y.Z".into(), bad: "vA.B.C".into() };
        let releases = Releases { good: "0.3.8".parse().unwrap(), bad: "0.4.0-rc.1".parse().unwrap() };
        let cases = [
            ("a:vX.Y.Z", Ok("a:v0.3.8")),
            ("log vX.Y.Z..vA.B.C é", Ok("log v0.3.8..v0.4.0-rc.1 é")),
            ("x vP.Q.R", Err("vP.Q.R")),
            ("vx.y.z vX.Y", Ok("vx.y.z vX.Y")),
            ("", Ok("")),
        ];
        for (text, wanted) in cases {
            let got = fill(text, &placeholders, &releases);
            assert_eq!(got.as_deref().map_err(String::as_str), wanted, "{text}");
        }
        let sly = Releases { good: "1.0.0-vA.B.C".parse().unwrap(), bad: "2.0.0".parse().unwrap() };
        assert_eq!(fill("vX.Y.Z", &placeholders, &sly), Err("vA.B.C".into()));
    }
}
