//! Whether a SQLite file was written to, as the kernel tells it.
//!
//! To ask SQLite wakes the thread that has the connection: twice a second, and for nothing where nobody writes, that is
//! most of what an idle program takes. The kernel wakes us when somebody does, and is relied on only where it sees every
//! write: on file systems of this machine. <https://man7.org/linux/man-pages/man7/inotify.7.html>
//!
//! It would tell of our own writes as well, page by page, while they are under way. So nothing is watched while rows are written,
//! and for a while after that: SQLite is asked then.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC,
    XFS_SUPER_MAGIC, statfs,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// Where every write passes through this kernel. ext2 and ext3 have ext4's number.
const LOCAL: [FsType; 7] = [
    BTRFS_SUPER_MAGIC,
    EXT4_SUPER_MAGIC,
    F2FS_SUPER_MAGIC,
    OVERLAYFS_SUPER_MAGIC,
    TMPFS_MAGIC,
    XFS_SUPER_MAGIC,
    // ZFS
    FsType(0x2fc1_2fc1),
];

/// SQLite is asked after this even so: for whoever writes to a file through its mapped memory.
const BELIEVED: Duration = Duration::from_secs(10);

/// What was written is seen by others a little later: whoever commits writes to the log, waits for the disk if it is to, and
/// lets them see it then, through mapped memory. What SQLite says before that is not the last word.
const COMMITTED: Duration = Duration::from_secs(2);

/// Who writes often is not watched: nothing is until we have not written for so long.
const QUIET: Duration = Duration::from_secs(1);

/// Other files of the directory may be written to all the time: so long nobody is woken after such a one.
const PAUSE: Duration = Duration::from_millis(400);

/// What the kernel has to tell is read so many times in a row, some hundred events each: another file of the directory may be
/// written to faster than that can be read.
const READS: usize = 64;

/// Watches a file, and those that SQLite keeps beside it.
#[derive(Debug)]
pub(crate) struct FileWatch {
    inotify: Inotify,
    /// Kept open, so that it is the same one whatever it is called by now.
    directory: File,
    names: [OsString; 3],
    known: Mutex<Known>,
    /// Told when the kernel's word was taken by somebody who does not wait for it.
    heard: Notify,
}

/// What is known of the files.
#[derive(Debug)]
struct Known {
    watch: Watch,
    /// When they were, or may have been, written to last.
    touched: Option<Instant>,
    settled: Option<Settled>,
}

#[derive(Clone, Copy, Debug)]
enum Watch {
    On(WatchDescriptor),
    /// Since we began to write.
    Off(Instant),
}

/// SQLite said that nobody else had written, and nothing was written since.
#[derive(Clone, Copy, Debug)]
struct Settled {
    /// [`Link::unseen`](crate::link::Link) before it was asked.
    unseen: u64,
    at: Instant,
}

impl FileWatch {
    /// `None` where the kernel cannot be relied on, or has no watch to give.
    pub(crate) fn start(file: &Path) -> Option<Self> {
        let file = file.canonicalize().ok()?;
        let (directory, name) = (file.parent()?, file.file_name()?);
        if !LOCAL.contains(&statfs(directory).ok()?.filesystem_type()) {
            return None;
        }
        let directory = File::open(directory).ok()?;
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        let watch = Watch::On(watch(&inotify, &directory).ok()?);
        let beside = |suffix: &str| {
            let mut beside = name.to_owned();
            beside.push(suffix);
            beside
        };
        let names = [name.to_owned(), beside("-wal"), beside("-journal")];
        let known = Mutex::new(Known { watch, touched: None, settled: None });
        Some(Self { inotify, directory, names, known, heard: Notify::new() })
    }

    /// Rows are about to be written.
    pub(crate) fn look_away(&self) {
        let mut known = self.known();
        if let Watch::On(watch) = known.watch {
            // Refused if it is over, which is as good.
            _ = self.inotify.rm_watch(watch);
        }
        known.watch = Watch::Off(Instant::now());
        known.settled = None;
    }

    #[cfg(test)]
    pub(crate) fn watches(&self) -> bool {
        matches!(self.known().watch, Watch::On(_))
    }

