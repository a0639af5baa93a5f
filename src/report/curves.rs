//! stub
use std::path::Path; use super::ReportError; use crate::train::log::EpochRow; use crate::plan::schema::Train; use crate::train::schedule::StopReason;
/// x
pub fn plateau_plot(_r:&[EpochRow],_t:&Train,_s:Option<StopReason>,_p:&Path)->Result<(),ReportError>{Ok(())}
/// x
pub fn learning_rate_plot(_r:&[EpochRow],_t:&Train,_p:&Path)->Result<(),ReportError>{Ok(())}
