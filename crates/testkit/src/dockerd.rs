//! A private dockerd.

mod api;
mod image;
mod sandbox;
mod spec;

use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

pub use api::{Answer, Docker};
pub use image::busybox_tar;
pub use spec::ContainerSpec;

use self::sandbox::{Process, Sandbox};
use crate::wait::wait_until;

/// The image that each private daemon has.
pub const IMAGE: &str = "busybox:test";

/// Where its socket is, below its directory: in a folder with nothing else in it, as containers mount it.
const SOCKET: &str = "run/docker.sock";

/// How long dockerd may take to start, to freeze or to be killed, whatever else the machine does.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long it may take to end in order, as long as systemd gives it: it waits 15 s for its containers and 10 s for its
/// containerd (moby's `cmd/dockerd/daemon.go`), and all that while it may have the processor only now and then.
const ORDERLY_END: Duration = Duration::from_secs(90);

/// A real dockerd of the test's own, with a containerd, a data root, an exec root, a network, mounts and a cgroup of
/// its own: the machine's daemon is neither needed nor touched.
///
/// Only its socket can be seen from outside. Dropping it ends it with all its containers and leaves nothing, also when
/// the test panics; if the test's process is killed, that happens a moment later. All its methods panic in one line
/// that says what to do.
#[derive(Debug)]
pub struct PrivateDockerd {
    docker: Docker,
    sandbox: Sandbox,
}

/// What a private daemon shall be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Containers live on while the daemon is down.
    pub live_restore: bool,
}

impl PrivateDockerd {
    /// Starts a daemon that has the image [`IMAGE`] and no containers.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a daemon with options of its own.
    pub async fn start_with(options: Options) -> Self {
        see_that_all_is_there();
        let sandbox = Sandbox::open(|dir, cgroup| flags(options, dir, cgroup));
        let docker = Docker::new(sandbox.dir().join(SOCKET));
        let daemon = Self { docker, sandbox };
        daemon.start_again().await;
        let (repo, tag) = IMAGE.split_once(':').unwrap();
        daemon.docker.import(busybox_tar(), repo, tag).await;
        daemon
    }

