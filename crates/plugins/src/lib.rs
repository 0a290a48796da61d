//! What reconciles a workload: the Plugin interface and its drivers.
