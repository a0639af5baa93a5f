//! Axes of mirroring: nnU-Net stores them with each network, a plan has them once.

use std::collections::BTreeMap;

use crate::plan::schema::ConfigurationName;

/// The axes of a plan, in the order of `patch_size`, from those of each network in nnU-Net's order, which lacks the slice axis in 2D.
///
/// # Errors
///
/// When no axes are right for all networks.
pub(super) fn mirror_axes(networks: &BTreeMap<ConfigurationName, &[usize]>) -> Result<Vec<usize>, String> {
    // Axes of one voxel are never mirrored, so that a 2D network leaves the slice axis open.
    let mut decided: [Option<bool>; 3] = [None; 3];
    for (name, axes) in networks {
        let first = usize::from(name.is_2d());
        for (axis, decided) in decided.iter_mut().enumerate().skip(first) {
            let mirrored = axes.contains(&(axis - first));
            if decided.is_some_and(|decided| decided != mirrored) {
                return Err(format!(
                    "`{name}` is mirrored along other axes than the networks above; import one folder at a time"
                ));
            }
            *decided = Some(mirrored);
        }
    }
    Ok((0..3).filter(|&axis| decided[axis] == Some(true)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConfigurationName::{FullRes, LowRes, TwoD};

    #[test]
    fn axes_of_all_networks_are_combined_or_refused() {
        let all = |networks: &[(ConfigurationName, &'static [usize])]| mirror_axes(&networks.iter().copied().collect());
        assert_eq!(all(&[(FullRes, &[0, 1, 2])]).unwrap(), [0, 1, 2]);
        assert_eq!(all(&[(TwoD, &[0, 1])]).unwrap(), [1, 2]);
        assert_eq!(all(&[(TwoD, &[0, 1]), (FullRes, &[0, 1, 2])]).unwrap(), [0, 1, 2]);
        assert_eq!(all(&[(TwoD, &[]), (FullRes, &[])]).unwrap(), Vec::<usize>::new());
        assert_eq!(all(&[(FullRes, &[0, 1])]).unwrap(), [0, 1]);
        assert!(all(&[(FullRes, &[0, 1]), (LowRes, &[0])]).unwrap_err().starts_with("`3d_lowres` is mirrored"));
    }
}
