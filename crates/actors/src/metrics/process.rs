//! The process itself, as Prometheus's clients tell it, from Linux's `/proc`.

use std::fs;

use prometheus::{Counter, Error, IntGauge};

use super::family::{Maker, whole};
use super::now_seconds;

/// What `/proc/self/stat` counts time in: `USER_HZ`, which is 100 on every architecture that Linux and Rust share but Alpha
/// (proc_pid_stat(5), time(7)).
const TICKS_PER_SECOND: f64 = 100.0;

/// The process's.
pub(super) struct ProcessMetrics {
    cpu: Counter,
    resident: IntGauge,
    virtual_memory: IntGauge,
    threads: IntGauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
}

impl ProcessMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        let start = maker.gauge(
            "process_start_time_seconds",
            "When the process was started, in seconds since the epoch.",
        )?;
        // Metrics are made first of all.
        start.set(now_seconds());
        Ok(Self {
            cpu: maker.sum("process_cpu_seconds_total", "Processor time of the process, user and system.")?,
            resident: maker.gauge("process_resident_memory_bytes", "Resident memory of the process.")?,
            virtual_memory: maker.gauge("process_virtual_memory_bytes", "Virtual memory of the process.")?,
            threads: maker.gauge("process_threads", "Threads of the process.")?,
            open_fds: maker.gauge("process_open_fds", "Open file descriptors of the process.")?,
            max_fds: maker
                .gauge("process_max_fds", "How many file descriptors the process may have open.")?,
        })
    }

    /// Reads what the system says now. What it does not say stays as it was.
    pub(super) fn refresh(&self) {
        if let Some(cpu) = read("stat").as_deref().and_then(cpu_seconds) {
            self.cpu.inc_by((cpu - self.cpu.get()).max(0.0));
        }
        let status = read("status").unwrap_or_default();
        for (gauge, key, unit) in [
            (&self.resident, "VmRSS:", 1024),
            (&self.virtual_memory, "VmSize:", 1024),
            (&self.threads, "Threads:", 1),
        ] {
            if let Some(value) = first_number(&status, key) {
                gauge.set(value * unit);
            }
        }
        if let Some(limit) = read("limits").and_then(|limits| first_number(&limits, "Max open files")) {
            self.max_fds.set(limit);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // The one that this is read with is none of the process's for long.
            self.open_fds.set(whole(open.count().saturating_sub(1)));
        }
    }
}

fn read(file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{file}")).ok()
}

/// `utime` and `stime`, the 14th and 15th field. The second, the program's name, may hold anything but ends with the last
/// parenthesis.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// The first word behind `key`, of the line that begins with it.
fn first_number(lines: &str, key: &str) -> Option<i64> {
    let line = lines.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_name_may_hold_anything() {
        let stat = "7 (a ) b (c) R 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 3 0 99";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds("7 (a) R 1"), None);
    }

    #[test]
    fn what_the_system_does_not_say_is_nothing() {
        assert_eq!(first_number("VmRSS:\t  20 kB\nThreads:\t3\n", "VmRSS:"), Some(20));
        assert_eq!(first_number("Max open files   unlimited  unlimited files", "Max open files"), None);
        assert_eq!(first_number("", "VmRSS:"), None);
    }
}
