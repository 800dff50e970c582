//! Cases for the Markdown reader.

use super::*;

fn parse(text: &str) -> Document {
    Document::parse("r.md", text.as_bytes()).unwrap()
}

#[test]
fn headings_items_spans_and_paragraphs_have_their_lines() {
    let document = parse(
        "before\n\n# One `a`\n\ntext `b`\nmore\n\n3. x `c d`\n   and\n   `e`\n4. y\n   - nested `f`\n\nSet\next\n---\n\n- p\n",
    );
    let [before, one, set] = document.sections.as_slice() else { panic!("{document:#?}") };
    assert_eq!((before.level, before.paragraphs[0].text.as_str()), (0, "before"));
    assert_eq!((one.heading.as_str(), one.level, one.line), ("One a", 1, 3));
    assert_eq!(one.paragraphs[0].text, "text b more");
    assert_eq!(one.paragraphs[0].line_of(0), 5);
    assert_eq!(one.paragraphs[0].line_of("text b m".len()), 6);
    let items: Vec<_> = one.items.iter().map(|item| (item.number, item.prose.text.as_str())).collect();
    assert_eq!(items, [(3, "x c d and e"), (4, "y nested f")]);
    let spans: Vec<_> = one.prose().flat_map(|prose| &prose.spans).map(|s| (s.text.as_str(), s.line)).collect();
    assert_eq!(spans, [("b", 5), ("c d", 8), ("e", 10), ("f", 12)]);
    for prose in one.prose() {
        assert!(prose.spans.iter().all(|span| prose.text[span.offset..].starts_with(&span.text)), "{prose:?}");
    }
    assert_eq!((set.heading.as_str(), set.level, set.line), ("Set ext", 2, 14));
    assert_eq!(set.items[0].number, 1);
}

#[test]
fn code_blocks_keep_text_and_lines() {
    let cases: [(&str, &str, &[u32]); 6] = [
        ("```Bash x\na\n\n  b\n```\n", "a\n\n  b\n", &[2, 3, 4]),
        ("x\r\n\r\n```bash\r\na\r\n\r\nb\r\n```\r\n", "a\n\nb\n", &[4, 5, 6]),
        ("- i\n\n  ```\n  x\n    y\n\n  z\n  ```\n", "x\n  y\n\nz\n", &[4, 5, 6, 7]),
        ("> ```\n> a\n> b\n> ```\n", "a\nb\n", &[2, 3]),
        ("    ind\n\n    two\n", "ind\n\ntwo\n", &[1, 2, 3]),
        ("~~~\n```\n~~~\n", "```\n", &[2]),
    ];
    for (source, text, lines) in cases {
        let document = parse(source);
        let block = &document.sections[0].blocks[0];
        assert_eq!(block.text, text, "{source:?}");
        let got: Vec<u32> = (0..lines.len()).map(|row| block.line_of(row)).collect();
        assert_eq!(got, lines, "{source:?}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    let cases: [(&[u8], &str); 6] = [
        (b"a\nb\xffc\n", "r.md:2: not UTF-8: byte 0xff"),
        (b"a\n\n\0", "r.md:3: a NUL byte"),
        (b"x\n\n```bash\nls\n", "r.md:3: this code fence is never closed"),
        (b"```\n", "r.md:1: this code fence is never closed"),
        (b"x\n\n<pre>\nrm\n</pre>\n", "r.md:3: code written in HTML"),
        (b"x <code>rm</code>\n", "r.md:1: code written in HTML"),
    ];
    for (bytes, wanted) in cases {
        let error = Document::parse("r.md", bytes).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
    let error = Document::parse("r.md", &vec![b'a'; DOCUMENT_BYTES_MAX + 1]).unwrap_err().to_string();
    assert!(error.starts_with("r.md: the file is too large"), "{error}");
    assert!(Document::parse("r.md", &vec![b'a'; DOCUMENT_BYTES_MAX]).is_ok());
}

#[test]
fn sections_are_found_by_how_they_begin() {
    let document = parse("# A\n\n## B one\n\n## B two\n\n### C\n");
    assert_eq!(document.section("A").unwrap().unwrap().line, 1);
    assert_eq!(document.section("D").unwrap(), None);
    let error = document.section("B").unwrap_err().to_string();
    assert!(error.starts_with("r.md:5: the heading `B two` begins like the one on line 3"), "{error}");
    let two = document.section("B two").unwrap().unwrap();
    assert_eq!(document.subheading(two).unwrap().heading, "C");
    assert_eq!(document.subheading(document.section("B one").unwrap().unwrap()), None);
}
