//! A runbook's Markdown as sections with paragraphs, list items, inline code spans and code blocks, each with its line.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::error::{RunbookError, quote};

/// A runbook larger than this is refused.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// A parsed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// File name for messages.
    pub name: String,
    /// In order; the first one has no heading and holds what stands before the first heading.
    pub sections: Vec<Section>,
}

/// What stands between one heading and the next, of whatever level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading's text, code spans included, whitespace normalised.
    pub heading: String,
    /// 1 to 6; 0 for what stands before the first heading.
    pub level: u8,
    /// 1-based line of the heading.
    pub line: u32,
    /// Paragraphs outside lists.
    pub paragraphs: Vec<Prose>,
    /// Items of the outermost lists, nested ones folded into them.
    pub items: Vec<Item>,
    /// Fenced and indented code blocks, those inside list items too.
    pub blocks: Vec<CodeBlock>,
}

/// A list item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which list of the section, from 1.
    pub list: u32,
    /// As displayed: the first number of an ordered list plus the position; from 1 in a bulleted list.
    pub number: u64,
    /// What it says.
    pub prose: Prose,
}

/// Running text with its code spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose {
    /// 1-based line where it begins.
    pub line: u32,
    /// Words and code spans, each run of whitespace one blank.
    pub text: String,
    /// In order.
    pub spans: Vec<Span>,
    /// Byte offsets in `text` from which another source line holds.
    lines: Vec<(usize, u32)>,
}

/// An inline code span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its text as a reader copies it.
    pub text: String,
    /// 1-based line.
    pub line: u32,
    /// Byte offset in the text that it stands in.
    pub offset: usize,
}

/// A fenced or indented code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBlock {
    /// First word of the info string in lower case; empty without one.
    pub language: String,
    /// 1-based line of the opening fence.
    pub line: u32,
    /// The exact text, with line feeds as a reader copies it.
    pub text: String,
    /// Source line of each line of `text`.
    lines: Vec<u32>,
}

impl CodeBlock {
    /// 1-based line of the document that holds the 0-based row of the text.
    pub fn line_of(&self, row: usize) -> u32 {
        self.lines.get(row).or(self.lines.last()).copied().unwrap_or(self.line)
    }
}

impl Prose {
    /// 1-based line of the document that holds the byte offset of the text.
    pub fn line_of(&self, offset: usize) -> u32 {
        let after = self.lines.partition_point(|(from, _)| *from <= offset);
        after.checked_sub(1).and_then(|at| self.lines.get(at)).map_or(self.line, |(_, line)| *line)
    }

    fn push(&mut self, text: &str, line: u32) {
        for c in text.chars() {
            let c = if c.is_whitespace() { ' ' } else { c };
            if c == ' ' && (self.text.is_empty() || self.text.ends_with(' ')) {
                continue;
            }
            if self.lines.last().is_none_or(|(_, last)| *last != line) {
                self.lines.push((self.text.len(), line));
            }
            self.text.push(c);
        }
    }

    fn finish(mut self) -> Self {
        self.text.truncate(self.text.trim_end().len());
        self
    }
}

impl Section {
    fn new(heading: String, level: u8, line: u32) -> Self {
        Section { heading, level, line, paragraphs: Vec::new(), items: Vec::new(), blocks: Vec::new() }
    }

    /// All running text: paragraphs, then items.
    pub fn prose(&self) -> impl Iterator<Item = &Prose> {
        self.paragraphs.iter().chain(self.items.iter().map(|item| &item.prose))
    }
}

impl Document {
    /// Parses a document. Refused with file and line: too large, not UTF-8, a NUL, a fence that is never closed, code in
    /// HTML (which could be neither bound nor noticed).
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Document, RunbookError> {
        let text = readable(name, bytes)?;
        let mut reader = Reader::new(name, text);
        for (event, range) in Parser::new(text).into_offset_iter() {
            let source = text.get(range.clone()).unwrap_or_default();
            reader.take(event, range.start, source)?;
        }
        Ok(Document { name: name.to_owned(), sections: reader.sections })
    }

    /// The section whose heading begins with these words: `None` if there is none, refused if there are several.
    pub fn section(&self, begins: &str) -> Result<Option<&Section>, RunbookError> {
        let mut found = self.sections.iter().filter(|section| section.level > 0 && section.heading.starts_with(begins));
        let first = found.next();
        match (first, found.next()) {
            (Some(first), Some(second)) => Err(RunbookError::at(
                &self.name,
                second.line,
                format!("the heading {} begins like the one on line {}", quote(&second.heading), first.line),
                format!("one heading that begins {}", quote(begins)),
                "rename one of them, or give the binding a longer beginning",
            )),
            _ => Ok(first),
        }
    }

    /// The first heading inside this section, which its binding cannot reach into.
    pub fn subheading(&self, section: &Section) -> Option<&Section> {
        let at = self.sections.iter().position(|other| std::ptr::eq(other, section))?;
        self.sections.get(at + 1).filter(|next| next.level > section.level)
    }
}

/// The text of a document or binding, or why it has none.
pub(super) fn readable<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, RunbookError> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(RunbookError::file(
            name,
            "the file is too large",
            format!("at most {DOCUMENT_BYTES_MAX} bytes"),
            "give the runbook itself, without attachments",
        ));
    }
    let line_at = |offset: usize| bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() as u32 + 1;
    if let Some(nul) = bytes.iter().position(|byte| *byte == 0) {
        return Err(RunbookError::at(name, line_at(nul), "a NUL byte", "text", "remove it: no shell can be given one"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let what = format!("not UTF-8: byte 0x{byte:02x}");
        RunbookError::at(name, line_at(error.valid_up_to()), what, "UTF-8", "convert the file to UTF-8")
    })
}

