//! The tree as Linux would have it.

use super::{Errno, Files, Kind, Names, OpenMode};
use crate::machine::users::{ROOT, Uid};

const ONCALL: Uid = 1000;

fn files() -> Files {
    let mut files = Files::default();
    let folder = || Kind::Folder(Names::default());
    files.plant("/tmp", ROOT, 0o1777, folder()).unwrap();
    files.plant("/home/oncall", ONCALL, 0o755, folder()).unwrap();
    files
}

#[test]
fn paths_links_and_permissions_are_as_on_linux() {
    let mut files = files();
    let made = files.open(ONCALL, "/home/oncall", "a", OpenMode::Truncate, (0o022, 7)).unwrap();
    files.write(made, 0, OpenMode::Truncate, b"x\n", 8).unwrap();
    assert_eq!(files.inode(made).mode, 0o644);
    assert_eq!(files.canonical(made), "/home/oncall/a");
    files.make_link(ONCALL, "/tmp", "l", "../home/oncall/./a", 9).unwrap();
    assert_eq!(files.resolve(ONCALL, "/", "/tmp/l"), Ok(made));
    assert_eq!(&*files.read(ONCALL, "/tmp", "l").unwrap(), b"x\n");
    assert_eq!(files.open(ONCALL, "/", "etc", OpenMode::Truncate, (0, 0)), Err(Errno::PermissionDenied));
    files.make_link(ONCALL, "/tmp", "m", "n", 9).unwrap();
    files.make_link(ONCALL, "/tmp", "n", "m", 9).unwrap();
    assert_eq!(files.resolve(ONCALL, "/", "/tmp/m"), Err(Errno::TooManyLinks));
    assert_eq!(files.resolve(ONCALL, "/", "/tmp/l/"), Err(Errno::NotADirectory));
    assert_eq!(files.remove(900, "/", "/tmp/l", false, 10), Err(Errno::NotPermitted));
    assert_eq!(files.remove(ONCALL, "/", "/tmp/l", false, 10), Ok(()));
    assert_eq!(files.resolve(ONCALL, "/", "/tmp/l"), Err(Errno::NotFound));
}

#[test]
fn a_full_disk_takes_nothing_more_and_gives_back_what_is_removed() {
    let mut files = files();
    files.free_bytes = Some(3);
    let made = files.open(ONCALL, "/tmp", "a", OpenMode::Truncate, (0, 0)).unwrap();
    assert_eq!(files.write(made, 0, OpenMode::Append, b"abcd", 0), Err(Errno::NoSpace));
    assert_eq!(files.write(made, 0, OpenMode::Append, b"abc", 0), Ok(3));
    assert_eq!(files.open(ONCALL, "/tmp", "b", OpenMode::Truncate, (0, 0)), Err(Errno::NoSpace));
    files.remove(ONCALL, "/tmp", "a", false, 0).unwrap();
    assert_eq!(files.free_bytes, Some(3));
}
