//! host: the configured host name.

use crate::bench::Bench;
use crate::build::{HOST, container};

#[test]
fn every_row_written_has_the_configured_host() {
    let bench = Bench::following(&[container("c1"), container("c2").role("db").exited(0)]);
    assert_eq!(bench.rows.len(), 2);
    assert!(bench.rows.values().all(|stored| stored.row.host.as_str() == HOST));
}