    /// Whether nothing was written since SQLite was asked last, and [`FileWatch::settle`] told what it said.
    pub(crate) fn is_settled(&self, unseen: u64) -> bool {
        // What is written from here on is told the next time: it is forgotten before SQLite is asked.
        if self.hear() {
            self.heard.notify_one();
        }
        let mut known = self.known();
        if let Watch::Off(since) = known.watch
            && since.elapsed() >= QUIET
            && let Ok(watch) = watch(&self.inotify, &self.directory)
        {
            // Whatever was written while nobody watched may have been written just now.
            known.watch = Watch::On(watch);
            known.touched = Some(Instant::now());
        }
        known.settled.is_some_and(|settled| settled.unseen == unseen && settled.at.elapsed() < BELIEVED)
    }

    /// SQLite, asked after [`FileWatch::is_settled`] was, says that nobody else wrote.
    pub(crate) fn settle(&self, unseen: u64) {
        let mut known = self.known();
        let watched = matches!(known.watch, Watch::On(_));
        if watched && known.touched.is_none_or(|at| at.elapsed() >= COMMITTED) {
            known.settled = Some(Settled { unseen, at: Instant::now() });
        }
    }

    /// Returns once SQLite has to be asked.
    pub(crate) async fn stirred(&self) {
        while let Some(believed) = self.believed_until() {
            tokio::select! {
                () = self.heard.notified() => {}
                () = sleep_until(believed) => return,
                told = self.anything() => {
                    if told.is_err() || self.hear() {
                        return;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Returns once the kernel has anything to tell, which only whoever waits here is woken for.
    async fn anything(&self) -> io::Result<()> {
        #[expect(deprecated, reason = "what is to be promised in its stead is so: the descriptor stays open")]
        let inotify = AsyncFd::with_interest(self.inotify.as_fd(), Interest::READABLE)?;
        inotify.readable().await.map(drop)
    }

    fn believed_until(&self) -> Option<Instant> {
        self.known().settled.map(|settled| settled.at + BELIEVED)
    }

    /// Hears what the kernel has to tell; whether that unsettles.
    fn hear(&self) -> bool {
        let touched = self.touched();
        if touched {
            let mut known = self.known();
            (known.touched, known.settled) = (Some(Instant::now()), None);
        }
        touched
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the kernel has anything to tell of the files, which it does once. That a watch is over, that too much
    /// happened, and whatever else has no name count as well; and that more is told than can be heard.
    fn touched(&self) -> bool {
        let mut touched = false;
        for _ in 0..READS {
            match self.inotify.read_events() {
                Ok(events) => {
                    touched |= events
                        .iter()
                        .any(|event| event.name.as_ref().is_none_or(|name| self.names.contains(name)));
                }
                Err(Errno::EAGAIN) => return touched,
                Err(Errno::EINTR) => {}
                Err(_) => return true,
            }
        }
        true
    }
}

fn watch(inotify: &Inotify, directory: &File) -> nix::Result<WatchDescriptor> {
    let changes = AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF;
    let directory = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    inotify.add_watch(&directory, changes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A watched file, in a directory that has another.
    fn bed() -> (tempfile::TempDir, FileWatch) {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.db", "other"] {
            fs::write(directory.path().join(name), "1").unwrap();
        }
        let watch = FileWatch::start(&directory.path().join("a.db")).unwrap();
        (directory, watch)
    }

    #[tokio::test(start_paused = true)]
    async fn what_unsettles() {
        type Happens = fn(&Path);
        let cases: [(&str, Happens, bool); 9] = [
            ("nothing", |_| {}, true),
            ("another file is written", |d| fs::write(d.join("other"), "2").unwrap(), true),
            ("the file is written", |d| fs::write(d.join("a.db"), "2").unwrap(), false),
            ("its log is made", |d| fs::write(d.join("a.db-wal"), "2").unwrap(), false),
            ("its journal is made", |d| fs::write(d.join("a.db-journal"), "").unwrap(), false),
            ("the file is replaced", |d| fs::rename(d.join("other"), d.join("a.db")).unwrap(), false),
            ("the file is removed", |d| fs::remove_file(d.join("a.db")).unwrap(), false),
            ("the directory is moved", |d| fs::rename(d, d.with_extension("moved")).unwrap(), false),
            (
                "more happens than the kernel keeps",
                |d| {
                    for n in 0..40_000 {
                        fs::write(d.join(format!("other{}", n % 2)), "").unwrap();
                    }
                },
                false,
            ),
        ];
        for (what, happens, settled) in cases {
            let (directory, watch) = bed();
            assert!(!watch.is_settled(1), "SQLite was not asked yet");
            watch.settle(1);
            assert!(watch.is_settled(1));
            happens(directory.path());
            assert_eq!(watch.is_settled(1), settled, "{what}");
            assert_eq!(watch.is_settled(1), settled, "{what}: it stays so until SQLite was asked");
            watch.settle(1);
            assert_eq!(
                watch.is_settled(1),
                settled,
                "{what}: and a little longer, for it may not see it yet"
            );
            tokio::time::advance(COMMITTED).await;
            watch.settle(1);
            assert!(watch.is_settled(1), "{what}");
            _ = fs::remove_dir_all(directory.path().with_extension("moved"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_believed_for_a_while_and_of_one_connection() {
        let (_directory, watch) = bed();
        watch.settle(1);
        tokio::time::advance(BELIEVED - Duration::from_millis(1)).await;
        assert!(watch.is_settled(1));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!watch.is_settled(1));
        watch.settle(1);
        assert!(!watch.is_settled(2), "another connection has not been asked");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_watched_while_we_write_and_whatever_another_writes_then_is_not_missed() {
        let (directory, watch) = bed();
        let write = || fs::write(directory.path().join("a.db-wal"), "2").unwrap();
        let settles = || {
            let before = watch.is_settled(1);
            watch.settle(1);
            before || watch.is_settled(1)
        };
        assert!(settles());
        watch.look_away();
        assert!(!watch.is_settled(1));
        tokio::time::advance(COMMITTED).await;
        watch.settle(1);
        assert!(!watch.is_settled(1), "what SQLite said while nobody watched holds for that moment");
        watch.look_away();
        assert!(!settles(), "it was written to");
        write();
        assert!(!watch.hear(), "nobody watches");
        tokio::time::advance(QUIET / 2).await;
        watch.look_away();
        tokio::time::advance(QUIET - Duration::from_millis(1)).await;
        assert!(!settles());
        write();
        assert!(!watch.hear(), "still nobody, for we wrote just now");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!settles(), "it is watched from here on");
        tokio::time::advance(COMMITTED - Duration::from_millis(1)).await;
        assert!(!settles(), "what was written just before may not be seen yet");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(settles());
        write();
        assert!(!watch.is_settled(1), "another wrote");
        // It is the directory that is watched, whatever it is called.
        let moved = directory.path().with_extension("moved");
        watch.look_away();
        fs::rename(directory.path(), &moved).unwrap();
        tokio::time::advance(QUIET).await;
        assert!(!settles());
        tokio::time::advance(COMMITTED).await;
        assert!(settles());
        fs::write(moved.join("a.db-wal"), "3").unwrap();
        assert!(!watch.is_settled(1));
        fs::remove_dir_all(moved).unwrap();
    }

    /// How many tenths of a second it takes until SQLite has to be asked, while something happens.
    async fn stirs(watch: &FileWatch, happens: impl Future<Output = ()>) -> u128 {
        let begun = Instant::now();
        let stirred = async {
            watch.stirred().await;
            begun.elapsed().as_millis() / 100
        };
        tokio::join!(stirred, happens).0
    }

    #[tokio::test(start_paused = true)]
    async fn what_wakes() {
        let (directory, watch) = bed();
        let write = |name: &str| fs::write(directory.path().join(name), "2").unwrap();
        async fn later(happens: impl FnOnce()) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            happens();
        }
        assert_eq!(stirs(&watch, async {}).await, 0, "SQLite was not asked yet");
        watch.settle(1);
        assert_eq!(stirs(&watch, async {}).await, 100, "nothing happens");
        watch.settle(1);
        assert_eq!(stirs(&watch, later(|| write("other"))).await, 100);
        watch.settle(1);
        let both = async {
            later(|| write("other")).await;
            tokio::time::sleep(PAUSE / 4).await;
            write("a.db-wal");
        };
        assert_eq!(stirs(&watch, both).await, 14, "it is written to, just after another");
        assert_eq!(stirs(&watch, async {}).await, 0, "until SQLite was asked");
        tokio::time::advance(COMMITTED).await;
        watch.settle(1);
        let heard = || {
            write("a.db-wal");
            assert!(!watch.is_settled(1));
        };
        assert_eq!(stirs(&watch, later(heard)).await, 10, "somebody else was told");
    }

    #[test]
    fn only_where_the_kernel_sees_all() {
        assert!(FileWatch::start(Path::new("/proc/version")).is_none());
        assert!(FileWatch::start(Path::new("/nowhere/a.db")).is_none());
    }
}
