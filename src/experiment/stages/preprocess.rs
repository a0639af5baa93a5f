//! Preprocess: every training case, for one configuration.

use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::plan::schema::ConfigurationName;
use crate::preprocess::cache::Preparation;
use crate::units::counted;

pub(super) fn preprocess_cases(context: &Context<'_>, name: ConfigurationName) -> Result<Ending, ExperimentError> {
    let Context { plan, dataset, contents, listener, .. } = context;
    let folder = context.prepared_folder(name);
    let configuration = &plan.configurations[&name];
    let cases = Preparation { dataset, contents, plan, configuration, folder: &folder };
    listener.begin(&format!("{name}: preprocessing cases"), dataset.training.len());
    let made = cases.make(context.interrupted, &|| listener.advance());
    listener.end();
    let made = made?;
    if made > 0 {
        listener.say(&format!("{name}: {} preprocessed in `{}`", counted(made, "case"), folder.display()));
    }
    let is_complete = cases.fresh() == dataset.training.len();
    Ok(if context.is_interrupted() && !is_complete { Ending::Interrupted } else { Ending::Done })
}
