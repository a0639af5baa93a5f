//! Plans by name: a file, a run folder, or a file at a git revision.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::plan::read::diagnostic::PlanError;
use crate::plan::read::load::{load_from, load_resolved, read_file};
use crate::plan::schema::Plan;

/// File of a run folder with all keys of the run's plan.
pub const RESOLVED_PLAN: &str = "plan.toml";

/// The plan with this name: a run folder, a file, or `REV:path` with a path from the top of the repository.
///
/// Environment and command line are ignored. If `beside` is given, a file is read as if it were that one: the plan that it extends is
/// searched for beside it.
///
/// # Errors
///
/// When the plan does not exist, git does not know it, or it has errors.
pub fn load_named(name: &str, beside: Option<&Path>) -> Result<Plan, PlanError> {
    let path = Path::new(name);
    if path.is_dir() {
        return Ok(load_resolved(&path.join(RESOLVED_PLAN))?.plan);
    }
    if let Some((revision, inside)) = name.split_once(':').filter(|_| !path.exists()) {
        let loaded = load_from(Path::new(inside), &|file| at_revision(revision, file))?;
        return Ok(loaded.plan);
    }
    let place = beside.unwrap_or(path);
    let loaded = load_from(place, &|file| read_file(if file == place { path } else { file }))?;
    Ok(loaded.plan)
}

/// Text of a file at a revision, by the `git` command.
fn at_revision(revision: &str, file: &Path) -> Result<String, PlanError> {
    let object = format!("{revision}:{}", plain(file).display());
    let unreadable = |reason: String| PlanError::Unreadable { path: PathBuf::from(&object), reason, extended_by: None };
    let done = Command::new("git")
        .args(["show", "--no-textconv", &object])
        .output()
        .map_err(|error| unreadable(format!("cannot start `git`: {error}")))?;
    if !done.status.success() {
        return Err(unreadable(String::from_utf8_lossy(&done.stderr).trim().to_owned()));
    }
    String::from_utf8(done.stdout).map_err(|_| unreadable("it is not UTF-8".to_owned()))
}

/// A path without `.` and `..`, which git does not resolve inside a revision.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => (),
            Component::ParentDir => _ = plain.pop(),
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::edit::write::resolved_text;
    use crate::plan::testing::example;

    #[test]
    fn a_folder_a_file_and_a_file_beside_another_are_plans() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let plan = example();
        std::fs::write(at("plan.toml"), resolved_text(&plan)).unwrap();
        assert_eq!(load_named(folder.path().to_str().unwrap(), None).unwrap(), plan);
        assert_eq!(load_named(at("plan.toml").to_str().unwrap(), None).unwrap(), plan);

        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(elsewhere.path(), "extends = \"plan.toml\"\n").unwrap();
        let file = elsewhere.path().to_str().unwrap();
        assert!(load_named(file, None).is_err());
        assert_eq!(load_named(file, Some(&at("variant.toml"))).unwrap(), plan);
    }

    #[test]
    fn an_unknown_revision_is_reported() {
        let refused = load_named("no-such-revision:plan.toml", None).unwrap_err().to_string();
        assert!(refused.contains("no-such-revision:plan.toml"), "{refused}");
    }

    #[test]
    fn paths_inside_a_revision_are_plain() {
        assert_eq!(plain(Path::new("experiments/../plans/./a.toml")), Path::new("plans/a.toml"));
    }
}
