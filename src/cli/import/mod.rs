//! `segplan import`: a plan or a trained model of nnU-Net v2.

mod arguments;
mod model;
mod plan;

pub(super) use self::arguments::Arguments;

use crate::cli::failure::Failure;
use crate::nnunet::model::is_model;

pub(super) fn import(arguments: &Arguments) -> Result<(), Failure> {
    let has_plans = arguments.source.join(&arguments.plans).is_file();
    if !has_plans && is_model(&arguments.source) {
        model::import_trained(arguments)
    } else {
        plan::import_plan(arguments)
    }
}