    /// The daemon that tests of one process share, started by the first that asks. Not to be frozen or ended, and
    /// never without containers of others.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<PrivateDockerd> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// A client of it, for what tests do to containers.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        self.docker.socket()
    }

    /// A directory that goes with it, also where the test's process is killed.
    pub fn dir(&self) -> &Path {
        self.sandbox.dir()
    }

    /// Its socket as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// dockerd's process.
    pub fn pid(&self) -> Pid {
        match self.dockerd() {
            Some(process) => process.pid,
            None => panic!("the private dockerd does not run: {}", self.sandbox.last_words()),
        }
    }

    /// Stops dockerd's process (SIGSTOP): from now on it accepts connections and answers nothing.
    pub async fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        wait_until("dockerd to freeze", DEADLINE, || self.is_frozen() == Some(true)).await;
    }

    /// Lets a frozen dockerd go on.
    pub async fn thaw(&self) {
        self.signal(Signal::SIGCONT);
        wait_until("dockerd to thaw", DEADLINE, || self.is_frozen() == Some(false)).await;
    }

    /// Ends dockerd at once (SIGKILL). Containers live on until it is started again, and then as its options say.
    pub async fn kill(&self) {
        self.signal(Signal::SIGKILL);
        wait_until("a killed dockerd to be gone", DEADLINE, || self.dockerd().is_none()).await;
    }

    /// Ends dockerd in order (SIGTERM): it stops its containers first, unless they shall live on.
    pub async fn terminate(&self) {
        self.signal(Signal::SIGTERM);
        wait_until("dockerd to end in order", ORDERLY_END, || self.dockerd().is_none()).await;
    }

    /// Starts dockerd after [`kill`](Self::kill) or [`terminate`](Self::terminate), on the same data, and waits until
    /// it answers.
    pub async fn start_again(&self) {
        self.begin_start().await;
        let answers = async {
            let mut seen = false;
            while !self.docker.answers().await {
                let runs = self.dockerd().is_some();
                let ended = (seen && !runs) || !self.sandbox.is_open();
                assert!(!ended, "the private dockerd ended at once: {}", self.sandbox.last_words());
                seen = runs;
                sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = timeout(DEADLINE, answers).await.is_ok();
        assert!(
            in_time,
            "the private dockerd does not answer {DEADLINE:?} after its start: {}",
            self.sandbox.last_words()
        );
    }

    /// As [`start_again`](Self::start_again), but does not wait until it answers.
    pub async fn begin_start(&self) {
        assert!(self.dockerd().is_none(), "the private dockerd runs already");
        self.end_containerd().await;
        self.sandbox.order_start();
    }

    /// Ends dockerd in order, and starts it again.
    pub async fn restart(&self) {
        self.terminate().await;
        self.start_again().await;
    }

    /// The names of its processes: dockerd, containerd, shims, and those of containers.
    pub fn processes(&self) -> Vec<String> {
        self.sandbox.processes().into_iter().map(|process| process.name).collect()
    }

    fn dockerd(&self) -> Option<Process> {
        self.sandbox.processes().into_iter().find(|process| process.name == "dockerd")
    }

    fn is_frozen(&self) -> Option<bool> {
        Some(self.dockerd()?.state == 'T')
    }

    fn signal(&self, signal: Signal) {
        let pid = self.pid();
        kill(pid, signal).unwrap_or_else(|error| panic!("cannot send dockerd ({pid}) {signal}: {error}"));
    }

    /// A killed dockerd leaves its containerd, which the next would not take for its own.
    async fn end_containerd(&self) {
        wait_until("the last dockerd's containerd to be gone", DEADLINE, || {
            let mut gone = true;
            for process in self.sandbox.processes().iter().filter(|process| process.name == "containerd") {
                let _ = kill(process.pid, Signal::SIGKILL);
                gone = false;
            }
            gone
        })
        .await;
    }
}

/// A name that no other container has: the given one, and something random.
pub fn unique(name: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{name}-{}", &random[..12])
}

fn flags(options: Options, dir: &Path, cgroup: &str) -> Vec<String> {
    fs::create_dir(dir.join("run")).unwrap();
    fs::write(dir.join("daemon.json"), "{}").unwrap();
    let dir = dir.display();
    let mut flags = vec![
        format!("--host=unix://{dir}/{SOCKET}"),
        format!("--data-root={dir}/data"),
        // The machine's own settings are not for this daemon.
        format!("--config-file={dir}/daemon.json"),
        format!("--cgroup-parent={cgroup}"),
        "--exec-root=/run/docker".into(),
        "--pidfile=/run/docker.pid".into(),
        "--exec-opt=native.cgroupdriver=cgroupfs".into(),
        "--bip=172.31.255.1/24".into(),
        "--iptables=false".into(),
        "--ip6tables=false".into(),
        "--ip-forward=false".into(),
        "--ip-masq=false".into(),
        "--shutdown-timeout=5".into(),
    ];
    if options.live_restore {
        flags.push("--live-restore".into());
    }
    flags
}

fn see_that_all_is_there() {
    assert!(
        geteuid().is_root(),
        "a private dockerd needs root: run the tests as root (sudo -E cargo xtask test)"
    );
    let path = env::var_os("PATH").unwrap_or_default();
    let has = |program: &&str| env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let missing: Vec<_> = ["dockerd", "containerd", "runc", "setsid", "unshare", "ip", "bash", "tar"]
        .into_iter()
        .filter(|p| !has(p))
        .collect();
    assert!(
        missing.is_empty(),
        "a private dockerd needs {} in PATH: apt-get install docker.io busybox-static iproute2 util-linux",
        missing.join(", ")
    );
}