struct Reader<'a> {
    name: &'a str,
    line_starts: Vec<usize>,
    sections: Vec<Section>,
    heading: Option<(u8, Prose)>,
    paragraph: Option<Prose>,
    item: Option<Item>,
    block: Option<CodeBlock>,
    list_depth: usize,
    quote_depth: usize,
    lists: u32,
    next_number: u64,
}

impl<'a> Reader<'a> {
    fn new(name: &'a str, text: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Reader {
            name,
            line_starts,
            sections: vec![Section::new(String::new(), 0, 1)],
            heading: None,
            paragraph: None,
            item: None,
            block: None,
            list_depth: 0,
            quote_depth: 0,
            lists: 0,
            next_number: 1,
        }
    }

    fn line_of(&self, offset: usize) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset).max(1) as u32
    }

    fn take(&mut self, event: Event<'_>, offset: usize, source: &str) -> Result<(), RunbookError> {
        let line = self.line_of(offset);
        match event {
            Event::Start(tag) => self.start(tag, line, source)?,
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.block {
                Some(block) => add_code(block, &text, line),
                None => self.say(&text, line),
            },
            Event::Code(text) => {
                if let Some(prose) = self.prose() {
                    prose.spans.push(Span { text: text.to_string(), line, offset: prose.text.len() });
                }
                self.say(&text, line);
            }
            Event::SoftBreak | Event::HardBreak => self.say(" ", line),
            Event::Html(html) | Event::InlineHtml(html) => self.refuse_code(&html, line)?,
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: Tag<'_>, line: u32, source: &str) -> Result<(), RunbookError> {
        let prose = Prose { line, ..Prose::default() };
        match tag {
            Tag::Heading { level, .. } if self.list_depth + self.quote_depth == 0 => {
                self.heading = Some((level as u8, prose));
            }
            Tag::Heading { .. } | Tag::Paragraph if self.item.is_some() => self.say(" ", line),
            Tag::Heading { .. } | Tag::Paragraph => self.paragraph = Some(prose),
            Tag::BlockQuote(_) => self.quote_depth += 1,
            Tag::List(first) => {
                self.list_depth += 1;
                if self.list_depth == 1 {
                    self.lists += 1;
                    self.next_number = first.unwrap_or(1);
                }
            }
            Tag::Item if self.list_depth == 1 => {
                self.item = Some(Item { list: self.lists, number: self.next_number, prose });
                self.next_number = self.next_number.saturating_add(1);
            }
            Tag::Item => self.say(" ", line),
            Tag::CodeBlock(kind) => {
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => {
                        self.refuse_open_fence(source, line)?;
                        info.split([' ', '\t', ',', '{', '}']).find(|word| !word.is_empty()).unwrap_or_default()
                    }
                    CodeBlockKind::Indented => "",
                };
                let language = language.to_ascii_lowercase();
                self.block = Some(CodeBlock { language, line, text: String::new(), lines: Vec::new() });
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) if self.heading.is_some() => {
                if let Some((level, prose)) = self.heading.take() {
                    let prose = prose.finish();
                    self.sections.push(Section::new(prose.text, level, prose.line));
                    self.lists = 0;
                }
            }
            TagEnd::Heading(_) | TagEnd::Paragraph => {
                if let (Some(prose), Some(section)) = (self.paragraph.take(), self.sections.last_mut()) {
                    section.paragraphs.push(prose.finish());
                }
            }
            TagEnd::BlockQuote(_) => self.quote_depth = self.quote_depth.saturating_sub(1),
            TagEnd::List(_) => self.list_depth = self.list_depth.saturating_sub(1),
            TagEnd::Item if self.list_depth == 1 => {
                if let (Some(mut item), Some(section)) = (self.item.take(), self.sections.last_mut()) {
                    item.prose = item.prose.finish();
                    section.items.push(item);
                }
            }
            TagEnd::CodeBlock => {
                if let (Some(block), Some(section)) = (self.block.take(), self.sections.last_mut()) {
                    section.blocks.push(block);
                }
            }
            _ => {}
        }
    }

    fn prose(&mut self) -> Option<&mut Prose> {
        let heading = self.heading.as_mut().map(|(_, prose)| prose);
        heading.or(self.item.as_mut().map(|item| &mut item.prose)).or(self.paragraph.as_mut())
    }

    fn say(&mut self, text: &str, line: u32) {
        if let Some(prose) = self.prose() {
            prose.push(text, line);
        }
    }

    /// A fence that is never closed swallows the rest of the document, sections and all.
    fn refuse_open_fence(&self, source: &str, line: u32) -> Result<(), RunbookError> {
        let source = source.trim_end();
        if source.contains('\n') && (source.ends_with("```") || source.ends_with("~~~")) {
            return Ok(());
        }
        let what = "this code fence is never closed";
        Err(RunbookError::at(self.name, line, what, "a closing fence", "close it with the same marks"))
    }

    /// A command written in HTML would be shown to a reader and unseen here.
    fn refuse_code(&self, html: &str, line: u32) -> Result<(), RunbookError> {
        let lower = html.to_ascii_lowercase();
        if !["<pre", "<code", "<kbd", "<samp"].iter().any(|tag| lower.contains(tag)) {
            return Ok(());
        }
        let advice = "write it with backticks or a fence";
        Err(RunbookError::at(self.name, line, "code written in HTML", "code in Markdown marks", advice))
    }
}

/// Adds text to a block, noting the source line at each beginning of a line.
fn add_code(block: &mut CodeBlock, text: &str, line: u32) {
    for (nth, part) in text.split_inclusive('\n').enumerate() {
        if block.text.is_empty() || block.text.ends_with('\n') {
            block.lines.push(line.saturating_add(nth as u32));
        }
        block.text.push_str(part);
    }
}

#[cfg(test)]
mod tests;
