//! Loss, optimisation and augmentation. Each choice of the plan describes itself.

use crate::report::record::RunRecord;
use crate::report::text::methods::phrases::{count_in_words, join_and};
use crate::train::{augment, loss, optimizer, schedule, stopping};
use crate::units::{capitalized, counted, plural};

/// Loss, optimiser, epochs, schedule, stopping rule, trained networks, augmentation.
pub(super) fn describe_training(record: &RunRecord) -> String {
    let (plan, train) = (&record.plan, &record.plan.train);
    let epoch = format!(
        "An epoch comprised {} training and {} validation batches.",
        train.batches_per_epoch, train.validation_batches_per_epoch
    );
    [
        loss::describe(&plan.loss),
        optimizer::describe(&train.optimizer, train.learning_rate),
        epoch,
        schedule::describe(train),
        stopping::describe(train),
        describe_trained(record),
        augment::describe(plan),
    ]
    .join(" ")
}

/// How many networks were trained, and for how long.
fn describe_trained(record: &RunRecord) -> String {
    let lengths: Vec<usize> = record.trained_networks().map(|network| network.epochs.len()).collect();
    let (Some(shortest), Some(longest)) = (lengths.iter().min(), lengths.iter().max()) else {
        return "No network has been trained yet.".to_owned();
    };
    let networks = format!("{} {}", capitalized(&count_in_words(lengths.len())), plural(lengths.len(), "network"));
    let was = if lengths.len() == 1 { "was" } else { "were" };
    let epochs =
        if shortest == longest { counted(*shortest, "epoch") } else { format!("{shortest} to {longest} epochs") };
    let seeds = &record.plan.run.seeds;
    format!("{networks} {was} trained for {epochs} ({} {}).", plural(seeds.len(), "seed"), join_and(seeds))
}
