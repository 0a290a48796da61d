//! What always holds.

mod a_fault_is_not_a_fact;
mod a_host_is_one_daemon;
mod absence_is_confirmed;
mod bounded;
mod labels_are_claims;
mod level_decides;
mod newer_wins;
mod no_change_no_write;
mod no_invented_project_rows;
mod one_winner_a_row;
mod own_rows_only;
mod writes_are_answered;
