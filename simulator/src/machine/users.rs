//! Users and groups of an operator host: those of its image (harness/operator-host/Dockerfile).

/// A user's number.
pub type Uid = u32;

/// root.
pub const ROOT: Uid = 0;

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Number; the group of the same name has it too.
    pub uid: Uid,
    /// Name.
    pub name: &'static str,
    /// Home folder.
    pub home: &'static str,
    /// Supplementary groups.
    pub groups: &'static [&'static str],
    /// sudo without password for everything.
    pub sudo: bool,
}

/// All of them.
pub const USERS: [User; 3] = [
    User { uid: ROOT, name: "root", home: "/root", groups: &[], sudo: true },
    User { uid: 1000, name: "oncall", home: "/home/oncall", groups: &["adm", "systemd-journal", "docker"], sudo: true },
    User { uid: 900, name: "tensor-wasm", home: "/var/lib/tensor-wasm", groups: &[], sudo: false },
];

/// By number; an unknown number is nobody's.
pub fn by_uid(uid: Uid) -> Option<&'static User> {
    USERS.iter().find(|user| user.uid == uid)
}

/// By name.
pub fn by_name(name: &str) -> Option<&'static User> {
    USERS.iter().find(|user| user.name == name)
}

/// Whether a user is in a group of that name.
pub fn in_group(uid: Uid, group: &str) -> bool {
    by_uid(uid).is_some_and(|user| user.name == group || user.groups.contains(&group))
}
