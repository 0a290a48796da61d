//! The image that tests run, made from the machine's own busybox: no registry is asked.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use bytes::Bytes;

/// A file system with `/bin/busybox` and its applets, as a tar archive.
///
/// # Panics
///
/// If there is no busybox that runs without shared libraries; says what to install.
pub fn busybox_tar() -> Bytes {
    let root = tempfile::Builder::new().prefix("busybox-").tempdir().unwrap();
    let bin = root.path().join("bin");
    for dir in ["bin", "etc", "proc", "sys", "dev", "tmp", "var", "root"] {
        fs::create_dir(root.path().join(dir)).unwrap();
    }
    let busybox =
        find().unwrap_or_else(|| panic!("no busybox on this machine: apt-get install busybox-static"));
    fs::copy(&busybox, bin.join("busybox")).unwrap();
    for applet in applets(&busybox).lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", bin.join(applet)).unwrap();
    }
    see_that_it_runs(root.path(), &busybox);
    let tar = Command::new("tar").arg("-C").arg(root.path()).args(["-c", "."]).output().unwrap();
    assert!(tar.status.success(), "tar: {}", String::from_utf8_lossy(&tar.stderr));
    tar.stdout.into()
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs = ["/bin", "/usr/bin"].map(PathBuf::from).into_iter().chain(env::split_paths(&path));
    dirs.map(|dir| dir.join("busybox")).find(|file| file.is_file())
}

fn applets(busybox: &Path) -> String {
    let list = Command::new(busybox).arg("--list").output().unwrap();
    String::from_utf8(list.stdout).unwrap()
}

/// One that needs shared libraries does not run where there are none.
fn see_that_it_runs(root: &Path, busybox: &Path) {
    let run = Command::new("chroot").arg(root).args(["/bin/busybox", "true"]).output();
    let runs = run.is_ok_and(|run| run.status.success());
    assert!(runs, "{} does not run by itself: apt-get install busybox-static", busybox.display());
}
