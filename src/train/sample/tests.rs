#![allow(clippy::float_cmp, reason = "the values are copied, not computed")]

use super::*;
use crate::random::{Key, Purpose, stream};

fn rng(sample: u64) -> Rng {
    stream(Key { purpose: Purpose::TrainingPatch, seed: 3, counters: [0, 0, 0, sample] })
}

/// A case whose intensities are the voxels' raster index, with two classes.
struct Fixture {
    image: Array4<f32>,
    labels: Array3<i16>,
    foreground: BTreeMap<u8, Vec<[u32; 3]>>,
}

impl Fixture {
    fn new(shape: [usize; 3]) -> Self {
        let voxels = shape.iter().product::<usize>();
        let image = Array4::from_shape_vec((1, shape[0], shape[1], shape[2]), (0..voxels).map(|i| i as f32).collect());
        let foreground = BTreeMap::from([(1, vec![[0, 0, 0], [4, 5, 6]]), (2, vec![[9, 9, 9]])]);
        let mut labels = Array3::zeros(shape);
        for (&label, voxels) in &foreground {
            for voxel in voxels {
                labels[voxel.map(|place| place as usize)] = i16::from(label);
            }
        }
        Self { image: image.expect("as many values as voxels"), labels, foreground }
    }

    fn view(&self) -> CaseView<'_> {
        let foreground = self.foreground.values().map(Vec::as_slice).collect();
        CaseView { image: self.image.view(), labels: self.labels.view(), first_stage: None, foreground }
    }
}

#[test]
fn more_than_a_third_is_centred_on_foreground() {
    let counts = [2, 4, 9, 26, 33, 89, 366].map(forced_foreground);
    assert_eq!(counts, [1, 2, 4, 9, 12, 30, 123]);
    for batch_size in 1..100 {
        let forced = (0..batch_size).filter(|&index| is_forced(index, batch_size)).count();
        assert_eq!(forced, forced_foreground(batch_size));
        assert!(3 * forced > batch_size && 3 * (forced - 1) <= batch_size);
    }
}

#[test]
fn a_random_corner_reaches_both_ends_of_its_range_and_no_further() {
    let case = Fixture::new([10, 20, 12]);
    let window = Window { loaded: Shape([8, 9, 16]), patch: Shape([4, 8, 10]) };
    let ranges = corner_ranges(case.view().shape(), window);
    // Half of 8 - 4 = 4 hangs over on z; (9 - 8) rounds up to one voxel on each side of y; 16 - 10 = 6 on x.
    assert_eq!(ranges, [-2..5, -1..13, -3..0]);
    let corners: Vec<_> = (0..2000).map(|i| draw_corner(&case.view(), window, false, &mut rng(i))).collect();
    for axis in 0..3 {
        assert_eq!(corners.iter().map(|corner| corner[axis]).min(), Some(ranges[axis].start));
        assert_eq!(corners.iter().map(|corner| corner[axis]).max(), Some(ranges[axis].end - 1));
    }
}

#[test]
fn a_forced_patch_is_centred_on_every_listed_voxel_sooner_or_later() {
    let case = Fixture::new([10, 12, 14]);
    let window = Window { loaded: Shape([6, 6, 6]), patch: Shape([4, 4, 4]) };
    let mut corners: Vec<_> = (0..100).map(|i| draw_corner(&case.view(), window, true, &mut rng(i))).collect();
    corners.sort_unstable();
    corners.dedup();
    // [0, 0, 0] is held back at the start of the image; [9, 9, 9] hangs over its end.
    assert_eq!(corners, [[-1, -1, -1], [1, 2, 3], [6, 6, 6]]);
}

#[test]
fn a_slice_patch_stays_inside_of_its_slice() {
    let case = Fixture::new([10, 12, 10]);
    let window = Window { loaded: Shape([1, 8, 13]), patch: Shape([1, 6, 6]) };
    for sample in 0..200 {
        let forced = draw_corner(&case.view(), window, true, &mut rng(sample));
        assert!([0, 4, 9].contains(&forced[0]), "slice {} has no foreground", forced[0]);
        let free = draw_corner(&case.view(), window, false, &mut rng(sample));
        for corner in [forced, free] {
            assert!((0..=4).contains(&corner[1]), "row {} leaves the slice", corner[1]);
            assert!((-2..=-1).contains(&corner[2]), "10 voxels are padded to 13, found corner {}", corner[2]);
        }
    }
}

#[test]
fn forcing_a_case_without_foreground_draws_a_random_patch() {
    let mut case = Fixture::new([10, 12, 14]);
    case.foreground.clear();
    let window = Window { loaded: Shape([6, 6, 6]), patch: Shape([4, 4, 4]) };
    for sample in 0..20 {
        let forced = draw_corner(&case.view(), window, true, &mut rng(sample));
        assert_eq!(forced, draw_corner(&case.view(), window, false, &mut rng(sample)));
    }
}

#[test]
fn a_patch_over_the_edge_is_padded() {
    let case = Fixture::new([10, 12, 14]);
    let patch = extract(&case.view(), [-1, 10, 3], Shape([3, 4, 2]));
    for ([z, y, x], label) in patch.labels.indexed_iter().map(|((z, y, x), label)| ([z, y, x], *label)) {
        let inside = z >= 1 && y < 2;
        let expected = if inside { case.image[[0, z - 1, y + 10, x + 3]] } else { 0.0 };
        assert_eq!(patch.image[[0, z, y, x]], expected);
        assert_eq!(label, if inside { 0 } else { OUTSIDE });
    }
}

#[test]
fn a_patch_that_misses_the_case_is_all_padding() {
    let case = Fixture::new([10, 12, 14]);
    for corner in [[-9, 0, 0], [0, 12, 0], [0, 0, 40]] {
        let patch = extract(&case.view(), corner, Shape([4, 4, 4]));
        assert!(patch.labels.iter().all(|&label| label == OUTSIDE), "corner {corner:?}");
        assert!(patch.image.iter().all(|&value| value == 0.0), "corner {corner:?}");
    }
}

#[test]
fn the_first_stage_is_cut_out_with_the_image_and_says_background_outside() {
    let case = Fixture::new([10, 12, 14]);
    let classes = case.labels.mapv(|label| label as u8 + 1);
    let view = CaseView { first_stage: Some(classes.view()), ..case.view() };
    let patch = extract(&view, [-1, 10, 3], Shape([3, 4, 2]));
    let expected = patch.labels.mapv(|label| if label == OUTSIDE { 0 } else { label + 1 });
    assert_eq!(patch.first_stage, Some(expected));
    assert_eq!(extract(&case.view(), [0, 0, 0], Shape([1, 1, 1])).first_stage, None);
}

#[test]
fn finishing_hides_the_outside() {
    let case = Fixture::new([10, 12, 14]);
    let mut patch = extract(&case.view(), [4, 5, 6], Shape([2, 2, 2]));
    patch.labels[[1, 1, 1]] = OUTSIDE;
    let value = patch.image[[0, 1, 1, 1]];
    assert_ne!(value, 0.0);
    let plain = finish(patch.clone(), false);
    assert_eq!((plain.labels[[1, 1, 1]], plain.labels[[0, 0, 0]]), (0, 1));
    assert_eq!(plain.image[[0, 1, 1, 1]], value);
    let masked = finish(patch.clone(), true);
    assert_eq!(masked.image[[0, 1, 1, 1]], 0.0);
    assert_eq!(masked.image[[0, 0, 0, 0]], patch.image[[0, 0, 0, 0]]);
}
