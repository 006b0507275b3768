//! The memory of a process, as a core image of it would hold it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// A part of an address space.
pub struct Mapping<'a> {
    /// From where to where, in hexadecimal digits.
    pub range: &'a str,
    /// What may be done with it, such as `rw-p`.
    pub rights: &'a str,
    /// The file behind it, or what it is for.
    pub name: &'a str,
}

/// Shows the bytes of all mappings that are `wanted`. `None` if the process may not be read, which only root may of a server.
pub fn each(
    process: u32,
    wanted: impl Fn(&Mapping) -> bool,
    mut show: impl FnMut(&Mapping, &[u8]),
) -> Option<()> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
    let memory = File::open(format!("/proc/{process}/mem")).ok()?;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        let mapping = Mapping { range, rights, name: fields.nth(3).unwrap_or("anonymous") };
        if !wanted(&mapping) {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let at = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = (at(start), at(end));
        let mut bytes = vec![0; (end - start) as usize];
        // A guard page, or a mapping that is gone by now.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            show(&mapping, &bytes);
        }
    }
    Some(())
}
