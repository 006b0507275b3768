//! Parts of a bench, of which one may want some.

/// Whether a section was asked for on the command line, by a part of its name; all are if none is named.
pub fn wanted(section: &str) -> bool {
    let mut names = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
    names.peek().is_none() || names.any(|name| section.contains(name.as_str()))
}
