//! The Debian packages that chores need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, bail};

/// A package, and a program by which it is known to be there: however it came to be, it need not come from Debian.
type Needed = (&'static str, &'static str);

/// What fuzzing needs besides what a build does: libFuzzer's runtime is C++.
const FUZZING: &[Needed] = &[("g++", "c++")];

/// What only the tests need: the compose file is started, and the page looked at in a real browser.
const TESTS: &[Needed] = &[("docker-compose", "docker-compose"), ("chromium", "chromium")];

/// What the demo needs.
const DEMO: &[Needed] = &[
    ("docker.io", "dockerd"),
    ("docker.io", "containerd"),
    ("docker.io", "runc"),
    ("busybox-static", "busybox"),
    ("iproute2", "ip"),
    ("util-linux", "unshare"),
    ("util-linux", "setpriv"),
];

/// What all need that start a Docker daemon and databases of their own.
const DAEMONS: &[Needed] = &[
    ("docker.io", "dockerd"),
    ("docker.io", "containerd"),
    ("docker.io", "runc"),
    ("busybox-static", "busybox"),
    ("postgresql", "postgres"),
    ("iproute2", "ip"),
    ("openssl", "openssl"),
    ("procps", "ps"),
    ("util-linux", "unshare"),
    ("util-linux", "setpriv"),
];

/// Installs what daemons and databases of our own need and is missing, if that is ours to do: on Debian, as root.
pub(crate) fn install_missing() -> anyhow::Result<()> {
    install("running Docker and databases of our own", DAEMONS)
}

/// Installs what the tests need and is missing, if that is ours to do: on Debian, as root.
pub(crate) fn install_missing_for_tests() -> anyhow::Result<()> {
    install("testing", &[DAEMONS, TESTS].concat())
}

/// Installs what the demo needs and is missing, if that is ours to do: on Debian, as root.
pub(crate) fn install_missing_for_demo() -> anyhow::Result<()> {
    install("the demo", DEMO)
}

/// Installs what fuzzing needs and is missing, if that is ours to do: on Debian, as root.
pub(crate) fn install_missing_for_fuzzing() -> anyhow::Result<()> {
    install("fuzzing", FUZZING)
}

fn install(chore: &str, needed: &[Needed]) -> anyhow::Result<()> {
    let missing = missing(needed, &dirs());
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !nix::unistd::geteuid().is_root() || find("apt-get", &dirs()).is_none() {
        bail!("{chore} needs packages that are not here; as root: apt-get install {list}");
    }
    println!("installing what {chore} needs: {list}");
    apt_get(&["update"])?;
    let install = ["install", "--yes", "--no-install-recommends"];
    apt_get(&[&install[..], &missing].concat()).with_context(|| format!("cannot install {list}"))
}

fn missing(needed: &[Needed], dirs: &[PathBuf]) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for &(package, program) in needed {
        if find(program, dirs).is_none() && !missing.contains(&package) {
            missing.push(package);
        }
    }
    missing
}

fn apt_get(args: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("apt-get")
        .arg("--quiet")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("cannot run apt-get")?;
    if !status.success() {
        bail!("apt-get {}: {status}", args.join(" "));
    }
    Ok(())
}

/// Where programs are: PATH, where Debian has root's programs, and PostgreSQL's, which are in no PATH.
fn dirs() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<_> = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from)).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        dirs.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    dirs
}

fn find(program: &str, dirs: &[PathBuf]) -> Option<PathBuf> {
    dirs.iter().map(|dir| dir.join(program)).find(|file| Path::is_file(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_package_is_named_once() {
        let all: Vec<_> = missing(&[DAEMONS, TESTS].concat(), &[PathBuf::from("/nonexistent")]);
        assert_eq!(
            all,
            [
                "docker.io",
                "busybox-static",
                "postgresql",
                "iproute2",
                "openssl",
                "procps",
                "util-linux",
                "docker-compose",
                "chromium"
            ]
        );
    }
}
