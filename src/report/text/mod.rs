//! Generated texts: methods paragraph, CLAIM checklist, notes on missing results.

pub mod claim;
pub mod methods;
pub mod missing;
